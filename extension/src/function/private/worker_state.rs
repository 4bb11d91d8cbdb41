//! `runmeta._worker_state()`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::worker::{self, State};

/// Returns what the worker of the database does, as one row.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn worker_state() -> Answer<
    TableIterator<
        'static,
        (
            name!(state, &'static str),
            name!(pid, Option<i32>),
            name!(unannounced_since, Option<TimestampWithTimeZone>),
            name!(owes_resync, bool),
            name!(error, Option<String>),
            name!(error_at, Option<TimestampWithTimeZone>),
        ),
    >,
> {
    answer(|| {
        let State {
            word,
            pid,
            unannounced_since,
            owes_resync,
            failure,
        } = worker::state();
        let (error, error_at) = failure.map(|failure| (failure.message, failure.at)).unzip();
        Ok(TableIterator::once((
            word,
            pid,
            unannounced_since.and_then(|at| at.try_into().ok()),
            owes_resync,
            error,
            error_at.and_then(|at| at.try_into().ok()),
        )))
    })
}
