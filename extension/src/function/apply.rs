//! `runmeta.apply(run_id, operations, target)`

use crate::call::{Answer, answer};
use crate::document::list;
use crate::document::unapplied_list;
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;
use crate::run::{target, write};
use pgrx::prelude::*;

/// Applies a list of operations and returns the version and what was skipped. No row without a run id.
#[pg_extern(sql = false)]
fn apply(
    run_id: Option<&str>,
    operations: Option<Jsonb<'_>>,
    target: Option<pg_sys::Oid>,
) -> Answer<
    TableIterator<
        'static,
        (
            name!(version, Option<i64>),
            name!(unapplied, Jsonb<'static>),
        ),
    >,
> {
    answer(|| {
        let Some(run_id) = run_id else {
            return Ok(TableIterator::empty());
        };
        let operations = operations.ok_or(Refusal::Null {
            argument: "operations",
        })?;
        let list = list::read(operations.view())?;
        let written = write(run_id, target::read(target)?, &list, || {
            match list.iter().all(Result::is_ok) {
                true => Ok(operations.clone()),
                false => list::readable(operations.view(), &list),
            }
        })?;
        Ok(TableIterator::once((
            written.version,
            unapplied_list(&written.unapplied),
        )))
    })
}
