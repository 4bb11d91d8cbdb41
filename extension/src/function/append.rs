//! `runmeta.append(run_id, key, value, target, keep)`

use pgrx::prelude::*;
use runmeta_core::{BadValue, Operation, Reason};

use crate::call::{Answer, answer};
use crate::jsonb::Jsonb;
use crate::refusal::{Refusal, shown};
use crate::run::{required, value_or_null, write_one};

/// Adds a value at the end of the array at a key, of which the last `keep` stay, and returns the version.
#[pg_extern(sql = false)]
fn append(
    run_id: Option<&str>,
    key: Option<&str>,
    value: Option<Jsonb<'_>>,
    target: Option<pg_sys::Oid>,
    keep: Option<i32>,
) -> Answer<Option<i64>> {
    answer(|| {
        write_one(run_id, target, "append", key, |parsed| {
            let refused = || Refusal::Unapplied {
                operation: "append",
                key: key.map(shown),
                reason: Reason::BadValue(BadValue::BadKeep),
            };
            let keep = keep
                .map(|keep| u64::try_from(keep).map_err(|_| refused()))
                .transpose()?;
            Ok(Operation::Append {
                key: required(parsed)?,
                value: value_or_null(&value),
                keep,
            })
        })
    })
}
