//! `runmeta.prune(before, max_trees)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::prune;
use crate::refusal::Refusal;

/// Deletes trees of which every run finished before a time, and writers that were last seen before it.
/// Returns the number of runs.
#[pg_extern(sql = false)]
fn prune(before: TimestampWithTimeZone, max_trees: i32) -> Answer<i64> {
    answer(|| {
        if max_trees < 1 {
            return Err(Refusal::NotPositive {
                argument: "max_trees",
            });
        }
        Spi::connect_mut(|client| prune::prune(client, before, max_trees))
    })
}
