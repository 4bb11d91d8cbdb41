//! Changing rows in one pass: a single `UPDATE` finds them, has operations applied to each, and stores what changed.
//!
//! Its condition calls a function of ours with each row, and its SET another one, so that no document is copied out of the
//! executor or back in. Where another session has changed a row meanwhile, Postgres waits for it and evaluates both again
//! with the row as it is then: the last evaluation counts.
//!
//! [`visit`] hands the rows over, [`plan`] keeps the statement in the order of an index.

pub mod plan;
pub mod visit;

use pgrx::pg_sys::BuiltinOid::{TEXTARRAYOID, TIMESTAMPTZOID};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use self::plan::ByIndex;
use self::visit::Visitor;
use crate::refusal::Refusal;

thread_local! {
    static UPDATE: ByIndex = const { ByIndex::new(
        include_str!("sql/update.sql"),
        &[TEXTARRAYOID, TIMESTAMPTZOID],
    ) };
}

/// Hands the rows of these runs to a visitor, in the order of their ids, and stores what it returns for each as changed at
/// this time. Returns how many were stored.
///
/// # Errors
///
/// [`Refusal::NotMigrated`]. Errors of the visitor and of Postgres are raised.
pub fn update(
    client: &mut SpiClient<'_>,
    ids: Vec<&str>,
    now: TimestampWithTimeZone,
    visitor: &mut Visitor<'_>,
) -> Result<usize, Refusal> {
    let arguments = [ids.into(), now.into()];
    visit::rows(visitor, || {
        UPDATE.with(|statement| statement.run(client, &arguments))
    })
}
