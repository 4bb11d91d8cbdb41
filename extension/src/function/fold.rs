//! `runmeta.fold(max_runs)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::inbox;
use crate::refusal::Refusal;

/// Folds what waits in the inbox into the documents of at most so many runs, and returns the number of lists.
#[pg_extern(sql = false)]
fn fold(max_runs: i32) -> Answer<i64> {
    answer(|| match usize::try_from(max_runs) {
        Ok(max_runs) if max_runs > 0 => inbox::fold_some(max_runs),
        _ => Err(Refusal::NotPositive {
            argument: "max_runs",
        }),
    })
}
