//! Finishing the attempt at a run, once.

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::{INT8OID, TEXTOID, TIMESTAMPTZOID};
use pgrx::spi::SpiClient;

use super::{Attempt, status};
use crate::announce;
use crate::follow;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static FINISH: Statement = const { Statement::new(
        include_str!("sql/finish.sql"),
        &[TEXTOID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID],
    ) };
}

/// Finishes the attempt at a run and returns the run's version. One that finished with this status stays as it is,
/// however long ago that was. One that never began to work keeps started_at NULL.
///
/// # Errors
///
/// [`Refusal`] for a run that is missing, at another attempt than `expected` or finished otherwise, and a status that
/// means an unfinished one.
pub fn finish(
    client: &mut SpiClient<'_>,
    run_id: &str,
    status: &str,
    expected: Option<i32>,
) -> Result<i64, Refusal> {
    status::check_final(status)?;
    follow::before::one(run_id)?;
    let attempt = Attempt::lock_existing(client, run_id)?;
    attempt.check_number(expected)?;
    if !attempt.on_finish(status)? {
        return Ok(attempt.version);
    }
    let version = attempt.next_version()?;
    let arguments = [
        attempt.root.as_str().into(),
        run_id.into(),
        status.into(),
        version.into(),
        clock_timestamp().into(),
    ];
    FINISH.with(|statement| statement.store(client, &arguments, 1))?;
    announce::changed(&attempt.root, run_id, version);
    Ok(version)
}
