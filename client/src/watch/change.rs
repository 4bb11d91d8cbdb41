//! What differs from one snapshot of a run to the next, for programs that draw.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use runmeta_core::{Json, Members};

use super::{Snapshot, Snapshots};

/// What changed in a run, as a JSON merge patch (RFC 7396) over what [`Snapshot::to_json`] returns. Numbers in it are exact, and one
/// that is written with other digits has changed: 1.0 that became 1.00 is in the patch.
///
/// ```no_run
/// # async fn example(snapshots: runmeta_client::Snapshots) {
/// let mut shown = runmeta_client::Json::Null;
/// let mut changes = snapshots.changes();
/// while let Some(change) = changes.next().await {
///     change.apply(&mut shown);
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Change {
    snapshot: Snapshot,
    from: Option<i64>,
    patch: Json,
    is_whole: bool,
}

impl Change {
    /// Returns the id of the run.
    pub fn id(&self) -> &str {
        self.snapshot.id()
    }

    /// Returns the version that the run has with this change.
    pub fn version(&self) -> i64 {
        self.snapshot.version()
    }

    /// Returns the version that the patch is for; `None` if it is the [whole](Change::is_whole) object.
    pub fn from(&self) -> Option<i64> {
        self.from
    }

    /// Returns the patch, or the whole object if [`is_whole`](Change::is_whole).
    pub fn patch(&self) -> &Json {
        &self.patch
    }

    /// Returns true if the patch is the whole object: for the first change of a run, and where no patch could describe the change,
    /// because a value became null, which means in a patch that it is removed.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns the snapshot after this change.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Applies the change to the object of the version before.
    pub fn apply(&self, object: &mut Json) {
        match self.is_whole {
            true => *object = self.patch.clone(),
            false => merge(object, &self.patch),
        }
    }
}

/// A stream of changes: [`Snapshots::changes`]. It keeps the last object of each run that it saw, until the run is gone.
#[derive(Debug)]
pub struct Changes {
    snapshots: Snapshots,
    last: HashMap<String, (i64, Json)>,
}

impl Changes {
    pub(super) fn new(snapshots: Snapshots) -> Changes {
        let last = HashMap::new();
        Changes { snapshots, last }
    }

    /// Returns the next change, or `None` after the end.
    pub async fn next(&mut self) -> Option<Change> {
        let snapshot = self.snapshots.next().await?;
        Some(self.change(snapshot))
    }

    fn change(&mut self, snapshot: Snapshot) -> Change {
        let object = snapshot.to_json();
        let before = self.last.remove(snapshot.id());
        let patch = before.and_then(|(version, before)| {
            merge_patch(&before, &object).map(|patch| (version, patch))
        });
        let (from, patch) = patch.unzip();
        let is_whole = from.is_none();
        let patch = patch.unwrap_or_else(|| object.clone());
        if !snapshot.is_gone() {
            let last = (snapshot.version(), object);
            self.last.insert(snapshot.id().to_owned(), last);
        }
        Change {
            snapshot,
            from,
            patch,
            is_whole,
        }
    }
}

impl Stream for Changes {
    type Item = Change;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Change>> {
        let snapshot = ready!(Pin::new(&mut self.snapshots).poll_next(context));
        Poll::Ready(snapshot.map(|snapshot| self.change(snapshot)))
    }
}

/// Returns the JSON merge patch (RFC 7396) from one object to another, or `None` if no patch can describe the difference, because a
/// value became null. [`Change`] has it for each change of a watch; this is for programs that make one patch for many watchers.
///
/// ```
/// use runmeta_client::{Json, merge_patch};
///
/// let before = Json::parse(r#"{"a": 1.0, "b": 2, "c": 3}"#).unwrap();
/// let after = Json::parse(r#"{"a": 1.00, "c": 3}"#).unwrap();
/// let patch = merge_patch(&before, &after).unwrap();
/// assert_eq!(patch.to_string(), r#"{"a":1.00,"b":null}"#);
/// ```
pub fn merge_patch(before: &Json, after: &Json) -> Option<Json> {
    let (Json::Object(before), Json::Object(after)) = (before, after) else {
        return is_patch(after).then(|| after.clone());
    };
    let mut patch = Vec::new();
    for (name, value) in after.iter() {
        let change = match before.get(name) {
            Some(old) if old == value => continue,
            Some(old) => merge_patch(old, value)?,
            None if is_patch(value) => value.clone(),
            None => return None,
        };
        patch.push((name, change));
    }
    let names = before.iter().map(|(name, _)| name);
    let removed = names.filter(|name| after.get(name).is_none());
    patch.extend(removed.map(|name| (name, Json::Null)));
    Some(Json::Object(Members::from_iter(patch)))
}

/// Returns true if a value, as a patch, makes itself of whatever was there. Arrays are taken as they are.
fn is_patch(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Object(members) => members.iter().all(|(_, member)| is_patch(member)),
        _ => true,
    }
}

pub(super) fn merge(target: &mut Json, patch: &Json) {
    let Json::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if target.as_object().is_none() {
        *target = Json::Object(Members::new());
    }
    let Some(members) = target.as_object_mut() else {
        return;
    };
    for (name, change) in changes.iter() {
        match change {
            Json::Null => drop(members.remove(name)),
            change => merge(members.get_or_null(name).0, change),
        }
    }
}
