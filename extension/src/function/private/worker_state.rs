//! `runmeta._worker_state()`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::process;
use crate::worker::{self, State};

/// Returns what the worker of the database does, and which library the session has loaded, as one row.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn worker_state() -> Answer<
    TableIterator<
        'static,
        (
            name!(state, &'static str),
            name!(pid, Option<i32>),
            name!(unannounced_since, Option<TimestampWithTimeZone>),
            name!(unannounced_bytes, i64),
            name!(owes_resync, bool),
            name!(error, Option<String>),
            name!(error_at, Option<TimestampWithTimeZone>),
            name!(preloaded, bool),
            name!(library_version, &'static str),
        ),
    >,
> {
    answer(|| {
        let State {
            word,
            pid,
            unannounced_since,
            unannounced_bytes,
            owes_resync,
            failure,
        } = worker::state();
        let (error, error_at) = failure.map(|failure| (failure.message, failure.at)).unzip();
        Ok(TableIterator::once((
            word,
            pid,
            unannounced_since.and_then(|at| at.try_into().ok()),
            i64::try_from(unannounced_bytes).unwrap_or(i64::MAX),
            owes_resync,
            error,
            error_at.and_then(|at| at.try_into().ok()),
            process::was_preloaded(),
            env!("CARGO_PKG_VERSION"),
        )))
    })
}
