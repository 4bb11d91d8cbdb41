//! `runmeta.remove(run_id, key, value, target)`

use pgrx::prelude::*;
use runmeta_core::Operation;

use crate::call::{Answer, answer};
use crate::jsonb::Jsonb;
use crate::run::{required, value_or_null, write_one};

/// Takes every equal element out of the array at a key and returns the version.
#[pg_extern(sql = false)]
fn remove(
    run_id: Option<&str>,
    key: Option<&str>,
    value: Option<Jsonb<'_>>,
    target: Option<pg_sys::Oid>,
) -> Answer<Option<i64>> {
    answer(|| {
        write_one(run_id, target, "remove", key, |key| {
            Ok(Operation::Remove {
                key: required(key)?,
                value: value_or_null(&value),
            })
        })
    })
}
