//! `runmeta._changed_bound()`, which the `UPDATE` of a flush stores.

use pgrx::prelude::*;

use crate::call::Answer;
use crate::one_pass::visit;

/// Returns the bound of the size of the document that `_apply_lists` made last.
#[pg_extern(sql = false)]
fn changed_bound() -> Answer<Option<i32>> {
    Ok(visit::bound())
}
