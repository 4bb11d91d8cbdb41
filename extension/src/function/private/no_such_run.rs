//! `runmeta._no_such_run(run_id)`, with which functions written in SQL refuse a run id.

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::refusal::Refusal;

/// Raises the error for a run that does not exist.
#[pg_extern(sql = false)]
fn no_such_run(run_id: &str) -> Answer<()> {
    answer(|| {
        Err(Refusal::NoSuchRun {
            run: run_id.to_owned(),
        })
    })
}
