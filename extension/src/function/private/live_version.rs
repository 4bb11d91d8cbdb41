//! `runmeta._live_version(version, root_id, run_id, created_at)` and `runmeta._live_updated_at`, beside
//! `runmeta._live_metadata`.

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::inbox::{Seen, summary};

/// Returns the version of a run: the stored one and one for each list that waits.
#[pg_extern(sql = false)]
fn live_version(
    version: i64,
    root: &str,
    id: &str,
    created_at: TimestampWithTimeZone,
) -> Answer<i64> {
    answer(|| {
        let run = Seen {
            root,
            id,
            created_at,
        };
        Ok(version.saturating_add(summary(run)?.lists))
    })
}

/// Returns when a run last changed: when it was stored, or when the last list that waits came.
#[pg_extern(sql = false)]
fn live_updated_at(
    updated_at: TimestampWithTimeZone,
    root: &str,
    id: &str,
    created_at: TimestampWithTimeZone,
) -> Answer<TimestampWithTimeZone> {
    answer(|| {
        let run = Seen {
            root,
            id,
            created_at,
        };
        let last = summary(run)?.last.unwrap_or(updated_at);
        Ok(updated_at.max(last))
    })
}
