//! Checking a status, and changing that of a run that has not finished.

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::{INT8OID, TEXTOID, TIMESTAMPTZOID};
use pgrx::spi::SpiClient;
pub use runmeta_core::status::is_waiting;
use runmeta_core::status::{FINAL, WAITING, WORKING, is_final, is_unfinished};

use super::{Attempt, check_length};
use crate::announce;
use crate::follow;
use crate::refusal::Refusal;
use crate::statement::Statement;

/// The status of an attempt that finishes with none given.
pub const COMPLETED: &str = "completed";

thread_local! {
    static SET_STATUS: Statement = const { Statement::new(
        include_str!("sql/set_status.sql"),
        &[TEXTOID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID],
    ) };
}

/// Checks a status for a run that has not finished.
///
/// # Errors
///
/// [`Refusal::BadLength`], or [`Refusal::FinalStatus`] if the word means that a run has finished.
pub fn check_unfinished(status: &str) -> Result<(), Refusal> {
    check_length("status", status)?;
    match is_final(status) {
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
    match is_unfinished(status) {
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
    follow::before::one(run_id)?;
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
