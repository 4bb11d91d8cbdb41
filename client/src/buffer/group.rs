//! Groups: operations on runs of one tree that are committed together.
//!
//! Operations of several groups become one when they are shortened: two children that each count up their parent leave one
//! sum there. So a group cannot leave without every other one that touched the same runs, and everything that waits on the runs of a
//! group leaves in one batch. There is one group for a tree at a time. It ends when it leaves.
//!
//! [`Groups`] is locked while a group is recorded and while it is taken into a batch: a batch has a group whole or not at
//! all. Lock it before a run, never after.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::state::RunState;

/// What the runs of a group know of it.
#[derive(Debug)]
pub(crate) struct Group {
    /// The id of the tree's root.
    root: Arc<str>,
    /// The bytes that everything waiting on its runs takes. It must fit one batch.
    weight: AtomicUsize,
}

impl Group {
    /// Returns the bytes that everything waiting on its runs takes.
    pub(crate) fn weight(&self) -> usize {
        self.weight.load(Relaxed)
    }

    /// Changes the weight and returns true, unless it would grow beyond the bound.
    pub(crate) fn reserve(&self, before: usize, after: usize, bound: usize) -> bool {
        let change = |weight: usize| {
            let changed = (weight + after).saturating_sub(before);
            (after <= before || changed <= bound).then_some(changed)
        };
        self.weight.fetch_update(Relaxed, Relaxed, change).is_ok()
    }

    /// Changes the weight to what was measured.
    pub(crate) fn adjust(&self, before: usize, after: usize) {
        self.reserve(before, after, usize::MAX);
    }
}

/// The groups of all trees, by the id of the root.
#[derive(Debug, Default)]
pub(crate) struct Groups(HashMap<Arc<str>, Members>);

#[derive(Debug)]
struct Members {
    group: Arc<Group>,
    runs: Vec<Arc<RunState>>,
}

impl Groups {
    /// Returns the group of a tree, a new one if it has none.
    pub(crate) fn of(&mut self, root: &Arc<str>) -> Arc<Group> {
        let members = self.0.entry(root.clone()).or_insert_with(|| Members {
            group: Arc::new(Group {
                root: root.clone(),
                weight: AtomicUsize::new(0),
            }),
            runs: Vec::new(),
        });
        members.group.clone()
    }

    /// Adds a run with everything that waits on it, and returns true if it was in no group before.
    pub(crate) fn add(&mut self, group: &Arc<Group>, state: &Arc<RunState>) -> bool {
        let mut pending = state.lock();
        if pending.group.is_some() {
            return false;
        }
        group.adjust(0, pending.queue.weight());
        pending.group = Some(group.clone());
        if let Some(members) = self.0.get_mut(&group.root) {
            members.runs.push(state.clone());
        }
        true
    }

    /// Takes a run out again.
    pub(crate) fn remove(&mut self, group: &Group, state: &Arc<RunState>) {
        let mut pending = state.lock();
        group.adjust(pending.queue.weight(), 0);
        pending.group = None;
        if let Some(members) = self.0.get_mut(&group.root) {
            members.runs.retain(|run| !Arc::ptr_eq(run, state));
            if members.runs.is_empty() {
                self.0.remove(&group.root);
            }
        }
    }

    /// Returns the runs of a group.
    pub(crate) fn runs(&self, group: &Group) -> &[Arc<RunState>] {
        self.0.get(&group.root).map_or(&[], |members| &members.runs)
    }

    /// Ends a group and returns its runs, which still name it.
    pub(crate) fn end(&mut self, group: &Group) -> Vec<Arc<RunState>> {
        self.0
            .remove(&group.root)
            .map_or(Vec::new(), |members| members.runs)
    }
}
