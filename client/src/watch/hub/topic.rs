//! A topic: what is known of its members, and who watches it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use crate::buffer::waiter::Waiter;
use crate::watch::Snapshot;
use crate::watch::slot::Slot;
use crate::watch::snapshot::Fields;
use crate::wire::watch::Listed;

#[derive(Debug, Default)]
pub(super) struct Watched {
    slots: HashMap<u64, Arc<Slot>>,
    /// Some 200 bytes each, with the id.
    members: HashMap<Arc<str>, Known>,
    /// Those who wait for the end of the first listing.
    joining: Vec<Arc<Waiter<()>>>,
    is_listed: bool,
    /// Runs that the first listing has and that were not viewed yet.
    first: HashSet<Arc<str>>,
    /// When the first listing began. Those who watch unfinished runs watch none that had finished before.
    pub(super) since: Option<SystemTime>,
}

/// What was passed on of a run.
#[derive(Debug)]
struct Known {
    root_id: Arc<str>,
    created_at: SystemTime,
    version: i64,
    /// Equal for states in which a watcher sees nothing different.
    content: u64,
    is_finished: bool,
    /// Whatever the server has is taken as newer.
    is_doubtful: bool,
    /// It is to be read again: the last read failed, or brought an older state.
    is_owed: bool,
    /// The last listing that had it.
    listing: u64,
}

impl Watched {
    pub(super) fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.slots.values()
    }

    pub(super) fn slot(&self, id: u64) -> Option<&Arc<Slot>> {
        self.slots.get(&id)
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.members.contains_key(id)
    }

    /// Adds a watcher, which is to see all members.
    pub(super) fn join(&mut self, id: u64, slot: Arc<Slot>, unfinished: bool) {
        for (member, known) in &self.members {
            if !(unfinished && known.is_finished) {
                slot.note(member);
            }
        }
        if self.is_whole() {
            slot.put_all();
        }
        self.slots.insert(id, slot);
    }

    /// Removes a watcher and returns true if nobody is left.
    pub(super) fn leave(&mut self, id: u64) -> bool {
        self.slots.remove(&id);
        self.slots.is_empty()
    }

    /// Answers a newcomer as soon as all members are known.
    pub(super) fn answer_when_listed(&mut self, waiter: Arc<Waiter<()>>) {
        match self.is_listed {
            true => waiter.answer(Ok(())),
            false => self.joining.push(waiter),
        }
    }

    /// Returns those who wait for a listing that has ended, or failed.
    pub(super) fn take_joining(&mut self) -> Vec<Arc<Waiter<()>>> {
        std::mem::take(&mut self.joining)
    }

    /// Notes that these runs are to be viewed, and that no more of the first listing come if it `is_listed`.
    pub(super) fn list(&mut self, runs: &[Listed], is_listed: bool) {
        if !self.is_listed {
            let ids = runs.iter().map(|listed| listed.id.clone());
            self.first.extend(ids);
        }
        self.is_listed |= is_listed;
        self.tell_if_whole();
    }

    /// Notes that a run was viewed, or cannot be.
    pub(super) fn settle(&mut self, id: &str) {
        if self.first.remove(id) {
            self.tell_if_whole();
        }
    }

    fn is_whole(&self) -> bool {
        self.is_listed && self.first.is_empty()
    }

    fn tell_if_whole(&self) {
        if self.is_whole() {
            self.slots.values().for_each(|slot| slot.put_all());
        }
    }

    /// Returns true if this version of a run was passed on.
    pub(super) fn knows(&self, id: &str, version: i64) -> bool {
        let known = self.members.get(id);
        known.is_some_and(|known| known.version == version && !known.is_doubtful)
    }

    /// Passes a state on, if it is newer.
    pub(super) fn offer(&mut self, snapshot: &Snapshot, content: u64) {
        let fields = snapshot.fields();
        let known = self.members.get_mut(&fields.id);
        let is_news = known.as_ref().is_none_or(|known| known.content != content);
        let mut listing = 0;
        if let Some(known) = known {
            let before = (known.created_at, known.version);
            if !known.is_doubtful && (fields.created_at, fields.version) < before {
                known.is_owed = true;
                return;
            }
            listing = known.listing;
        }
        let known = Known {
            root_id: fields.root_id.clone(),
            created_at: fields.created_at,
            version: fields.version,
            content,
            is_finished: snapshot.is_finished(),
            is_doubtful: false,
            is_owed: false,
            listing,
        };
        self.members.insert(fields.id.clone(), known);
        for slot in self.slots.values() {
            match is_news {
                true => slot.put(snapshot),
                false => slot.fill(snapshot),
            }
        }
    }

    /// Notes that a run is not there, or not one of these.
    pub(super) fn absent(&mut self, id: &str) {
        let Some((id, known)) = self.members.remove_entry(id) else {
            return;
        };
        let gone = Snapshot::new(Fields::gone(
            id,
            known.root_id,
            known.created_at,
            known.version,
        ));
        self.slots.values().for_each(|slot| slot.put_gone(&gone));
    }

    /// Compares what a listing has of a run with what is known, and returns true if it is to be viewed. If the server `listens`,
    /// older states are what it has after it lost newer ones.
    pub(super) fn compare(&mut self, listed: &Listed, listing: u64, listens: bool) -> bool {
        let Some(known) = self.members.get_mut(&listed.id) else {
            return true;
        };
        known.listing = listing;
        let before = (known.created_at, known.version);
        let now = (listed.created_at, listed.version);
        known.is_doubtful |= listens && now < before;
        known.is_doubtful || known.is_owed || now > before
    }

    /// Lets the next listing view a member, though its version may be known.
    pub(super) fn owe(&mut self, id: &str) {
        if let Some(known) = self.members.get_mut(id) {
            known.is_owed = true;
        }
    }

    /// Returns the members that a listing lacked.
    pub(super) fn unlisted(&self, listing: u64) -> Vec<Arc<str>> {
        let members = self.members.iter();
        members
            .filter(|(_, known)| known.listing != listing)
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Takes whatever the server has of its members as newer.
    pub(super) fn doubt(&mut self) {
        let members = self.members.values_mut();
        members.for_each(|known| known.is_doubtful = true);
    }
}
