//! The words for a status, and changing the status of a run that has not finished.
//!
//! A status is any text. These words have a meaning, so that a mistake is an error: a run that `finish` sets to `running`
//! would look alive for ever, and one that `set_status` sets to `completed` would never be pruned. They are those of
//! River, Oban, pg-boss, graphile-worker, procrastinate and Trigger.dev that cannot be taken otherwise.

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::{INT8OID, TEXTOID, TIMESTAMPTZOID};
use pgrx::spi::SpiClient;

use super::{Attempt, check_length};
use crate::announce;
use crate::refusal::Refusal;
use crate::statement::Statement;

/// The status of an attempt that finishes with none given.
pub const COMPLETED: &str = "completed";

/// The attempt has not begun to work: started_at stays NULL.
const WAITING: &[&str] = &[
    "queued",
    "pending",
    "scheduled",
    "delayed",
    "available",
    "created",
];
/// The attempt has begun and has not finished.
const WORKING: &[&str] = &[
    "running",
    "executing",
    "active",
    "paused",
    "waiting",
    "retrying",
];
/// The attempt has finished.
const FINAL: &[&str] = &[
    COMPLETED,
    "succeeded",
    "failed",
    "cancelled",
    "canceled",
    "discarded",
    "done",
    "complete",
    "success",
    "error",
    "aborted",
    "crashed",
    "killed",
    "expired",
    "timeout",
    "timed_out",
];

thread_local! {
    static SET_STATUS: Statement = const { Statement::new(
        include_str!("sql/set_status.sql"),
        &[TEXTOID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID],
    ) };
}

/// Returns true if a run with this status waits to be worked on.
pub fn is_waiting(status: &str) -> bool {
    means(WAITING, status)
}

/// Returns true if a status is one of the words, whatever its case: `Completed` is a mistake as much as `completed`.
fn means(words: &[&str], status: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(status))
}

/// Checks a status for a run that has not finished.
///
/// # Errors
///
/// [`Refusal::BadLength`], or [`Refusal::FinalStatus`] if the word means that a run has finished.
pub fn check_unfinished(status: &str) -> Result<(), Refusal> {
    check_length("status", status)?;
    match means(FINAL, status) {
        false => Ok(()),
        true => Err(Refusal::FinalStatus {
            status: status.to_owned(),
            words: FINAL.join(", "),
        }),
    }
}

/// Checks a status for a run that finishes.
///
/// # Errors
///
/// [`Refusal::BadLength`], or [`Refusal::UnfinishedStatus`] if the word means that a run has not finished.
pub fn check_final(status: &str) -> Result<(), Refusal> {
    check_length("status", status)?;
    match is_waiting(status) || means(WORKING, status) {
        false => Ok(()),
        true => Err(Refusal::UnfinishedStatus {
            status: status.to_owned(),
            words: [WAITING, WORKING].concat().join(", "),
        }),
    }
}

/// Sets the status of a run that has not finished, and returns its version. The first status that means work sets
/// started_at.
///
/// # Errors
///
/// [`Refusal`] for a run that is missing, at another attempt than `expected` or finished, and a status that means a
/// finished one.
pub fn set_status(
    client: &mut SpiClient<'_>,
    run_id: &str,
    status: &str,
    expected: Option<i32>,
) -> Result<i64, Refusal> {
    check_unfinished(status)?;
    let attempt = Attempt::lock_existing(client, run_id)?;
    attempt.check_number(expected)?;
    if !attempt.on_set_status(status)? {
        return Ok(attempt.version);
    }
    let (version, now) = (attempt.next_version()?, clock_timestamp());
    let arguments = [
        attempt.root.as_str().into(),
        run_id.into(),
        status.into(),
        version.into(),
        now.into(),
        (!is_waiting(status)).then_some(now).into(),
    ];
    SET_STATUS.with(|statement| statement.store(client, &arguments, 1))?;
    announce::changed(&attempt.root, run_id, version);
    Ok(version)
}
