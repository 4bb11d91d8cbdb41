//! `runmeta.merge(run_id, value, target, key)`

use pgrx::prelude::*;
use runmeta_core::Operation;

use crate::call::{Answer, answer};
use crate::jsonb::Jsonb;
use crate::run::{value_or_null, write_one};

/// Merges a JSON merge patch into the document, or into the value at a key, and returns the version.
#[pg_extern(sql = false)]
fn merge(
    run_id: Option<&str>,
    value: Option<Jsonb<'_>>,
    target: Option<pg_sys::Oid>,
    key: Option<&str>,
) -> Answer<Option<i64>> {
    answer(|| {
        write_one(run_id, target, "merge", key, |key| {
            Ok(Operation::Merge {
                key,
                value: value_or_null(&value),
            })
        })
    })
}
