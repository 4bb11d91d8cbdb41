//! `runmeta.contract_violations(task, max_runs, schema)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::contract;
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;

/// Returns what of the metadata of a task's runs does not fit its contract or another schema.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn contract_violations(
    task: Option<&str>,
    max_runs: Option<i32>,
    schema: Option<Jsonb<'_>>,
) -> Answer<
    TableIterator<
        'static,
        (
            name!(run_id, String),
            name!(path, String),
            name!(message, String),
        ),
    >,
> {
    answer(|| {
        let task = task.ok_or(Refusal::Null { argument: "task" })?;
        let max_runs = max_runs.ok_or(Refusal::Null {
            argument: "max_runs",
        })?;
        let max_runs = usize::try_from(max_runs).ok().filter(|runs| *runs > 0);
        let max_runs = max_runs.ok_or(Refusal::NotPositive {
            argument: "max_runs",
        })?;
        let found = contract::find(task, max_runs, schema.as_ref())?;
        let rows: Vec<_> = found
            .into_iter()
            .map(|found| (found.run, found.path, found.message))
            .collect();
        Ok(TableIterator::new(rows))
    })
}
