//! `runmeta._root_of(run_id)`, with which SQL finds a run where runs lie in parts.

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::layout;

/// Returns the root of a run, as the statement's snapshot shows it. None if runs do not lie in parts.
#[pg_extern(sql = false)]
fn root_of(run_id: &str) -> Answer<Option<String>> {
    answer(|| match layout::is_split() {
        true => layout::root_for_reader(run_id),
        false => Ok(None),
    })
}
