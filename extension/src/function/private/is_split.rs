//! `runmeta._is_split()`, by which statements have the root of a run where they need it.

use pgrx::prelude::*;

use crate::call::Answer;
use crate::layout;

/// Returns true if runs lie in parts.
#[pg_extern(sql = false)]
fn is_split() -> Answer<bool> {
    Ok(layout::is_split())
}
