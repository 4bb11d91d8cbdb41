//! Queues that went with all their jobs, which no trigger sees: `deleteQueue` of pg-boss drops a partition.
//!
//! Its trigger records one row that is for no run and names the task. What is behind it is done here, by the worker and not in
//! the queue's statement: that each job is gone is recorded for its run, behind all that was recorded for the run before.
//! Which jobs these were is left in the runs of the task, and in what was recorded for those that have none yet.

use pgrx::pg_sys::BuiltinOid::{INT4OID, INT8OID, TEXTOID, TIMESTAMPTZOID};
use pgrx::prelude::*;
use runmeta_core::wire::fits_text;

use super::{noted, transition, waiting};
use crate::owner::{self, AsOwner};
use crate::refusal::Refusal;
use crate::statement::Statement;
use crate::subtransaction;

thread_local! {
    static GONE_QUEUES: Statement = const { Statement::new(
        include_str!("sql/gone_queues.sql"),
        &[],
    ) };
    static RECORD_GONE: Statement = const { Statement::new(
        include_str!("sql/record_gone.sql"),
        &[INT8OID, INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, INT4OID],
    ) };
    static FORGET_GONE: Statement = const { Statement::new(
        include_str!("sql/forget_gone.sql"),
        &[INT8OID],
    ) };
}

/// Jobs of a queue that are recorded in one go: 30 ms, for which announcements wait.
const SLICE: i32 = 2000;

/// Rows that the statement finds.
const FOUND: usize = 100;

/// A row for no run.
struct Gone {
    id: i64,
    adapter: i32,
    role: String,
    task: Option<String>,
    at: TimestampWithTimeZone,
    prefix: Option<String>,
    is_deleted: bool,
}

/// Records of the jobs of queues that are gone that they are. Returns true if there is more to be done.
///
/// # Errors
///
/// Errors of Postgres are raised where they concern no single queue.
pub fn record_all() -> Result<bool, Refusal> {
    if !owner::has_transitions() || owner::sees_some_runs_only() {
        return Ok(false);
    }
    let queues = queues()?;
    let mut is_more = queues.len() == FOUND;
    for queue in queues {
        match subtransaction::run(|| record(&queue)) {
            Ok(is_done) => is_more |= !is_done,
            Err(failure) if failure.may_be_of_values() || failure.is_for_lack_of_rights() => {
                give_up(&queue, &failure.sqlstate(), &failure.message)?;
            }
            Err(_) => is_more = true,
        }
    }
    Ok(is_more)
}

fn queues() -> Result<Vec<Gone>, Refusal> {
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_transitions()?;
        let rows = GONE_QUEUES.with(|statement| statement.run(client, &[]))?;
        let mut queues = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(at) = row.get(5)? else { continue };
            queues.push(Gone {
                id: row.get(1)?.unwrap_or(0),
                adapter: row.get(2)?.unwrap_or(0),
                role: row.get(3)?.unwrap_or_default(),
                task: row.get(4)?,
                at,
                prefix: row.get(6)?,
                is_deleted: row.get(7)?.unwrap_or(false),
            });
        }
        Ok(queues)
    })
}

/// Returns true if that was all.
fn record(queue: &Gone) -> Result<bool, Refusal> {
    let (Some(task), true) = (&queue.task, queue.is_deleted) else {
        give_up(queue, "22023", transition::BAD_ID)?;
        return Ok(true);
    };
    // Of a queue that is adapted no more, runs stay as they are.
    let Some(prefix) = queue.prefix.as_ref().filter(|_| fits_text(task)) else {
        forget(queue)?;
        return Ok(true);
    };
    if !owner::role_may_write_any_run(&queue.role) {
        let refused = format!("role \"{}\" may not write every run", queue.role);
        give_up(queue, "42501", &refused)?;
        return Ok(true);
    }
    let arguments = [
        queue.id.into(),
        queue.adapter.into(),
        queue.role.as_str().into(),
        task.as_str().into(),
        queue.at.into(),
        prefix.as_str().into(),
        SLICE.into(),
    ];
    let runs: Vec<String> = Spi::connect_mut(|client| {
        let _owner = AsOwner::of_transitions()?;
        let rows = RECORD_GONE.with(|statement| statement.run(client, &arguments))?;
        rows.map(|row| Ok(row.get(1)?.unwrap_or_default()))
            .collect::<Result<_, Refusal>>()
    })?;
    runs.iter().for_each(|run| noted::note(run));
    let is_done = runs.len() < SLICE as usize;
    if is_done {
        forget(queue)?;
    }
    Ok(is_done)
}

fn give_up(queue: &Gone, sqlstate: &str, message: &str) -> Result<(), Refusal> {
    transition::keep_failure((queue.adapter, &queue.role), &[""], sqlstate, message)?;
    forget(queue)
}

fn forget(queue: &Gone) -> Result<(), Refusal> {
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_transitions()?;
        FORGET_GONE.with(|statement| statement.run(client, &[queue.id.into()]).map(drop))
    })?;
    waiting::followed("", 1);
    Ok(())
}
