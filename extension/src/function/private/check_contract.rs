//! `runmeta._check_contract()`

use pgrx::AllocatedByPostgres;
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::call::answer;
use crate::contract::row;

/// Checks the document of a row that is to be stored, and lets the row pass as it is.
#[pg_trigger(sql = false)]
fn check_contract<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, ErrorReport> {
    match answer(|| row::check(trigger)) {
        Ok(()) => Ok(trigger.new()),
        // pgrx would make a panic of it.
        Err(report) => {
            report.report(PgLogLevel::ERROR);
            Ok(None)
        }
    }
}
