//! One state of a run, serialised once for all who read it.

use std::sync::OnceLock;

use axum::body::Bytes;
use runmeta_client::{Json, Snapshot, merge_patch};

use super::frame;
use crate::budget::{Budget, Share};

/// What the columns of a run take beside its metadata, about.
const COLUMNS: usize = 512;

/// How much more an object takes than its text, about.
const OBJECT: usize = 4;

/// A state of a run in a room.
#[derive(Debug)]
pub struct Edition {
    /// No other edition of the room has it. Versions do not do: a server that lost commits in a failover gives one out again.
    number: u64,
    snapshot: Snapshot,
    /// Events carry the version as their id: those of one run, which can be resumed from it.
    has_id: bool,
    budget: Budget,
    /// For its room to keep it.
    share: Option<Share>,
    /// For the next patch, if the room keeps it. With exact numbers, so that a patch has them too.
    object: Option<(Json, Share)>,
    whole: OnceLock<Bytes>,
    /// The event that leads from the edition with this number here.
    change: Option<(u64, Bytes)>,
}

impl Edition {
    /// Makes the edition of a snapshot, behind the one before it.
    pub(super) fn new(
        number: u64,
        snapshot: &Snapshot,
        before: Option<&Edition>,
        has_id: bool,
        budget: &Budget,
    ) -> Edition {
        let bytes = snapshot.metadata_json().len() + COLUMNS;
        let mut edition = Edition {
            number,
            snapshot: snapshot.clone(),
            has_id,
            budget: budget.clone(),
            share: budget.spare(bytes),
            object: None,
            whole: OnceLock::new(),
            change: None,
        };
        if snapshot.is_gone() || !edition.may_be_kept() {
            return edition;
        }
        if let Some(share) = budget.spare(OBJECT * bytes) {
            let object = snapshot.to_json();
            edition.change = before.and_then(|before| edition.change_from(before, &object));
            edition.object = Some((object, share));
        }
        edition
    }

    /// Makes the edition of a snapshot for one reader, which nobody keeps.
    pub(super) fn passing(
        number: u64,
        snapshot: &Snapshot,
        has_id: bool,
        budget: &Budget,
    ) -> Edition {
        Edition {
            number,
            snapshot: snapshot.clone(),
            has_id,
            budget: budget.clone(),
            share: None,
            object: None,
            whole: OnceLock::new(),
            change: None,
        }
    }

    /// Returns true if the budget had room for its room to keep it.
    pub(super) fn may_be_kept(&self) -> bool {
        self.share.is_some()
    }

    /// Returns its number in its room.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the run in this state.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the event for a reader that saw the edition of this number last, if it saw one of this run. None if the budget has no
    /// room for it.
    pub(super) fn event(&self, seen: Option<u64>) -> Option<Bytes> {
        match &self.change {
            Some((from, change)) if seen == Some(*from) => return Some(change.clone()),
            _ => {}
        }
        if let Some(whole) = self.whole.get() {
            return Some(whole.clone());
        }
        let bytes = self.snapshot.metadata_json().len() + COLUMNS;
        let whole = self.budget.text(bytes, || self.whole_now())?;
        Some(self.whole.get_or_init(|| whole).clone())
    }

    fn id(&self) -> Option<i64> {
        self.has_id.then(|| self.snapshot.version())
    }

    fn whole_now(&self) -> Bytes {
        let snapshot = &self.snapshot;
        if snapshot.is_gone() {
            let data = Json::from([
                ("id", Json::from(snapshot.id())),
                ("version", Json::from(snapshot.version())),
            ]);
            return frame::event(Some("gone"), self.id(), &data.to_string());
        }
        frame::event(Some("snapshot"), self.id(), &snapshot.to_json_text())
    }

    fn change_from(&self, before: &Edition, object: &Json) -> Option<(u64, Bytes)> {
        let patch = merge_patch(&before.object.as_ref()?.0, object)?;
        let data = Json::from([
            ("id", Json::from(self.snapshot.id())),
            ("version", Json::from(self.snapshot.version())),
            ("from", Json::from(before.snapshot.version())),
            ("patch", patch),
        ]);
        let data = data.to_string();
        let event = || frame::event(Some("change"), self.id(), &data);
        let change = self.budget.text(data.len(), event)?;
        Some((before.number, change))
    }
}
