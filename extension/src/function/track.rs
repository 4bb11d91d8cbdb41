//! `runmeta.track(task, key, every, keep)`

use pgrx::datum::Interval;
use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::history::{self, Tracking};
use crate::refusal::Refusal;

/// Keeps a history of a number in the metadata of a task's runs.
#[pg_extern(sql = false)]
fn track(
    task: Option<&str>,
    key: Option<&str>,
    every: Option<Interval>,
    keep: Option<i32>,
) -> Answer<()> {
    answer(|| {
        let null = |argument| Refusal::Null { argument };
        let tracking = Tracking {
            task: task.ok_or(null("task"))?,
            key: key.ok_or(null("key"))?,
            every: every.ok_or(null("every"))?,
            keep: keep.ok_or(null("keep"))?,
        };
        Spi::connect_mut(|client| history::track(client, tracking))
    })
}
