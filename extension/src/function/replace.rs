//! `runmeta.replace(run_id, value, target)`

use pgrx::prelude::*;
use runmeta_core::Operation;

use crate::call::{Answer, answer};
use crate::jsonb::Jsonb;
use crate::run::{value_or_null, write_one};

/// Replaces the whole document and returns the version.
#[pg_extern(sql = false)]
fn replace(
    run_id: Option<&str>,
    value: Option<Jsonb<'_>>,
    target: Option<pg_sys::Oid>,
) -> Answer<Option<i64>> {
    answer(|| {
        write_one(run_id, target, "replace", None, |_| {
            Ok(Operation::Update {
                value: value_or_null(&value),
            })
        })
    })
}
