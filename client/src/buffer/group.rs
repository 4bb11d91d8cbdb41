//! Ties: runs of one tree whose operations leave in the same batch, because some of them were said atomically.
//!
//! Operations of several groups become one when they are shortened: two children that each count into their parent leave one
//! sum there. So a group cannot leave without every other that touched a run of its own, and what leaves together is all that
//! waits on all runs tied so far. A tie ends when it leaves.
//!
//! The list of ties is locked while a group is said and while a tie is taken into a batch: a batch has a group whole or not
//! at all. Lock it before a run, never after.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::run_state::RunState;

/// What the runs of a tie know of it.
#[derive(Debug)]
pub(crate) struct Tie {
    /// The id of the tree's root.
    root: Arc<str>,
    /// The weight of all that waits on its runs. It must fit into one batch.
    weight: AtomicUsize,
}

impl Tie {
    /// Returns the weight of all that waits on its runs.
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

/// The ties of all trees, by the id of the root.
#[derive(Debug, Default)]
pub(crate) struct Ties(HashMap<Arc<str>, Tied>);

#[derive(Debug)]
struct Tied {
    tie: Arc<Tie>,
    runs: Vec<Arc<RunState>>,
}

impl Ties {
    /// Returns the tie of a tree, a new one if it has none.
    pub(crate) fn of(&mut self, root: &Arc<str>) -> Arc<Tie> {
        let tied = self.0.entry(root.clone()).or_insert_with(|| {
            let (root, weight) = (root.clone(), AtomicUsize::new(0));
            let (tie, runs) = (Arc::new(Tie { root, weight }), Vec::new());
            Tied { tie, runs }
        });
        tied.tie.clone()
    }

    /// Ties a run, with all that waits on it, and returns true if it was not tied before.
    pub(crate) fn add(&mut self, tie: &Arc<Tie>, state: &Arc<RunState>) -> bool {
        let mut pending = state.lock();
        if pending.tie.is_some() {
            return false;
        }
        tie.adjust(0, pending.queue.weight());
        pending.tie = Some(tie.clone());
        if let Some(tied) = self.0.get_mut(&tie.root) {
            tied.runs.push(state.clone());
        }
        true
    }

    /// Unties a run.
    pub(crate) fn remove(&mut self, tie: &Tie, state: &Arc<RunState>) {
        let mut pending = state.lock();
        tie.adjust(pending.queue.weight(), 0);
        pending.tie = None;
        if let Some(tied) = self.0.get_mut(&tie.root) {
            tied.runs.retain(|run| !Arc::ptr_eq(run, state));
            if tied.runs.is_empty() {
                self.0.remove(&tie.root);
            }
        }
    }

    /// Returns the runs of a tie.
    pub(crate) fn runs(&self, tie: &Tie) -> &[Arc<RunState>] {
        self.0.get(&tie.root).map_or(&[], |tied| &tied.runs)
    }

    /// Ends a tie and returns its runs, which still believe in it.
    pub(crate) fn end(&mut self, tie: &Tie) -> Vec<Arc<RunState>> {
        self.0
            .remove(&tie.root)
            .map_or(Vec::new(), |tied| tied.runs)
    }
}
