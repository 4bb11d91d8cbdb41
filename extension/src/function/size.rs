//! `runmeta.size(document)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::jsonb::{self, Jsonb};

/// Returns the bytes of the compact JSON text.
#[pg_extern(sql = false)]
fn size(document: Jsonb<'_>) -> Answer<i32> {
    answer(|| Ok(i32::try_from(jsonb::size(document.view())).unwrap_or(i32::MAX)))
}
