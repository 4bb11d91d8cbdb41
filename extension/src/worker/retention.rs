//! Retention: runs of a queue that finished longer ago than its adapter keeps them are pruned.
//!
//! Once a minute the worker looks which adapters keep runs for a time, and prunes step by step, in transactions of their own, as long
//! as announcements can wait; what is left is for the next rounds. It goes on behind the last root that it looked at, and once an
//! hour begins anew, with trees that were not finished or that somebody used when it passed them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use super::process::Worker;
use crate::prune::{self, Candidate, Deleted};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static KEEPING: Statement = const { Statement::new(include_str!("sql/keeping.sql"), &[]) };
}

/// How often it looks. A guess: what is kept for days may stay a minute longer.
const LOOK: Duration = Duration::from_secs(60);
/// How often it begins anew. A guess.
const BEGIN: Duration = Duration::from_secs(3600);
/// What changed meanwhile waits so long to be announced, and a step longer. A guess.
const PRUNING: Duration = Duration::from_millis(50);

/// An adapter of which runs are to be pruned.
struct Kept {
    adapter: i32,
    prefix: String,
    /// Prefixes of others that begin with it.
    others: Vec<String>,
    before: TimestampWithTimeZone,
}

impl Kept {
    fn is_own(&self, run: &str) -> bool {
        run.starts_with(&self.prefix) && !self.others.iter().any(|other| run.starts_with(other))
    }
}

/// What is left from round to round.
#[derive(Default)]
pub struct Retention {
    looked: Option<Instant>,
    begun: Option<Instant>,
    due: Vec<Kept>,
    /// How far it has come with each adapter.
    reached: HashMap<i32, Candidate>,
}

/// What a round has pruned.
#[derive(Default)]
pub struct Pruned {
    /// Root and id of each run.
    pub runs: Vec<(String, String)>,
    /// More were deleted, too many to be named.
    pub are_many: bool,
    /// The next round goes on.
    pub some_are_left: bool,
}

impl Retention {
    /// Prunes what is due.
    pub fn run(&mut self, worker: &mut Worker) -> Pruned {
        let mut pruned = Pruned::default();
        let is_late = |at: Option<Instant>, after| at.is_none_or(|at| at.elapsed() > after);
        if self.due.is_empty() {
            if !is_late(self.looked, LOOK) {
                return pruned;
            }
            self.looked = Some(Instant::now());
            self.due = worker.transaction(keeping).unwrap_or_default();
            if is_late(self.begun, BEGIN) {
                self.begun = self.looked;
                self.reached.clear();
            }
        }
        let begun = Instant::now();
        while let Some(kept) = self.due.last() {
            let after = self.reached.entry(kept.adapter).or_default();
            let step = worker.transaction(|client| {
                prune::prune_some(client, kept.before, |root| kept.is_own(root), after)
            });
            let is_last = match step {
                Some(step) => {
                    *after = step.reached;
                    match step.deleted {
                        Deleted::Named(runs) => pruned.runs.extend(runs),
                        Deleted::Many(_) => pruned.are_many = true,
                    }
                    step.is_last
                }
                // It has been reported, and is tried again in a minute.
                None => true,
            };
            if is_last {
                self.due.pop();
            }
            if begun.elapsed() > PRUNING {
                break;
            }
        }
        pruned.some_are_left = !self.due.is_empty();
        pruned
    }
}

fn keeping(client: &mut SpiClient<'_>) -> Result<Vec<Kept>, Refusal> {
    let rows = KEEPING.with(|statement| statement.run(client, &[]))?;
    let mut due = Vec::with_capacity(rows.len());
    for row in rows {
        if let (Some(adapter), Some(prefix), Some(before)) = (row.get(1)?, row.get(2)?, row.get(3)?)
        {
            due.push(Kept {
                adapter,
                prefix,
                others: row.get(4)?.unwrap_or_default(),
                before,
            });
        }
    }
    Ok(due)
}
