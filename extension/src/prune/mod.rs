//! Deleting trees of which every run finished long enough ago, and writers that are silent as long.
//!
//! Prune waits for nobody, so it can take part in no deadlock and whoever writes to a run of a tree is not disturbed:
//! such a tree is left for the next call. It takes [`SLICE`] trees at a time through these steps, each a statement with a
//! snapshot of its own:
//!
//! 1. Find roots that finished before the limit, the oldest first.
//! 2. Decide per root, by one count over its tree: every run finished before the limit. Nothing is locked yet, so that a
//!    tree that is not finished is not touched.
//! 3. Lock every run of these trees that nobody else has locked, and decide again by what was locked.
//! 4. Count again. A tree stays if a run of it is locked by somebody, or came after step 3.
//! 5. Lock the streams of these trees. A tree stays if a stream of it is locked by somebody.
//! 6. Delete the rest by its root, with its entries in `run_root` where the layout is split, the lists that wait for its runs, their streams and the histories of their numbers.
//!
//! No statement joins the table with itself: whatever the planner believes, each is at worst one reading of the table.
//! (Decided per run, 10,001 runs of one tree took 26 s and 100,001 more than 630 s; where the planner happened to hash,
//! 0.2 s.)
//!
//! The first append to a stream locks its run, and later ones the stream: they come before steps 3 and 5, or find nothing.
//!
//! A start or another attempt that makes a run unfinished locks a row of its tree first: the run itself, or the parent it
//! starts under. If it does so before step 3, the row cannot be locked or is unfinished there, or step 4 counts one more;
//! if after, it waits for the end of the prune and finds the tree gone. Only a start under a root that has not finished
//! locks nothing ([`run::parent`](crate::run)); for that the limit is at most an hour before the oldest transaction began.

mod some;

pub use some::prune_some;

use std::collections::HashMap;

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::{INT4OID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError};

use crate::announce::{self, MAXIMUM_RUNS};
use crate::history;
use crate::inbox;
use crate::layout::{self, Shards};
use crate::refusal::Refusal;
use crate::statement::Statement;
use crate::stream;

thread_local! {
    static LIMIT: Statement = const { Statement::new(
        include_str!("sql/limit.sql"),
        &[TIMESTAMPTZOID],
    ) };
    static CANDIDATES: Statement = const { Statement::new(
        include_str!("sql/candidates.sql"),
        &[TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, INT4OID],
    ) };
    static FINISHED: Statement = const { Statement::new(
        include_str!("sql/finished.sql"),
        &[TEXTARRAYOID, TIMESTAMPTZOID],
    ) };
    static LOCK: Statement = const { Statement::new(
        include_str!("sql/lock.sql"),
        &[TEXTARRAYOID, TIMESTAMPTZOID],
    ) };
    static DELETE: Statement = const { Statement::new(
        include_str!("sql/delete.sql"),
        &[TEXTARRAYOID],
    ) };
    static DELETE_EACH: Statement = const { Statement::new(
        include_str!("sql/delete_each.sql"),
        &[TEXTARRAYOID],
    ) };
    // Not before a day: a writer that got no answer to its last batch sends it again, and must be known then.
    static FORGET_WRITERS: Statement = const { Statement::new(
        include_str!("sql/forget_writers.sql"),
        &[TIMESTAMPTZOID, TIMESTAMPTZOID],
    ) };
}

/// Trees that are looked at together. A guess: their ids take at most 255 kB.
const SLICE: i32 = 1000;

/// Deletes at most `max_trees` trees of which every run finished before a time, and writers that were last seen before
/// it. Returns the number of runs.
///
/// # Errors
///
/// - [`Refusal::Isolation`] if the transaction has one snapshot for all statements.
/// - [`Refusal::PruneUnderPolicies`] if row-level security applies to the role.
pub fn prune(
    client: &mut SpiClient<'_>,
    before: TimestampWithTimeZone,
    max_trees: i32,
) -> Result<i64, Refusal> {
    let limit = limit(client, before)?;
    let (mut left, mut runs) = (usize::try_from(max_trees).unwrap_or(0), 0_usize);
    let mut after = Candidate::default();
    while left > 0 {
        let candidates = candidates(client, limit, &after)?;
        let full = candidates.len() == SLICE as usize;
        let roots = candidates.iter().map(|found| found.root.clone()).collect();
        let finished = trees(client, &FINISHED, roots, limit)?;
        // In the order of the candidates: the oldest first.
        let roots = candidates.iter().map(|found| &found.root);
        let roots = roots.filter(|root| finished.contains_key(*root));
        let (trees, deleted) = delete(client, roots.take(left).cloned().collect(), limit)?;
        (left, runs) = (left - trees, runs + deleted.len());
        deleted.announce();
        match candidates.into_iter().next_back() {
            Some(last) if full => after = last,
            _ => break,
        }
    }
    let arguments = [before.into(), clock_timestamp().into()];
    FORGET_WRITERS.with(|statement| statement.run(client, &arguments))?;
    inbox::forget_unapplied(client, before)?;
    Ok(i64::try_from(runs).unwrap_or(i64::MAX))
}

/// A root that finished: prune goes on behind it.
#[derive(Clone)]
pub struct Candidate {
    root: String,
    finished_at: TimestampWithTimeZone,
}

