//! Changes of transactions that are prepared, in the table `runmeta.outbox` until they are announced.
//!
//! The rows are part of the transaction, so they are seen when it has committed, and gone when it was rolled back.

use std::cell::Cell;
use std::collections::BTreeMap;

use pgrx::pg_sys::BuiltinOid::{BOOLARRAYOID, INT4OID, INT8ARRAYOID, TEXTARRAYOID};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use super::{StreamEntry, Streams};
use crate::announce::Change;
use crate::owner::AsOwner;
use crate::process;
use crate::refusal::Refusal;
use crate::shared;
use crate::statement::Statement;

thread_local! {
    static KEEP: Statement = const { Statement::new(
        include_str!("sql/keep.sql"),
        &[
            TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, BOOLARRAYOID,
        ],
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
    /// The transaction that is about to be prepared has something for the worker.
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
    /// The stream of it that changed, if it is not the run: its name, the number of its last chunk, and whether it was
    /// closed.
    stream: Option<(String, i64, bool)>,
}

impl Kept {
    /// Returns the stream that changed, if it is not the run.
    pub fn stream(&self) -> Option<StreamEntry<'_>> {
        let (name, last, closed) = self.stream.as_ref()?;
        Some(StreamEntry {
            root: &self.root,
            id: &self.id,
            name,
            last: *last,
            closed: *closed,
        })
    }
}

/// Keeps the changes of the transaction that is about to be prepared.
pub fn keep(changes: &BTreeMap<String, Change>, streams: &Streams, resync: bool) {
    let mut rows = Rows::default();
    match resync {
        true => rows.add("", "", None, None),
        false => {
            for (id, change) in changes {
                rows.add(&change.root, id, change.version, None);
            }
            for stream in streams.entries() {
                rows.add(stream.root, stream.id, None, Some(stream));
            }
        }
    }
    let kept = process::with_snapshot(|| {
        Spi::connect_mut(|client| {
            let _owner = AsOwner::of_outbox()?;
            let arguments = [
                rows.roots.into(),
                rows.ids.into(),
                rows.versions.into(),
                rows.streams.into(),
                rows.lasts.into(),
                rows.closed.into(),
            ];
            KEEP.with(|statement| statement.run(client, &arguments).map(drop))
        })
    });
    if let Err(refusal) = kept {
        refusal.raise();
    }
    KEPT.set(true);
}

/// Rows of the table, a vector for each column.
#[derive(Default)]
struct Rows {
    roots: Vec<String>,
    ids: Vec<String>,
    versions: Vec<Option<i64>>,
    streams: Vec<Option<String>>,
    lasts: Vec<Option<i64>>,
    closed: Vec<bool>,
}

impl Rows {
    fn add(&mut self, root: &str, id: &str, version: Option<i64>, stream: Option<StreamEntry<'_>>) {
        self.roots.push(root.to_owned());
        self.ids.push(id.to_owned());
        self.versions.push(version);
        self.streams
            .push(stream.map(|stream| stream.name.to_owned()));
        self.lasts.push(stream.map(|stream| stream.last));
        self.closed.push(stream.is_some_and(|stream| stream.closed));
    }
}

/// Has the worker look for jobs that the transaction, which is about to be prepared, has changed.
pub fn expect() {
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
        let last = row.get(5)?.unwrap_or(-1);
        let closed = row.get(6)?.unwrap_or(false);
        Ok(Kept {
            root: row.get(1)?.unwrap_or_default(),
            id: row.get(2)?.unwrap_or_default(),
            version: row.get(3)?,
            stream: row.get(4)?.map(|name| (name, last, closed)),
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
