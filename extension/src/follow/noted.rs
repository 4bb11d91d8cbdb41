//! Runs whose jobs a transaction has changed: the worker has them follow once it has committed.

use std::collections::BTreeSet;

use runmeta_core::wire::MAXIMUM_TEXT_BYTES;

use super::waiting;
use crate::transaction;
use crate::worker;

/// Runs that a transaction names to the worker. Beyond that the worker looks through all that was recorded, which is less
/// work than so many names: 0.5 MB with ids of 40 bytes, of the ring's one.
const MAXIMUM_RUNS: usize = 10_000;

/// Runs whose jobs changed in a transaction or subtransaction.
#[derive(Default)]
pub struct Noted {
    runs: BTreeSet<String>,
    /// There are too many to be named.
    many: bool,
}

/// Notes that the job of a run changed, before that is recorded. Starts a worker if there is none.
pub fn note(run_id: &str) {
    worker::serves();
    waiting::add(run_id);
    transaction::note(|level| level.jobs.add(run_id));
}

impl Noted {
    fn add(&mut self, run_id: &str) {
        // One that is too long to be a run's is found in the table.
        self.many |= run_id.len() > MAXIMUM_TEXT_BYTES;
        if !self.many && !self.runs.contains(run_id) {
            self.runs.insert(run_id.to_owned());
            self.bound();
        }
    }

    /// Takes over those of a subtransaction that committed.
    pub fn extend(&mut self, inner: Noted) {
        self.many |= inner.many;
        if self.runs.is_empty() {
            self.runs = inner.runs;
        } else {
            self.runs.extend(inner.runs);
        }
        self.bound();
    }

    fn bound(&mut self) {
        self.many |= self.runs.len() > MAXIMUM_RUNS;
        if self.many {
            self.runs = BTreeSet::new();
        }
    }

    /// Returns true if no job changed.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && !self.many
    }

    /// Returns the runs; an empty id if there are too many, or all jobs of a queue are gone.
    pub fn runs(&self) -> impl Iterator<Item = &str> {
        let many = self.many.then_some("");
        self.runs.iter().map(String::as_str).chain(many)
    }
}
