//! `runmeta._is_schema(schema)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::contract;
use crate::jsonb::Jsonb;

/// Returns true if a contract may have this schema, and raises an error that says why not otherwise.
#[pg_extern(sql = false)]
fn is_schema(schema: Jsonb<'_>) -> Answer<bool> {
    answer(|| contract::compile(&schema).map(|_| true))
}