impl Default for Candidate {
    /// Stands before all of them.
    fn default() -> Self {
        Candidate {
            root: String::new(),
            finished_at: TimestampWithTimeZone::negative_infinity(),
        }
    }
}

/// Runs that were deleted: root and id of each, or too many to be named, whose ids are not kept either.
pub enum Deleted {
    /// These.
    Named(Vec<(String, String)>),
    /// So many.
    Many(usize),
}

impl Deleted {
    fn len(&self) -> usize {
        match self {
            Deleted::Named(runs) => runs.len(),
            Deleted::Many(runs) => *runs,
        }
    }

    /// Has the transaction announce them when it commits.
    fn announce(&self) {
        match self {
            Deleted::Named(runs) => runs
                .iter()
                .for_each(|(root, id)| announce::deleted(root, id)),
            Deleted::Many(_) => announce::deleted_many(),
        }
    }
}

/// Returns the time before which a run must have finished: the one given, or an hour before the oldest transaction that
/// this role may see began. Of a prepared transaction only the time is known when it was prepared. Sessions are read
/// first: a transaction that is being prepared then is in at least one of the two lists.
fn limit(
    client: &mut SpiClient<'_>,
    before: TimestampWithTimeZone,
) -> Result<TimestampWithTimeZone, Refusal> {
    let rows = LIMIT.with(|statement| statement.run(client, &[before.into()]))?;
    let (level, policies, limit) = rows
        .first()
        .get_three::<String, bool, TimestampWithTimeZone>()?;
    if policies != Some(false) {
        return Err(Refusal::PruneUnderPolicies);
    }
    match level.as_deref() {
        Some("read committed" | "read uncommitted") => {
            limit.ok_or(Refusal::Query(SpiError::InvalidPosition))
        }
        level => Err(Refusal::Isolation {
            level: level.unwrap_or_default().to_owned(),
        }),
    }
}

fn candidates(
    client: &mut SpiClient<'_>,
    limit: TimestampWithTimeZone,
    after: &Candidate,
) -> Result<Vec<Candidate>, Refusal> {
    let arguments = [
        limit.into(),
        after.finished_at.into(),
        after.root.as_str().into(),
        SLICE.into(),
    ];
    let required = || Refusal::Query(SpiError::InvalidPosition);
    let rows = CANDIDATES.with(|statement| statement.run(client, &arguments))?;
    rows.map(|row| {
        Ok(Candidate {
            root: row.get(1)?.ok_or_else(required)?,
            finished_at: row.get(2)?.ok_or_else(required)?,
        })
    })
    .collect()
}

/// Runs a statement that returns the trees of which every run finished before the limit, with the number of runs.
fn trees(
    client: &mut SpiClient<'_>,
    statement: &'static std::thread::LocalKey<Statement>,
    roots: Vec<String>,
    limit: TimestampWithTimeZone,
) -> Result<HashMap<String, i64>, Refusal> {
    if roots.is_empty() {
        return Ok(HashMap::new());
    }
    let required = || Refusal::Query(SpiError::InvalidPosition);
    let mut found = HashMap::new();
    for roots in Shards::now().groups(roots.into_iter(), |root| root.as_str()) {
        let arguments = [roots.into(), limit.into()];
        for row in statement.with(|statement| statement.run(client, &arguments))? {
            let root = row.get(1)?.ok_or_else(required)?;
            found.insert(root, row.get(2)?.ok_or_else(required)?);
        }
    }
    Ok(found)
}

/// Locks these trees and deletes those that nobody uses. Returns how many these were, and their runs, which are to be announced.
fn delete(
    client: &mut SpiClient<'_>,
    roots: Vec<String>,
    limit: TimestampWithTimeZone,
) -> Result<(usize, Deleted), Refusal> {
    let mut locked = trees(client, &LOCK, roots, limit)?;
    let there = trees(client, &FINISHED, locked.keys().cloned().collect(), limit)?;
    locked.retain(|root, runs| there.get(root) == Some(runs));
    let roots = stream::lock_trees(client, locked.keys().cloned().collect())?;
    if roots.is_empty() {
        return Ok((0, Deleted::Named(Vec::new())));
    }
    let runs = roots.iter().filter_map(|root| locked.get(root)).sum();
    if layout::is_split() {
        layout::forget_trees(client, &roots)?;
    }
    let deleted = {
        let _pruning = history::while_pruning();
        delete_runs(client, &roots, runs)?
    };
    inbox::delete_trees(client, &roots)?;
    stream::delete_trees(client, &roots)?;
    history::delete_trees(client, &roots)?;
    Ok((roots.len(), deleted))
}

/// Deletes the runs of these trees, of which there are so many.
fn delete_runs(
    client: &mut SpiClient<'_>,
    roots: &[String],
    runs: i64,
) -> Result<Deleted, Refusal> {
    let arguments = [roots.to_vec().into()];
    if usize::try_from(runs).is_ok_and(|runs| runs > MAXIMUM_RUNS) {
        let deleted = DELETE.with(|statement| statement.run(client, &arguments))?;
        return Ok(Deleted::Many(deleted.len()));
    }
    let deleted = DELETE_EACH.with(|statement| statement.run(client, &arguments))?;
    let ids = deleted.map(|row| {
        let (root, id) = (row.get(1)?, row.get(2)?);
        Ok((root.unwrap_or_default(), id.unwrap_or_default()))
    });
    Ok(Deleted::Named(ids.collect::<Result<_, Refusal>>()?))
}
