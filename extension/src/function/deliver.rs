//! `runmeta.deliver(max_runs)`

use pgrx::prelude::*;

use crate::announce;
use crate::call::{Answer, answer};
use crate::refusal::Refusal;

/// Announces what is not announced yet, and returns the number of runs.
#[pg_extern(sql = false)]
fn deliver(max_runs: Option<i32>) -> Answer<i64> {
    answer(|| {
        let argument = "max_runs";
        let max_runs = max_runs.ok_or(Refusal::Null { argument })?;
        if max_runs < 1 {
            return Err(Refusal::NotPositive { argument });
        }
        Spi::connect_mut(|client| announce::deliver(client, max_runs))
    })
}
