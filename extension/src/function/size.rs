//! `runmeta.size(document)`

use pgrx::prelude::*;

use crate::jsonb::{self, Jsonb};

/// Returns the bytes of the compact JSON text.
#[pg_extern(sql = false)]
fn size(document: Jsonb<'_>) -> i32 {
    i32::try_from(jsonb::size(document.view())).unwrap_or(i32::MAX)
}
