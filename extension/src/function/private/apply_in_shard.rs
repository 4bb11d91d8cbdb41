//! `runmeta._apply_in_shard(run_id, metadata, old_version, old_size_bound, is_closed, lists, maximum)`, which the statement of a
//! flush for the runs of a shard calls.

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::flush::documents::{self, Stored};
use crate::flush::in_shard;
use crate::jsonb::Jsonb;

/// Applies lists to a document, and returns it if it changed, the bound of its size, its version and what became of the lists.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn apply_in_shard(
    run_id: &str,
    metadata: Jsonb<'_>,
    old_version: i64,
    old_size_bound: Option<i32>,
    is_closed: bool,
    lists: Jsonb<'_>,
    maximum: i32,
) -> Answer<
    TableIterator<
        'static,
        (
            name!(document, Option<Jsonb<'static>>),
            name!(size_bound, Option<i32>),
            name!(version, i64),
            name!(outcomes, String),
            name!(unapplied, Option<Jsonb<'static>>),
        ),
    >,
> {
    answer(|| {
        let stored = Stored {
            id: run_id,
            version: old_version,
            is_closed: is_closed || documents::is_closed(run_id, old_version, None),
        };
        let limit = usize::try_from(maximum).unwrap_or(0);
        let done = in_shard::apply(&stored, &metadata, old_size_bound, &lists, limit)?;
        let (document, bound) = done
            .changed
            .map(|changed| (changed.metadata, changed.bound))
            .unzip();
        Ok(TableIterator::once((
            document,
            bound,
            done.version,
            done.outcomes,
            done.unapplied,
        )))
    })
}
