//! `runmeta._record_change(adapter, run_id, …)`, by which the triggers of an adapter record what happened to a job.

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::follow;

/// Records a change of a job, and has the worker called when the transaction has committed. Returns false, so that the
/// statement has no rows whose condition it is.
#[pg_extern(sql = false)]
fn record_change(call: pg_sys::FunctionCallInfo) -> Answer<bool> {
    answer(|| follow::record_change(call).map(|()| false))
}
