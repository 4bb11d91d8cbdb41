//! `runmeta._keep_histories()`, the trigger of tracked numbers.

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::history;

/// Takes samples of the numbers of a run that changes.
#[pg_extern(sql = false)]
fn keep_histories(call: pg_sys::FunctionCallInfo) -> Answer<()> {
    answer(|| history::keep_histories(call))
}
