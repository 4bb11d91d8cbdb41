//! Going through all that was recorded: where nobody has noted which runs it is for.

use pgrx::pg_sys::BuiltinOid::{INT4OID, TEXTOID};
use pgrx::prelude::*;

use super::{Locking, SLICE, follow, gone};
use crate::jsonb::check_for_interrupts;
use crate::owner::{self, AsOwner};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static NEXT_RUNS: Statement = const { Statement::new(
        include_str!("sql/next_runs.sql"),
        &[TEXTOID, INT4OID],
    ) };
    static TRIM_FAILURES: Statement = const { Statement::new(
        include_str!("sql/trim_failures.sql"),
        &[],
    ) };
}

/// Runs that one statement finds.
const FOUND: usize = 5000;

/// Has at most so many runs follow their jobs, and returns the number of changes that they followed: none where row-level
/// security hides runs from the current role.
///
/// # Errors
///
/// Errors of Postgres are raised where they concern no single run.
pub fn follow_some(max_runs: usize) -> Result<i64, Refusal> {
    gone::record_all()?;
    let (mut left, mut last, mut changes) = (max_runs, String::new(), 0);
    while left > 0 {
        let wanted = left.min(SLICE);
        let runs: Vec<String> = next_runs(&last, wanted)?
            .into_iter()
            .map(|(run, _)| run)
            .collect();
        let Some(end) = runs.last() else {
            break;
        };
        last.clone_from(end);
        left -= runs.len();
        let names: Vec<&str> = runs.iter().map(String::as_str).collect();
        changes += follow(&names, Locking::Skip)?.changes;
        if runs.len() < wanted {
            break;
        }
    }
    trim_failures()?;
    Ok(i64::try_from(changes).unwrap_or(i64::MAX))
}

/// Finds all runs for which something was recorded, and calls `each` with each and how much.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn look_through(mut each: impl FnMut(&str, usize)) -> Result<(), Refusal> {
    if !owner::has_transitions() {
        return Ok(());
    }
    let mut last = String::new();
    loop {
        let runs = next_runs(&last, FOUND)?;
        for (run, changes) in &runs {
            check_for_interrupts();
            each(run, *changes);
        }
        match runs.last() {
            Some((end, _)) if runs.len() == FOUND => last.clone_from(end),
            _ => return Ok(()),
        }
    }
}

/// Keeps the last 100 failures of each adapter.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn trim_failures() -> Result<(), Refusal> {
    if !owner::has_transitions() {
        return Ok(());
    }
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_transitions()?;
        TRIM_FAILURES.with(|statement| statement.run(client, &[]).map(drop))
    })
}

/// Returns runs for which something was recorded and how much, in the order of their ids, behind this one.
fn next_runs(last: &str, count: usize) -> Result<Vec<(String, usize)>, Refusal> {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_transitions()?;
        let rows =
            NEXT_RUNS.with(|statement| statement.run(client, &[last.into(), count.into()]))?;
        let mut runs = Vec::with_capacity(rows.len());
        for row in rows {
            let changes = row.get::<i64>(2)?.unwrap_or(0);
            runs.push((
                row.get::<String>(1)?.unwrap_or_default(),
                usize::try_from(changes).unwrap_or(0),
            ));
        }
        Ok(runs)
    })
}
