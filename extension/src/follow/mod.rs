//! Following: what happened to jobs in a queue happens to their runs.
//!
//! The triggers of an adapter record in `runmeta.transition` what the row of a job shows after a change. Here all that was
//! recorded for a run is taken, applied in the order of its ids by the rules of [`runmeta_core::Progress`], and the run is
//! stored once. So what a transaction corrects is never seen.
//!
//! - The worker has runs follow a moment after the transaction of the queue has committed. Whoever writes a run before that
//!   has it follow first ([`before`]): a job begins to write a millisecond after it was claimed, and the attempt that its
//!   claim begins has to begin before that.
//! - Runs that somebody else has locked are left out by the worker, with all that was recorded for them: the transaction of a
//!   job may hold its run for as long as it likes, and neither the queue nor the other runs wait for it.
//! - Whoever has locked a run takes what was recorded for it. Where there is no run yet, the first of the rows is locked.
//! - A slice of runs is followed in a subtransaction. If that fails, each run is tried alone, and what was recorded for one
//!   that fails again by what it is is kept as a failure of its adapter and stops no other.
//!
//! Files: [`noted`] are the jobs that a transaction changed, [`waiting`] the counters that spare others a look at the table.
//! [`transition`] takes what was recorded, [`adapter`] is what adapters say of documents. [`slice`] has runs follow, each of
//! which [`change`] decides. [`head`] and [`place`] are about those that do not exist, which [`insert`] makes. [`gone`] is about
//! queues that went with all their jobs.

mod adapter;
pub mod before;
mod change;
mod gone;
mod head;
mod insert;
mod noted;
mod place;
mod record;
mod slice;
mod table;
mod transition;
mod waiting;

use change::Documents;
pub use gone::record_all as record_gone_queues;
pub use noted::{Noted, note};
pub use record::record;
pub use table::{follow_some, look_through, trim_failures};
use transition::{Amount, MANY};

use crate::jsonb::check_for_interrupts;
use crate::layout;
use crate::owner;
use crate::refusal::Refusal;
use crate::subtransaction::{self, Failure};

/// Runs that one statement locks, as when the inbox is folded.
pub const SLICE: usize = 256;

/// Locks that are awaited in vain, one by one, before what is left of a slice is left for later.
const MOST_LOCKS: usize = 10;

/// What is done about a run that somebody else has locked.
#[derive(Clone, Copy)]
pub enum Locking {
    /// It is left.
    Skip,
    /// It is awaited.
    Await,
    /// It is awaited, and a run whose parent does not exist is made without it: somebody wants to write it.
    Insist,
}

/// A run that was stored.
pub struct Stored {
    /// The first run of its tree.
    pub root: String,
    /// Its id.
    pub id: String,
    /// Its version now.
    pub version: i64,
}

/// What became of runs that were to follow.
#[derive(Default)]
pub struct Done {
    /// How many changes of jobs were followed.
    pub changes: usize,
    /// Runs that changed.
    pub stored: Vec<Stored>,
    /// Runs that are to be tried again: somebody else has them, they wait for their parent, or they could not be stored now.
    pub left: Vec<String>,
    /// Parents that do not exist and that some of those wait for.
    pub parents: Vec<String>,
    /// What went wrong.
    pub problem: Option<String>,
}

impl Done {
    fn extend(&mut self, other: Done) {
        self.changes += other.changes;
        self.stored.extend(other.stored);
        self.left.extend(other.left);
        self.parents.extend(other.parents);
        self.problem = other.problem.or(self.problem.take());
    }
}

/// Has these runs follow, which come in the order of their ids: none where row-level security hides runs from the current
/// role, because a run that is hidden would be taken for one that is missing.
///
/// # Errors
///
/// Errors of Postgres are raised where they concern no single run.
pub fn follow(runs: &[&str], locking: Locking) -> Result<Done, Refusal> {
    let mut done = Done::default();
    if owner::sees_some_runs_only() {
        done.left = runs.iter().map(|run| (*run).to_owned()).collect();
        return Ok(done);
    }
    let shards = layout::by_shard(runs)?;
    for runs in shards.iter().flat_map(|runs| runs.chunks(SLICE)) {
        let waiting: usize = runs.iter().map(|run| waiting::jobs_of(run)).sum();
        let followed = match waiting > MANY {
            true => None,
            false => Some(subtransaction::run(|| {
                slice::follow(runs, locking, Documents::Follow, Amount::All)
            })),
        };
        match followed {
            Some(Ok(slice)) => done.extend(slice),
            // A lock that one of them waited for keeps none of the others, nor does the memory that one needs.
            Some(Err(failure))
                if failure.is_of_the_moment()
                    && !failure.is_memory()
                    && !(failure.is_lock() && runs.len() > 1) =>
            {
                done.left.extend(runs.iter().map(|run| (*run).to_owned()));
                done.problem = Some(format!(
                    "runs could not follow their jobs: {}",
                    failure.message
                ));
            }
            _ => follow_one_by_one(runs, locking, &mut done)?,
        }
    }
    Ok(done)
}

fn follow_one_by_one(runs: &[&str], locking: Locking, done: &mut Done) -> Result<(), Refusal> {
    let mut locks = 0;
    for run in runs {
        check_for_interrupts();
        if locks == MOST_LOCKS && matches!(locking, Locking::Skip) {
            done.left.push((*run).to_owned());
            continue;
        }
        let mut amount = match waiting::jobs_of(run) > MANY {
            true => Amount::First,
            false => Amount::All,
        };
        loop {
            let (part, failure) = follow_alone(run, locking, amount)?;
            let changes = part.changes;
            done.extend(part);
            match failure {
                Some(failure) if failure.is_memory() && amount == Amount::All => {
                    amount = Amount::First;
                    continue;
                }
                Some(failure) => {
                    locks += usize::from(failure.is_lock());
                    done.left.push((*run).to_owned());
                    done.problem = Some(format!(
                        "run \"{run}\" could not follow its job: {}",
                        failure.message
                    ));
                }
                // Whoever is about to write the run waits for all of them, and the worker goes on in the next round.
                None if amount == Amount::First && changes > 0 => match locking {
                    Locking::Skip => done.left.push((*run).to_owned()),
                    Locking::Await | Locking::Insist => continue,
                },
                None => {}
            }
            break;
        }
    }
    Ok(())
}

/// Has one run follow. Returns the failure too if it is to be tried again.
fn follow_alone(
    run: &str,
    locking: Locking,
    amount: Amount,
) -> Result<(Done, Option<Failure>), Refusal> {
    let try_it =
        |documents| subtransaction::run(|| slice::follow(&[run], locking, documents, amount));
    let failure = match try_it(Documents::Follow) {
        Ok(done) => return Ok((done, None)),
        Err(failure) => failure,
    };
    // Its status matters more than what a contract allows of the error.
    if failure.is_check()
        && let Ok(done) = try_it(Documents::Stay)
    {
        return Ok((done, None));
    }
    if failure.may_be_of_values() || failure.is_for_lack_of_rights() {
        transition::give_up(run, amount, &failure)?;
        return Ok((Done::default(), None));
    }
    Ok((Done::default(), Some(failure)))
}
