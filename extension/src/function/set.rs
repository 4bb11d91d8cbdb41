//! `runmeta.set(run_id, key, value, target)`

use pgrx::prelude::*;
use runmeta_core::Operation;

use crate::call::{Answer, answer};
use crate::jsonb::Jsonb;
use crate::run::{required, value_or_null, write_one};

/// Sets the value at a key and returns the version.
#[pg_extern(sql = false)]
fn set(
    run_id: Option<&str>,
    key: Option<&str>,
    value: Option<Jsonb<'_>>,
    target: Option<pg_sys::Oid>,
) -> Answer<Option<i64>> {
    answer(|| {
        write_one(run_id, target, "set", key, |key| {
            Ok(Operation::Set {
                key: required(key)?,
                value: value_or_null(&value),
            })
        })
    })
}
