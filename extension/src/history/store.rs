//! Histories in their table, which only its owner may write.

use std::cell::Cell;

use pgrx::datum::Interval;
use pgrx::pg_sys::BuiltinOid::{
    FLOAT8ARRAYOID, INTERVALOID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID,
};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use super::look::Run;
use super::samples::Samples;
use super::tracked::{Number, microseconds};
use crate::owner::AsOwner;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static READ: Statement = const { Statement::new(
        include_str!("sql/read.sql"),
        &[TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID],
    ) };
    static STORE: Statement = const { Statement::new(
        include_str!("sql/store.sql"),
        &[
            TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INTERVALOID, TIMESTAMPTZARRAYOID, FLOAT8ARRAYOID,
        ],
    ) };
    static DELETE: Statement = const { Statement::new(
        include_str!("sql/delete.sql"),
        &[TEXTOID, TEXTOID],
    ) };
    static DELETE_TREES: Statement = const { Statement::new(
        include_str!("sql/delete_trees.sql"),
        &[TEXTARRAYOID],
    ) };
    /// Whether trees are being pruned, whose histories are deleted by tree.
    static IS_PRUNING: Cell<bool> = const { Cell::new(false) };
}

/// The time in which runs are deleted that are pruned. Ends when it is dropped, by an error too.
pub struct Pruning {
    _private: (),
}

/// Begins to prune: until this is dropped, the trigger deletes no histories.
pub fn while_pruning() -> Pruning {
    IS_PRUNING.set(true);
    Pruning { _private: () }
}

impl Drop for Pruning {
    fn drop(&mut self) {
        IS_PRUNING.set(false);
    }
}

/// Reads the samples of a number of a run; none if there are none, or those of an earlier run of that id.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn read(run: Run<'_>, number: &Number) -> Result<Samples, Refusal> {
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_history()?;
        let arguments = [
            run.root.into(),
            run.id.into(),
            number.key.as_str().into(),
            run.created_at.into(),
        ];
        let mut rows = READ.with(|statement| statement.run(client, &arguments))?;
        if rows.next().is_none() {
            return Ok(Samples::default());
        }
        let at: Vec<TimestampWithTimeZone> = rows.get(2)?.unwrap_or_default();
        let mut value: Vec<f64> = rows.get(3)?.unwrap_or_default();
        // Whoever wrote here by hand may have made them differ.
        value.truncate(at.len());
        Ok(Samples {
            spacing: rows
                .get::<Interval>(1)?
                .map_or(0, |spacing| microseconds(&spacing)),
            at: at
                .into_iter()
                .take(value.len())
                .map(pg_sys::TimestampTz::from)
                .collect(),
            value,
        })
    })
}

/// Stores the samples of a number of a run. A trigger of the owner's that leaves out the row has it so: a history is not
/// worth failing a write for.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn store(run: Run<'_>, number: &Number, samples: &Samples) -> Result<(), Refusal> {
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_history()?;
        let time = |at: &i64| TimestampWithTimeZone::try_from(*at).ok();
        let arguments = [
            run.root.into(),
            run.id.into(),
            number.key.as_str().into(),
            run.created_at.into(),
            Interval::new(0, 0, samples.spacing).ok().into(),
            samples.at.iter().map(time).collect::<Vec<_>>().into(),
            samples.value.clone().into(),
        ];
        STORE.with(|statement| statement.run(client, &arguments))?;
        Ok(())
    })
}

/// Deletes the histories of a run that is deleted, unless its tree is pruned.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn delete(root: &str, id: &str) -> Result<(), Refusal> {
    if IS_PRUNING.get() {
        return Ok(());
    }
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_history()?;
        DELETE.with(|statement| statement.run(client, &[root.into(), id.into()]))?;
        Ok(())
    })
}

/// Deletes the histories of trees that are pruned.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn delete_trees(client: &mut SpiClient<'_>, roots: &[String]) -> Result<(), Refusal> {
    let _owner = AsOwner::of_history()?;
    DELETE_TREES.with(|statement| statement.run(client, &[roots.to_vec().into()]))?;
    Ok(())
}
