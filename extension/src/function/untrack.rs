//! `runmeta.untrack(task, key)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::history;
use crate::refusal::Refusal;

/// Keeps no longer a history of a number of a task, or of any, and returns how many these were.
#[pg_extern(sql = false)]
fn untrack(task: Option<&str>, key: Option<&str>) -> Answer<i32> {
    answer(|| {
        let task = task.ok_or(Refusal::Null { argument: "task" })?;
        Spi::connect_mut(|client| history::untrack(client, task, key))
    })
}
