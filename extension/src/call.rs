//! One call of an SQL function: what is done before and after its body, and what becomes of its errors.

use std::panic::AssertUnwindSafe;

use pgrx::pg_sys::panic::{CaughtError, ErrorReport};
use pgrx::prelude::*;

use crate::layout;
use crate::memory;
use crate::refusal::{REPORT_HINT, Refusal};

/// What an SQL function returns.
pub type Answer<T> = Result<T, ErrorReport>;

/// What is raised for a table that is not there any more, and by Citus for a plan that was made before it distributed the tables.
const AFTER_CHANGE: [PgSqlErrorCode; 2] = [
    PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
    PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
];

/// Runs the body of an SQL function. A Rust panic becomes an error that asks to be reported; errors of
/// Postgres and our own pass through, but for those of a table that was there until the layout changed, or was plain until then:
/// they are [`Refusal::LayoutChanged`].
pub fn answer<T>(body: impl FnOnce() -> Result<T, Refusal>) -> Answer<T> {
    let _memory = memory::begin();
    let changes = layout::changes();
    let body = AssertUnwindSafe(|| {
        body()
            .map_err(|refusal| match refusal {
                Refusal::NotMigrated { .. } if layout::changes() != changes => {
                    Refusal::LayoutChanged
                }
                refusal => refusal,
            })
            .map_err(ErrorReport::from)
    });
    // One handler for all errors: those for some of them make a map, in each call.
    PgTryBuilder::new(body)
        .catch_others(move |error| match &error {
            CaughtError::RustPanic { ereport, .. } => Err(panicked(ereport.message())),
            CaughtError::PostgresError(report)
                if AFTER_CHANGE.contains(&report.sql_error_code())
                    && layout::changes() != changes =>
            {
                Err(ErrorReport::from(Refusal::LayoutChanged))
            }
            _ => error.rethrow(),
        })
        .execute()
}

fn panicked(message: &str) -> ErrorReport {
    ErrorReport::new(
        PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
        format!("runmeta panicked: {message}"),
        function_name!(),
    )
    .set_hint(REPORT_HINT)
}
