//! One call of an SQL function: what is done before and after its body, and what becomes of its errors.

use std::panic::AssertUnwindSafe;

use pgrx::pg_sys::panic::{CaughtError, ErrorReport};
use pgrx::prelude::*;

use crate::layout;
use crate::memory;
use crate::refusal::{REPORT_HINT, Refusal};

/// What an SQL function returns.
pub type Answer<T> = Result<T, ErrorReport>;

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
    let after_change = move |error: CaughtError| match layout::changes() == changes {
        true => error.rethrow(),
        false => Err(ErrorReport::from(Refusal::LayoutChanged)),
    };
    PgTryBuilder::new(body)
        .catch_when(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, after_change)
        .catch_when(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, after_change)
        .catch_rust_panic(|error| {
            let message = match &error {
                CaughtError::RustPanic { ereport, .. } => ereport.message().to_owned(),
                _ => String::new(),
            };
            let report = ErrorReport::new(
                PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
                format!("runmeta panicked: {message}"),
                function_name!(),
            );
            Err(report.set_hint(REPORT_HINT))
        })
        .execute()
}
