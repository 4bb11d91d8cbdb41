//! What goes with a tree that is pruned.

use pgrx::pg_sys::BuiltinOid::{TEXTARRAYOID, TIMESTAMPTZOID};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use crate::layout;
use crate::owner::AsOwner;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static INBOX: Statement = const { Statement::new(
        include_str!("sql/prune_inbox.sql"),
        &[TEXTARRAYOID],
    ) };
    static UNAPPLIED: Statement = const { Statement::new(
        include_str!("sql/prune_unapplied.sql"),
        &[TEXTARRAYOID],
    ) };
    static FORGET: Statement = const { Statement::new(
        include_str!("sql/forget_unapplied.sql"),
        &[TIMESTAMPTZOID],
    ) };
}

/// Deletes what waits for the runs of trees that are deleted, and what could not be applied to them. A list that a
/// transaction still holds back comes too late, and is taken for one of a run that is gone.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn delete_trees(client: &mut SpiClient<'_>, roots: &[String]) -> Result<(), Refusal> {
    if layout::is_distributed() {
        return Ok(());
    }
    {
        let _owner = AsOwner::of_inbox()?;
        INBOX.with(|statement| statement.run(client, &[roots.to_vec().into()]))?;
    }
    let _owner = AsOwner::of_unapplied()?;
    UNAPPLIED.with(|statement| statement.run(client, &[roots.to_vec().into()]))?;
    Ok(())
}

/// Deletes unapplied operations of before a time whose tree is gone.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn forget_unapplied(
    client: &mut SpiClient<'_>,
    before: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    if layout::is_distributed() {
        return Ok(());
    }
    let _owner = AsOwner::of_unapplied()?;
    FORGET.with(|statement| statement.run(client, &[before.into()]))?;
    Ok(())
}
