//! `runmeta.increment(run_id, key, by, target)` and `runmeta.decrement`, which is its negative.

use pgrx::prelude::*;
use runmeta_core::{BadValue, Operation, Reason};

use crate::call::{Answer, answer};
use crate::jsonb::Decimal;
use crate::refusal::{Refusal, shown};
use crate::run::{required, write_one};

/// Adds to the number at a key and returns the version.
#[pg_extern(sql = false)]
fn increment(
    run_id: Option<&str>,
    key: Option<&str>,
    by: Option<Decimal>,
    target: Option<pg_sys::Oid>,
) -> Answer<Option<i64>> {
    answer(|| grow(run_id, "increment", key, by, target))
}

/// Subtracts from the number at a key and returns the version.
#[pg_extern(sql = false)]
fn decrement(
    run_id: Option<&str>,
    key: Option<&str>,
    by: Option<Decimal>,
    target: Option<pg_sys::Oid>,
) -> Answer<Option<i64>> {
    answer(|| grow(run_id, "decrement", key, by.map(Decimal::negated), target))
}

fn grow(
    run_id: Option<&str>,
    operation: &'static str,
    key: Option<&str>,
    by: Option<Decimal>,
    target: Option<pg_sys::Oid>,
) -> Result<Option<i64>, Refusal> {
    write_one(run_id, target, operation, key, |parsed| {
        let by = by.ok_or(Refusal::Null { argument: "by" })?;
        let value = by.node().ok_or_else(|| Refusal::Unapplied {
            operation,
            key: key.map(shown),
            reason: Reason::BadValue(BadValue::NotANumber),
        })?;
        Ok(Operation::Increment {
            key: required(parsed)?,
            value,
        })
    })
}
