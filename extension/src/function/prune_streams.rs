//! `runmeta.prune_streams(before, max_streams)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::refusal::Refusal;
use crate::stream;

/// Deletes streams that nobody has appended to since a time. Returns their number.
#[pg_extern(sql = false)]
fn prune_streams(before: TimestampWithTimeZone, max_streams: i32) -> Answer<i64> {
    answer(|| {
        if max_streams < 1 {
            return Err(Refusal::NotPositive {
                argument: "max_streams",
            });
        }
        stream::prune(before, max_streams)
    })
}
