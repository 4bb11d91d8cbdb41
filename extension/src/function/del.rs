//! `runmeta.del(run_id, key, target)`

use pgrx::prelude::*;
use runmeta_core::Operation;

use crate::call::{Answer, answer};
use crate::run::{required, write_one};

/// Deletes a key and returns the version.
#[pg_extern(sql = false)]
fn del(
    run_id: Option<&str>,
    key: Option<&str>,
    target: Option<pg_sys::Oid>,
) -> Answer<Option<i64>> {
    answer(|| {
        write_one(run_id, target, "delete", key, |key| {
            Ok(Operation::Delete {
                key: required(key)?,
            })
        })
    })
}
