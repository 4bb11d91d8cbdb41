//! `runmeta._diagnose(writer, run_ids)`, by which the client finds out why a batch was refused.

use pgrx::prelude::*;
use pgrx::{Array, Uuid};

use crate::call::{Answer, answer};
use crate::diagnosis;

/// Returns the last sequence of the writer, or 0, and those of the runs that another transaction has locked.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn diagnose(
    writer: Uuid,
    run_ids: Array<'_, &str>,
) -> Answer<TableIterator<'static, (name!(last_sequence, i64), name!(locked, Vec<String>))>> {
    answer(|| {
        let ids: Vec<&str> = run_ids.iter().flatten().collect();
        let found = (diagnosis::last_sequence(writer)?, diagnosis::locked(&ids)?);
        Ok(TableIterator::once(found))
    })
}
