//! `runmeta._changed_document()`, which the `UPDATE` of a flush stores.

use pgrx::prelude::*;

use crate::call::Answer;
use crate::jsonb::Jsonb;
use crate::one_pass::visit;

/// Returns the document that `_apply_lists` made last, once.
#[pg_extern(sql = false)]
fn changed_document() -> Answer<Option<Jsonb<'static>>> {
    Ok(visit::document())
}
