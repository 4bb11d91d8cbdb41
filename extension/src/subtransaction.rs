//! A part of a call that takes effect whole or not at all, while the call goes on.

#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, UnwindSafe};

use pgrx::pg_sys;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;

use crate::refusal::Refusal;

/// Why a part was rolled back.
pub struct Failure {
    /// The error's message.
    pub message: String,
}

/// Runs `body` in a subtransaction and commits it. If it fails, what it did is rolled back.
///
/// # Errors
///
/// [`Failure`] if `body` failed, whether by a refusal or by an error of Postgres. A cancelled statement and a session
/// that is to end raise their errors.
pub fn run<T>(body: impl FnOnce() -> Result<T, Refusal> + UnwindSafe) -> Result<T, Failure> {
    // SAFETY: plain reads of the backend's globals, which has one thread.
    let (context, owner) = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    // SAFETY: as PL/pgSQL does for a block with an exception handler: the call's memory context stays the current one.
    unsafe {
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(context);
    }
    let result = PgTryBuilder::new(AssertUnwindSafe(|| body().map_err(Ended::Refused)))
        .catch_others(|error| Err(Ended::Raised(error)))
        .execute();
    // SAFETY: the subtransaction that began above is the innermost one, since Postgres ends those that an error leaves
    // open with it. Memory context and resource owner are what they were before.
    unsafe {
        match &result {
            Ok(_) => pg_sys::ReleaseCurrentSubTransaction(),
            Err(_) => {
                pg_sys::MemoryContextSwitchTo(context);
                pg_sys::RollbackAndReleaseCurrentSubTransaction();
            }
        }
        pg_sys::MemoryContextSwitchTo(context);
        pg_sys::CurrentResourceOwner = owner;
    }
    match result {
        Ok(value) => Ok(value),
        Err(Ended::Refused(refusal)) => Err(Failure {
            message: pg_sys::panic::ErrorReport::from(refusal)
                .message()
                .to_owned(),
        }),
        Err(Ended::Raised(error)) if ends_the_call(&error) => error.rethrow(),
        Err(Ended::Raised(error)) => Err(Failure {
            message: message(&error),
        }),
    }
}

enum Ended {
    Refused(Refusal),
    Raised(CaughtError),
}

fn ends_the_call(error: &CaughtError) -> bool {
    let report = match error {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
        CaughtError::RustPanic { .. } => return true,
    };
    matches!(
        report.sql_error_code(),
        PgSqlErrorCode::ERRCODE_QUERY_CANCELED
            | PgSqlErrorCode::ERRCODE_ADMIN_SHUTDOWN
            | PgSqlErrorCode::ERRCODE_CRASH_SHUTDOWN
            | PgSqlErrorCode::ERRCODE_DATABASE_DROPPED
    )
}

fn message(error: &CaughtError) -> String {
    match error {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => {
            report.message().to_owned()
        }
        CaughtError::RustPanic { ereport, .. } => ereport.message().to_owned(),
    }
}
