//! Following: what happened to jobs in a queue happens to their runs.
//!
//! The triggers of an adapter put down in `runmeta.transition` what the row of a job shows after a change. Here all that was
//! put down for a run is taken, applied in the order of its ids by the rules of [`runmeta_core::Progress`], and the run is
//! stored once. So what a transaction corrects is never seen.
//!
//! - Runs that somebody else has locked are left out, with all that was put down for them: the transaction of a job may hold
//!   its run for as long as it likes, and neither the queue nor the other runs wait for it.
//! - Whoever has locked a run takes what was put down for it. Where there is no run yet, the rows themselves are locked, and
//!   whoever comes later finds none.
//! - A slice of runs is followed in a subtransaction. If that fails, each run is tried alone, and what was put down for one
//!   that fails again is kept as a failure of its adapter and stops no other.
//!
//! Files: [`transition`] takes what was put down, [`adapter`] is what adapters say of documents, [`slice`] has runs follow,
//! [`insert`] makes those that do not exist.

mod adapter;
mod insert;
mod slice;
mod transition;

use pgrx::pg_sys::BuiltinOid::{INT4OID, TEXTOID};
use pgrx::prelude::*;

use crate::jsonb::check_for_interrupts;
use crate::owner::{self, AsOwner};
use crate::refusal::Refusal;
use crate::statement::Statement;
use crate::subtransaction;

thread_local! {
    static NEXT_RUNS: Statement = const { Statement::new(
        include_str!("sql/next_runs.sql"),
        &[TEXTOID, INT4OID],
    ) };
}

/// Runs that one statement locks, as when the inbox is folded.
const SLICE: usize = 256;

/// Has at most so many runs follow their jobs, and returns the number of changes that they followed: none where row-level
/// security hides runs from the current role.
///
/// # Errors
///
/// Errors of Postgres are raised where they concern no single run.
pub fn follow_some(max_runs: usize) -> Result<i64, Refusal> {
    // A run that is hidden would be taken for one that is missing.
    if owner::sees_some_runs_only() {
        return Ok(0);
    }
    let mut left = max_runs;
    let mut last = String::new();
    let mut followed = 0;
    while left > 0 {
        let wanted = left.min(SLICE);
        let runs = next_runs(&last, wanted)?;
        let Some(end) = runs.last() else {
            break;
        };
        last.clone_from(end);
        left -= runs.len();
        followed += follow(&runs)?;
        if runs.len() < wanted {
            break;
        }
    }
    Ok(followed)
}

/// Returns runs for which something was put down, in the order of their ids, behind this one.
fn next_runs(last: &str, count: usize) -> Result<Vec<String>, Refusal> {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_transitions()?;
        let rows =
            NEXT_RUNS.with(|statement| statement.run(client, &[last.into(), count.into()]))?;
        let mut runs = Vec::with_capacity(rows.len());
        for row in rows {
            runs.push(row.get::<String>(1)?.unwrap_or_default());
        }
        Ok(runs)
    })
}

/// Has these runs follow, which come in the order of their ids.
fn follow(runs: &[String]) -> Result<i64, Refusal> {
    if let Ok(followed) = subtransaction::run(|| slice::follow(runs)) {
        return Ok(followed);
    }
    let mut followed = 0;
    for run in runs {
        check_for_interrupts();
        match subtransaction::run(|| slice::follow(std::slice::from_ref(run))) {
            Ok(alone) => followed += alone,
            Err(failure) => transition::give_up(run, &failure)?,
        }
    }
    Ok(followed)
}
