//! Who makes a run that does not exist: whoever has locked the first change of its job.
//!
//! Another session may have taken the changes in a transaction that is still open. Whoever came to take newer ones would wait
//! for it, or make the run out of order.

use pgrx::pg_sys::BuiltinOid::TEXTARRAYOID;
use pgrx::prelude::*;

use super::Locking;
use crate::owner::AsOwner;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static HEADS: Statement = const { Statement::new(
        concat!(include_str!("sql/heads.sql"), "SKIP LOCKED"),
        &[TEXTARRAYOID],
    ) };
    static AWAIT_HEADS: Statement = const { Statement::new(
        include_str!("sql/heads.sql"),
        &[TEXTARRAYOID],
    ) };
}

/// What is known of a run that is to be made.
pub struct Head {
    /// Its id.
    pub run: String,
    /// The run that it is started under.
    pub parent: Option<String>,
    /// Whether anything was recorded but that its job is gone.
    pub is_there: bool,
    /// Whether it has waited for its parent for long enough.
    pub is_late: bool,
}

/// Locks the first changes of these runs, and returns those of which nobody else has locked them, in the order of their ids.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn lock(runs: &[&str], locking: Locking) -> Result<Vec<Head>, Refusal> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let heads = match locking {
        Locking::Skip => &HEADS,
        Locking::Await | Locking::Insist => &AWAIT_HEADS,
    };
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_transitions()?;
        let rows = heads.with(|statement| statement.run(client, &[runs.to_vec().into()]))?;
        let mut locked = Vec::with_capacity(rows.len());
        for row in rows {
            locked.push(Head {
                run: row.get(1)?.unwrap_or_default(),
                parent: row.get(2)?,
                is_there: row.get(3)?.unwrap_or(false),
                is_late: matches!(locking, Locking::Insist) || row.get(4)?.unwrap_or(false),
            });
        }
        Ok(locked)
    })
}
