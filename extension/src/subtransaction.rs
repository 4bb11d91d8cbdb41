//! A part of a call that takes effect whole or not at all, while the call goes on.

#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, UnwindSafe};

use pgrx::pg_sys;
use pgrx::pg_sys::panic::{CaughtError, ErrorReportWithLevel};
use pgrx::prelude::*;

use crate::refusal::Refusal;

/// Why a part was rolled back.
pub struct Failure {
    /// The error's message.
    pub message: String,
    code: PgSqlErrorCode,
}

/// Classes of errors that do not come from the values that were to be stored: connection, transaction state, roles,
/// rollback by the server, missing rights and objects, resources, locks, an operator's doing, the system, internal errors.
const OTHER_CLASSES: [&str; 11] = [
    "08", "25", "28", "40", "42", "53", "55", "57", "58", "F0", "XX",
];

impl Failure {
    /// Returns the five characters of the error's SQLSTATE.
    pub fn sqlstate(&self) -> String {
        // Six bits a character, the first in the lowest: `MAKE_SQLSTATE` in elog.h.
        let bits = self.code as u32;
        (0..5)
            .map(|position| char::from((bits >> (6 * position) & 0x3f) as u8 + b'0'))
            .collect()
    }

    /// Returns true if somebody has not the rights to do what was to be done.
    pub fn is_for_lack_of_rights(&self) -> bool {
        self.code == PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE
    }

    /// Returns true if the error passes by itself, and would meet all others now: somebody has locked a table, or the server
    /// lacks something.
    pub fn is_of_the_moment(&self) -> bool {
        let code = self.sqlstate();
        code == "55P03"
            || ["40", "53", "57", "58"]
                .iter()
                .any(|class| code.starts_with(class))
    }

    /// Returns true if a lock was not to be had in time.
    pub fn is_lock(&self) -> bool {
        self.code == PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE
    }

    /// Returns true if a call needed more memory than it may have.
    pub fn is_memory(&self) -> bool {
        self.code == PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY
    }

    /// Returns true if a check refused what was to be stored.
    pub fn is_check(&self) -> bool {
        self.code == PgSqlErrorCode::ERRCODE_CHECK_VIOLATION
    }

    /// Returns true if the error may come of the values that were to be stored, and comes again with them.
    pub fn may_be_of_values(&self) -> bool {
        let code = self.sqlstate();
        !OTHER_CLASSES.iter().any(|class| code.starts_with(class))
    }
}

/// Runs `body` in a subtransaction and commits it. If it fails, what it did is rolled back.
///
/// # Errors
///
/// [`Failure`] if `body` failed, whether by a refusal or by an error of Postgres. A cancelled statement and a session
/// that is to end raise their errors.
pub fn run<T>(body: impl FnOnce() -> Result<T, Refusal> + UnwindSafe) -> Result<T, Failure> {
    match execute(|| body().map_err(Ended::Refused)) {
        Ok(value) => Ok(value),
        Err(Ended::Undone) => unreachable!("only keep_or_undo takes back what did not fail"),
        Err(Ended::Refused(refusal)) => Err(Failure {
            code: refusal.code(),
            message: pg_sys::panic::ErrorReport::from(refusal)
                .message()
                .to_owned(),
        }),
        Err(Ended::Raised(error)) if ends_the_call(&error) => error.rethrow(),
        Err(Ended::Raised(
            CaughtError::PostgresError(report)
            | CaughtError::ErrorReport(report)
            | CaughtError::RustPanic {
                ereport: report, ..
            },
        )) => Err(raised(&report)),
    }
}

/// Runs `body` in a subtransaction, and commits it if something is returned. Otherwise what it did is rolled back, and so it
/// is where a unique index refuses a row.
///
/// # Errors
///
/// Those of `body`. Other errors of Postgres are raised.
pub fn keep_or_undo<T>(
    body: impl FnOnce() -> Result<Option<T>, Refusal>,
) -> Result<Option<T>, Refusal> {
    let unique = PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION;
    keep(body, |report| report.sql_error_code() == unique)
}

/// Runs `body` in a subtransaction, and commits it if something is returned. Otherwise what it did is rolled back.
///
/// # Errors
///
/// Those of `body`. Errors of Postgres are raised.
pub fn keep_or_repeat<T>(
    body: impl FnOnce() -> Result<Option<T>, Refusal>,
) -> Result<Option<T>, Refusal> {
    keep(body, |_| false)
}

/// Runs `body` in a subtransaction, and commits it if something is returned. Otherwise what it did is rolled back, and so it
/// is after errors of Postgres that `undoes` names; others are raised.
fn keep<T>(
    body: impl FnOnce() -> Result<Option<T>, Refusal>,
    undoes: impl FnOnce(&ErrorReportWithLevel) -> bool,
) -> Result<Option<T>, Refusal> {
    match execute(|| body().map_err(Ended::Refused)?.ok_or(Ended::Undone)) {
        Ok(value) => Ok(Some(value)),
        Err(Ended::Undone) => Ok(None),
        Err(Ended::Refused(refusal)) => Err(refusal),
        Err(Ended::Raised(CaughtError::PostgresError(report))) if undoes(&report) => Ok(None),
        Err(Ended::Raised(error)) => error.rethrow(),
    }
}

/// Runs `body` in a subtransaction, and commits it or rolls it back.
fn execute<T>(body: impl FnOnce() -> Result<T, Ended>) -> Result<T, Ended> {
    // SAFETY: plain reads of the backend's globals, which has one thread.
    let (context, owner) = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    // SAFETY: as PL/pgSQL does for a block with an exception handler: the call's memory context stays the current one.
    unsafe {
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(context);
    }
    let result = PgTryBuilder::new(AssertUnwindSafe(body))
        .catch_others(|error| Err(Ended::Raised(error)))
        .execute();
    // SAFETY: the subtransaction that began above is the innermost one, since Postgres ends those that an error leaves
    // open with it. Memory context and resource owner are what they were before.
    let leave = |end: unsafe fn()| unsafe {
        pg_sys::MemoryContextSwitchTo(context);
        end();
        pg_sys::MemoryContextSwitchTo(context);
        pg_sys::CurrentResourceOwner = owner;
    };
    if result.is_err() {
        leave(pg_sys::RollbackAndReleaseCurrentSubTransaction);
        return result;
    }
    // Citus commits it on other nodes too, which may be gone. One that nobody rolls back would keep the session from
    // everything but ROLLBACK.
    PgTryBuilder::new(AssertUnwindSafe(|| {
        leave(pg_sys::ReleaseCurrentSubTransaction)
    }))
    .catch_others(|error| {
        leave(pg_sys::RollbackAndReleaseCurrentSubTransaction);
        error.rethrow()
    })
    .execute();
    result
}

enum Ended {
    /// What was done is not to be kept.
    Undone,
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

fn raised(report: &ErrorReportWithLevel) -> Failure {
    Failure {
        message: report.message().to_owned(),
        code: report.sql_error_code(),
    }
}
