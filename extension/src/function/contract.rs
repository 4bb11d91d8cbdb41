//! `runmeta.contract(task, schema, mode)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::contract;
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;

/// Sets the contract of a task, or removes it. Returns false if it is as it was.
#[pg_extern(sql = false)]
fn contract(task: Option<&str>, schema: Option<Jsonb<'_>>, mode: Option<&str>) -> Answer<bool> {
    answer(|| {
        let task = task.ok_or(Refusal::Null { argument: "task" })?;
        let mode = mode.ok_or(Refusal::Null { argument: "mode" })?;
        contract::declare(task, schema.map(Jsonb::into_owned).as_ref(), mode)
    })
}
