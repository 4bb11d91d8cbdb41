//! Changes of transactions that are prepared, in the table `runmeta.outbox` until they are announced.
//!
//! The rows are part of the transaction, so they are seen when it has committed, and gone when it was rolled back.

use std::cell::Cell;

use pgrx::pg_sys::BuiltinOid::{INT4OID, INT8ARRAYOID, TEXTARRAYOID};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use crate::announce::Change;
use crate::owner::AsOwner;
use crate::process;
use crate::refusal::Refusal;
use crate::shared;
use crate::statement::Statement;

thread_local! {
    static KEEP: Statement = const { Statement::new(
        include_str!("sql/keep.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID],
    ) };
    static TAKE: Statement = const { Statement::new(
        include_str!("sql/take.sql"),
        &[INT4OID],
    ) };
    static PREPARED: Statement = const { Statement::new(
        include_str!("sql/prepared.sql"),
        &[],
    ) };
}

thread_local! {
    /// The transaction that is about to be prepared has changes to announce.
    static KEPT: Cell<bool> = const { Cell::new(false) };
}

/// A change that a prepared transaction made and that can be announced.
pub struct Kept {
    /// The first run of the run's tree. Empty for a request to read everything.
    pub root: String,
    /// The run's id.
    pub id: String,
    /// Its version, if it is known.
    pub version: Option<i64>,
}

/// Keeps the changes of the transaction that is about to be prepared.
pub fn keep(changes: Vec<(String, Change)>, resync: bool) {
    let (mut roots, mut ids, mut versions) = (Vec::new(), Vec::new(), Vec::new());
    for (id, change) in changes {
        roots.push(change.root);
        ids.push(id);
        versions.push(change.version);
    }
    if resync {
        (roots, ids, versions) = (vec![String::new()], vec![String::new()], vec![None]);
    }
    let kept = process::with_snapshot(|| {
        Spi::connect_mut(|client| {
            let _owner = AsOwner::of_outbox()?;
            let arguments = [roots.into(), ids.into(), versions.into()];
            KEEP.with(|statement| statement.run(client, &arguments).map(drop))
        })
    });
    if let Err(refusal) = kept {
        refusal.raise();
    }
    KEPT.set(true);
}

/// Has the worker look for what [`keep`] kept, once the transaction is prepared. Earlier the worker would find no prepared
/// transaction, and look no more.
pub fn after_prepare() {
    if KEPT.take()
        && let Some(database) = shared::database(process::database())
    {
        database.set_prepared(true);
        database.wake();
    }
}

/// The transaction was not prepared.
pub fn forget() {
    KEPT.set(false);
}

/// Takes out changes of transactions that have committed, at most this many. Runs with the rights of the tables' owner.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn take(client: &mut SpiClient<'_>, limit: i32) -> Result<Vec<Kept>, Refusal> {
    let rows = TAKE.with(|statement| statement.run(client, &[limit.into()]))?;
    rows.map(|row| {
        Ok(Kept {
            root: row.get(1)?.unwrap_or_default(),
            id: row.get(2)?.unwrap_or_default(),
            version: row.get(3)?,
        })
    })
    .collect()
}

/// Returns true if there are prepared transactions in this database.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn any(client: &mut SpiClient<'_>) -> Result<bool, Refusal> {
    let rows = PREPARED.with(|statement| statement.run(client, &[]))?;
    Ok(!rows.is_empty())
}
