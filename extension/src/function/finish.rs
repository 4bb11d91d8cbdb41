//! `runmeta.finish(run_id, status, attempt)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::refusal::Refusal;
use crate::run;

/// Finishes the attempt at a run and returns the run's version.
#[pg_extern(sql = false)]
fn finish(run_id: Option<&str>, status: Option<&str>, attempt: Option<i32>) -> Answer<Option<i64>> {
    answer(|| {
        let Some(run_id) = run_id else {
            return Ok(None);
        };
        let status = status.ok_or(Refusal::Null { argument: "status" })?;
        Spi::connect_mut(|client| run::finish(client, run_id, status, attempt).map(Some))
    })
}
