//! The runs of a group that are to be viewed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::buffer::waiter::Waiter;
use crate::watch::notice::RunNotice;

/// Runs on the list that were only announced. A guess: two megabytes. Any role may notify, of any ids.
const MOST_ANNOUNCED: usize = 10_000;

/// Runs to be viewed, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct UnreadList {
    unread: HashMap<Arc<str>, Unread>,
    order: VecDeque<Arc<str>>,
    /// How many were only announced.
    announced: usize,
    /// Halves of what the server could not view, each to be viewed by a statement of its own.
    halves: Vec<Vec<(Arc<str>, Unread)>>,
}

/// Why a run is to be viewed.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// It was announced with this root and version, and nothing else asks for it.
    pub(super) announced: Option<(String, Option<i64>)>,
    /// It is watched whatever its task and tags are.
    pub(super) is_certain: bool,
    /// A topic that it does not belong to any more may have it as a member.
    pub(super) may_have_moved: bool,
    /// Those who wait for its state now.
    pub(super) waiters: Vec<Arc<Waiter<()>>>,
}

impl Unread {
    pub(super) fn announced(run: &RunNotice, is_certain: bool) -> Unread {
        Unread {
            announced: Some((run.root.clone(), run.version)),
            is_certain,
            ..Unread::default()
        }
    }

    pub(super) fn certain() -> Unread {
        Unread {
            is_certain: true,
            ..Unread::default()
        }
    }

    pub(super) fn awaited(waiter: Arc<Waiter<()>>) -> Unread {
        Unread {
            waiters: vec![waiter],
            ..Unread::certain()
        }
    }

    /// For a member that a listing lacked.
    pub(super) fn unlisted() -> Unread {
        Unread {
            may_have_moved: true,
            ..Unread::certain()
        }
    }

    fn is_only_announced(&self) -> bool {
        self.announced.is_some()
    }

    fn add(&mut self, other: Unread) {
        self.announced = other.announced.filter(|_| self.announced.is_some());
        self.is_certain |= other.is_certain;
        self.may_have_moved |= other.may_have_moved;
        self.waiters.extend(other.waiters);
    }
}

impl UnreadList {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty() && self.halves.is_empty()
    }

    pub(super) fn add(&mut self, id: Arc<str>, unread: Unread) {
        match self.unread.get_mut(&id) {
            Some(before) => {
                let was_announced = before.is_only_announced();
                before.add(unread);
                self.announced -= usize::from(was_announced && !before.is_only_announced());
            }
            None => {
                self.announced += usize::from(unread.is_only_announced());
                self.order.push_back(id.clone());
                self.unread.insert(id, unread);
            }
        }
    }

    /// Takes the next run off the list.
    pub(super) fn take(&mut self) -> Option<(Arc<str>, Unread)> {
        let id = self.order.pop_front()?;
        let taken = self.unread.remove_entry(&id);
        let is_only_announced = |(_, unread): &(_, Unread)| unread.is_only_announced();
        self.announced -= usize::from(taken.as_ref().is_some_and(is_only_announced));
        taken
    }

    /// Removes runs that were only announced if they are too many, and returns true then.
    pub(super) fn forget_announced(&mut self) -> bool {
        let forgets = self.announced > MOST_ANNOUNCED;
        if forgets {
            self.unread.retain(|_, unread| !unread.is_only_announced());
            self.order.retain(|id| self.unread.contains_key(id));
            self.announced = 0;
        }
        forgets
    }

    pub(super) fn halve(&mut self, mut runs: Vec<(Arc<str>, Unread)>) {
        let second = runs.split_off(runs.len() / 2);
        self.halves.extend([second, runs]);
    }

    pub(super) fn take_half(&mut self) -> Option<Vec<(Arc<str>, Unread)>> {
        self.halves.pop()
    }
}
