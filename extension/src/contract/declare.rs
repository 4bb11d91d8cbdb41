//! `runmeta.contract`: sets and removes the contract of a task, and the trigger with the first and the last.
//!
//! The table of runs is locked against writers, as `CREATE TRIGGER` does it anyway. So a write that began before is not
//! overlooked: it has committed when the contract is there, and one that comes after is checked. The same lock lets one call
//! at a time decide which contract is the first and which the last. Removing the last locks the table against readers too, as
//! `DROP TRIGGER` does.

use pgrx::pg_sys::BuiltinOid::{JSONBOID, TEXTOID};
use pgrx::prelude::*;

use super::{compile, known};
use crate::jsonb::Jsonb;
use crate::process;
use crate::refusal::{ContractRefusal, Refusal};
use crate::run::check_length;
use crate::statement::Statement;

thread_local! {
    static IS_SAME: Statement = const { Statement::new(
        include_str!("sql/is_same.sql"),
        &[TEXTOID, JSONBOID, TEXTOID],
    ) };
    static STORE: Statement = const { Statement::new(
        include_str!("sql/store.sql"),
        &[TEXTOID, JSONBOID, TEXTOID],
    ) };
    static REMOVE: Statement = const { Statement::new(include_str!("sql/remove.sql"), &[TEXTOID]) };
    static IS_THERE: Statement = const { Statement::new(include_str!("sql/is_there.sql"), &[TEXTOID]) };
    static HAS_OTHERS: Statement = const { Statement::new(include_str!("sql/has_others.sql"), &[TEXTOID]) };
    static LOCK: Statement = const { Statement::new(include_str!("sql/lock.sql"), &[]) };
    static LOCK_WHOLE: Statement = const { Statement::new(include_str!("sql/lock_whole.sql"), &[]) };
    static CREATE_TRIGGER: Statement = const { Statement::new(include_str!("sql/create_trigger.sql"), &[]) };
    static DROP_TRIGGER: Statement = const { Statement::new(include_str!("sql/drop_trigger.sql"), &[]) };
}

/// Sets the contract of a task, or removes it. Returns false if it is as it was: then nothing is locked.
///
/// # Errors
///
/// [`ContractRefusal`] for a schema or a mode that cannot be. Errors of Postgres are raised, of missing rights too.
pub fn declare(task: &str, schema: Option<&Jsonb<'static>>, mode: &str) -> Result<bool, Refusal> {
    check_length("task", task)?;
    if super::Mode::parse(mode).is_none() {
        return Err(ContractRefusal::UnknownMode {
            mode: mode.to_owned(),
        }
        .into());
    }
    if let Some(schema) = schema {
        compile(schema)?;
    }
    match schema {
        Some(schema) => set(task, schema, mode),
        None => remove(task),
    }
}

fn set(task: &str, schema: &Jsonb<'static>, mode: &str) -> Result<bool, Refusal> {
    Spi::connect_mut(|client| {
        let arguments = || [task.into(), schema.clone().into(), mode.into()];
        let same = IS_SAME.with(|statement| statement.run(client, &arguments()))?;
        if !same.is_empty() {
            return Ok(false);
        }
        LOCK.with(|statement| statement.run(client, &[]))?;
        known::changed();
        STORE.with(|statement| statement.run(client, &arguments()))?;
        CREATE_TRIGGER.with(|statement| statement.run(client, &[]))?;
        Ok(true)
    })
}

fn remove(task: &str) -> Result<bool, Refusal> {
    Spi::connect_mut(|client| {
        let arguments = || [task.into()];
        let there = IS_THERE.with(|statement| statement.run(client, &arguments()))?;
        if there.is_empty() {
            return Ok(false);
        }
        // Under one snapshot for the whole transaction it is not seen whether others have come: the trigger stays.
        let mut is_last = !process::has_one_snapshot()
            && HAS_OTHERS
                .with(|statement| statement.run(client, &arguments()))?
                .is_empty();
        let lock = if is_last { &LOCK_WHOLE } else { &LOCK };
        lock.with(|statement| statement.run(client, &[]))?;
        known::changed();
        let removed = !REMOVE
            .with(|statement| statement.run(client, &arguments()))?
            .is_empty();
        is_last = is_last
            && HAS_OTHERS
                .with(|statement| statement.run(client, &arguments()))?
                .is_empty();
        if is_last {
            DROP_TRIGGER.with(|statement| statement.run(client, &[]))?;
        }
        Ok(removed)
    })
}
