//! Why the server refused a batch: which of its runs another transaction has locked, and the writer's last sequence.

use pgrx::Uuid;
use pgrx::pg_sys::BuiltinOid::{TEXTARRAYOID, UUIDOID};
use pgrx::prelude::*;

use crate::layout::{self, ByRoot};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static LOCKED: ByRoot = const { ByRoot::new(
        include_str!("sql/locked.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static LAST_SEQUENCE: Statement = const { Statement::new(
        include_str!("sql/last_sequence.sql"),
        &[UUIDOID],
    ) };
}

/// Returns those of the runs that another transaction has locked. Waits for nobody, and leaves the others locked until the transaction
/// ends.
///
/// # Errors
///
/// Errors of Postgres are raised, also for a role that may not write runs.
pub fn locked(ids: &[&str]) -> Result<Vec<String>, Refusal> {
    let mut locked = Vec::new();
    for ids in layout::by_shard(ids)? {
        Spi::connect_mut(|client| {
            for row in LOCKED.with(|statement| statement.lock_by_index(client, ids))? {
                locked.extend(row.get::<String>(1)?);
            }
            Ok::<_, Refusal>(())
        })?;
    }
    Ok(locked)
}

/// Returns the sequence of the writer's last batch, or 0.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn last_sequence(writer: Uuid) -> Result<i64, Refusal> {
    Spi::connect_mut(|client| {
        let mut rows = LAST_SEQUENCE.with(|statement| statement.run(client, &[writer.into()]))?;
        match rows.next() {
            Some(_) => Ok(rows.get(1)?.unwrap_or(0)),
            None => Ok(0),
        }
    })
}
