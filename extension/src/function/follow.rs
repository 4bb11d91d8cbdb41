//! `runmeta.follow(max_runs)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::follow;
use crate::refusal::Refusal;

/// Has at most so many runs follow their jobs in queues, and returns the number of changes that they followed.
#[pg_extern(sql = false)]
fn follow(max_runs: i32) -> Answer<i64> {
    answer(|| match usize::try_from(max_runs) {
        Ok(max_runs) if max_runs > 0 => follow::follow_some(max_runs),
        _ => Err(Refusal::NotPositive {
            argument: "max_runs",
        }),
    })
}
