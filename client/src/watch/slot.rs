//! What waits for a watcher: for each run its newest state.
//!
//! A watcher that is away while thousands of runs change costs bounded memory: beyond [`MOST_HELD`] snapshots, or
//! [`MOST_BYTES`] of documents, only the ids are kept, some 150 bytes each. Such runs are read when the watcher comes back.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use super::Snapshot;
use crate::buffer::lock;

/// Snapshots that wait for one watcher. A guess: as many as one statement reads.
pub(crate) const MOST_HELD: usize = 1_000;

/// Bytes of documents in them. A guess: sixteen of the greatest that a server takes by default. One is always kept.
pub(crate) const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The place where the hub puts what a watcher takes.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Runs of which there is a snapshot, in the order in which they changed.
    ready: VecDeque<Arc<str>>,
    /// Runs of which there is none.
    unread: VecDeque<Arc<str>>,
    pending: HashMap<Arc<str>, Pending>,
    held: usize,
    bytes: usize,
    /// The hub was asked to read, and has not done so yet.
    has_asked: bool,
    has_ended: bool,
    /// All runs that there were at first are in here, or were.
    has_all: bool,
    waker: Option<Waker>,
}

/// What a watcher has not seen yet of a run. Without a snapshot, it is to be read.
#[derive(Debug, Default)]
struct Pending {
    newest: Option<Snapshot>,
    /// The run is gone: after the newest, if that was its final state.
    gone: Option<Snapshot>,
}

/// What a watcher finds.
#[derive(Debug)]
pub(crate) enum Taken {
    Snapshot(Snapshot),
    /// Runs have changed that are not read yet. Returned once until some are.
    Unread,
    Nothing,
    End,
}

impl Slot {
    /// Takes what came first.
    pub(crate) fn take(&self, waker: Option<&Waker>) -> Taken {
        let mut state = lock(&self.0);
        if let Some(snapshot) = state.take() {
            return Taken::Snapshot(snapshot);
        }
        if state.has_ended {
            return Taken::End;
        }
        state.waker = waker.cloned();
        match !state.pending.is_empty() && !std::mem::replace(&mut state.has_asked, true) {
            true => Taken::Unread,
            false => Taken::Nothing,
        }
    }

    /// Puts a newer state of a run.
    pub(crate) fn put(&self, snapshot: &Snapshot) {
        lock(&self.0).put(snapshot);
    }

    /// Puts the state of a run if it was to be read.
    pub(crate) fn fill(&self, snapshot: &Snapshot) {
        let mut state = lock(&self.0);
        if state.is_unread(snapshot.id()) {
            state.put(snapshot);
        }
    }

    /// Notes that a run is to be read.
    pub(crate) fn note(&self, id: &Arc<str>) {
        let mut state = lock(&self.0);
        if !state.pending.contains_key(id) {
            state.unread.push_back(id.clone());
            state.pending.insert(id.clone(), Pending::default());
            state.wake();
        }
    }

    /// Puts the end of a run that the watcher may have seen.
    pub(crate) fn put_gone(&self, gone: &Snapshot) {
        lock(&self.0).put_gone(gone);
    }

    /// Returns runs that are to be read, at most so many.
    pub(crate) fn unread(&self, most: usize) -> Vec<Arc<str>> {
        lock(&self.0).some_unread(most)
    }

    /// Notes that all runs that there were at first are in here, or were.
    pub(crate) fn put_all(&self) {
        let mut state = lock(&self.0);
        if !std::mem::replace(&mut state.has_all, true) {
            state.wake();
        }
    }

    /// Returns true if the watcher has taken all of them, and nothing waits for it now.
    pub(crate) fn has_given_all(&self) -> bool {
        let state = lock(&self.0);
        state.has_all && state.pending.is_empty()
    }

    /// Ends the stream, after what is there.
    pub(crate) fn end(&self) {
        let mut state = lock(&self.0);
        state.has_ended = true;
        state.wake();
    }
}

impl State {
    fn take(&mut self) -> Option<Snapshot> {
        while let Some(id) = self.ready.pop_front() {
            let Some(pending) = self.pending.get_mut(&id) else {
                continue;
            };
            let newest = pending.newest.take();
            if let Some(snapshot) = &newest {
                self.held -= 1;
                self.bytes -= snapshot.metadata_json().len();
            }
            let snapshot = match (newest, &pending.gone) {
                (Some(snapshot), Some(_)) => {
                    self.ready.push_front(id);
                    return Some(snapshot);
                }
                (snapshot, gone) => snapshot.or_else(|| gone.clone()),
            };
            if snapshot.is_some() {
                self.pending.remove(&id);
                return snapshot;
            }
        }
        None
    }

    fn put(&mut self, snapshot: &Snapshot) {
        let id = &snapshot.fields().id;
        let bytes = snapshot.metadata_json().len();
        let is_new = !self.pending.contains_key(id);
        let pending = self.pending.entry(id.clone()).or_default();
        let was_ready = pending.newest.is_some() || pending.gone.is_some();
        pending.gone = None;
        let is_full = self.held >= MOST_HELD || self.bytes + bytes > MOST_BYTES;
        if pending.newest.is_none() && self.held > 0 && is_full {
            if is_new || was_ready {
                self.unread.push_back(id.clone());
            }
        } else {
            let before = pending.newest.replace(snapshot.clone());
            self.held += usize::from(before.is_none());
            self.bytes += bytes;
            self.bytes -= before.map_or(0, |before| before.metadata_json().len());
            if !was_ready {
                self.ready.push_back(id.clone());
                self.has_asked = false;
            }
        }
        self.wake();
    }

    fn put_gone(&mut self, gone: &Snapshot) {
        let id = &gone.fields().id;
        let pending = self.pending.entry(id.clone()).or_default();
        let was_ready = pending.newest.is_some() || pending.gone.is_some();
        pending.gone = Some(gone.clone());
        // A final state is never lost.
        let superseded = pending.newest.take_if(|newest| !newest.is_finished());
        if let Some(superseded) = superseded {
            self.held -= 1;
            self.bytes -= superseded.metadata_json().len();
        }
        if !was_ready {
            self.ready.push_back(id.clone());
            self.has_asked = false;
        }
        self.wake();
    }

    fn is_unread(&self, id: &str) -> bool {
        let is_unread = |pending: &Pending| pending.newest.is_none() && pending.gone.is_none();
        self.pending.get(id).is_some_and(is_unread)
    }

    fn some_unread(&mut self, most: usize) -> Vec<Arc<str>> {
        let mut some = Vec::new();
        for _ in 0..self.unread.len() {
            let Some(id) = self.unread.pop_front() else {
                break;
            };
            if !self.is_unread(&id) {
                continue;
            }
            // It stays on the list until it is read, behind the others.
            self.unread.push_back(id.clone());
            some.push(id);
            if some.len() == most {
                break;
            }
        }
        some
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
