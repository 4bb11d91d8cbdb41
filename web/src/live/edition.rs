//! One state of a run, serialised once for all who read it.

use std::sync::OnceLock;

use axum::body::Bytes;
use runmeta_client::{Json, Snapshot, merge_patch};

use super::budget::{Budget, Share};
use super::frame;

/// A state of a run in a room.
#[derive(Debug)]
pub struct Edition {
    /// No other edition of the room has it. Versions do not do: a server that lost commits in a failover gives one out again.
    number: u64,
    snapshot: Snapshot,
    /// Events carry the version as their id: those of one run, which can be resumed from it.
    has_id: bool,
    /// For the next patch, if the budget allows. With exact numbers, so that a patch has them too.
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
        let mut edition = Edition {
            number,
            snapshot: snapshot.clone(),
            has_id,
            object: None,
            whole: OnceLock::new(),
            change: None,
        };
        if snapshot.is_gone() {
            return edition;
        }
        let object = snapshot.to_json();
        edition.change = before.and_then(|before| edition.change_from(before, &object));
        if edition.change.is_none() {
            let _ = edition.whole.set(edition.whole_now());
        }
        let share = budget.take(snapshot.metadata_json().len() + 512);
        edition.object = share.map(|share| (object, share));
        edition
    }

    /// Returns its number in its room.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the run in this state.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the event for a reader that saw the edition of this number last, if it saw one of this run.
    pub(super) fn event(&self, seen: Option<u64>) -> Bytes {
        match &self.change {
            Some((from, change)) if seen == Some(*from) => change.clone(),
            _ => self.whole.get_or_init(|| self.whole_now()).clone(),
        }
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
        let change = frame::event(Some("change"), self.id(), &data.to_string());
        Some((before.number, change))
    }
}
