//! Changing rows in one pass: a single `UPDATE` finds them, has operations applied to each, and stores what changed.
//!
//! Its condition calls a function of ours with each row, and its SET another one, so that no document is copied out of the
//! executor or back in. Where another session has changed a row meanwhile, Postgres waits for it and evaluates both again
//! with the row as it is then: the last evaluation counts.
//!
//! Samples of tracked numbers are taken here too, where both documents are at hand: the trigger that takes them otherwise would
//! cost each row 1 µs of 5.5.
//!
//! [`visit`] hands the rows over, [`plan`] keeps the statement in the order of an index.

pub mod plan;
pub mod visit;

use pgrx::pg_sys::BuiltinOid::{TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use self::plan::ByIndex;
use self::visit::{Row, Visitor};
use crate::history;
use crate::refusal::Refusal;

thread_local! {
    static UPDATE: ByIndex = const { ByIndex::new(
        include_str!("sql/update.sql"),
        &[TEXTARRAYOID, TIMESTAMPTZOID],
    ) };
    static UPDATE_IN: ByIndex = const { ByIndex::split(
        include_str!("sql/update.sql"),
        &[TEXTARRAYOID, TIMESTAMPTZOID, TEXTOID],
    ) };
}

/// Hands the rows of these runs to a visitor, in the order of their ids, and stores what it returns for each as changed at
/// this time. Returns how many were stored. Where the layout is split, they are of the tree of this root.
///
/// # Errors
///
/// [`Refusal::NotMigrated`]. Errors of the visitor and of Postgres are raised.
pub fn update(
    client: &mut SpiClient<'_>,
    ids: Vec<&str>,
    root: Option<&str>,
    now: TimestampWithTimeZone,
    visitor: &mut Visitor<'_>,
) -> Result<usize, Refusal> {
    let mut samples = history::Pending::default();
    let mut sampled = |row: Row<'_>| {
        let changed = visitor(row)?;
        if let Some(changed) = &changed {
            samples.look_at(row, &changed.metadata)?;
        }
        Ok(changed)
    };
    let _sampling = history::instead_of_trigger();
    let stored = visit::rows(&mut sampled, || match root {
        None => UPDATE.with(|statement| statement.run(client, &[ids.into(), now.into()])),
        Some(root) => UPDATE_IN
            .with(|statement| statement.run(client, &[ids.into(), now.into(), root.into()])),
    })?;
    samples.store(stored)?;
    Ok(stored)
}
