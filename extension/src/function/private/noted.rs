//! `runmeta._noted(run_id)`, by which the triggers of an adapter record what happened to a job.

use pgrx::prelude::*;

use crate::call::Answer;
use crate::follow;

/// Has the worker called when the transaction has committed, and returns the id.
#[pg_extern(sql = false)]
fn noted(run_id: &str) -> Answer<&str> {
    follow::note(run_id);
    Ok(run_id)
}
