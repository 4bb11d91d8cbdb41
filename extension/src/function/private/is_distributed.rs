//! `runmeta._is_distributed()`, by which functions take other statements where Citus has distributed the tables.

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::layout;

/// Returns true if Citus has distributed the tables.
#[pg_extern(sql = false)]
fn is_distributed() -> Answer<bool> {
    answer(|| Ok(layout::is_distributed()))
}
