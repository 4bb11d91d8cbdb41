//! The rows of streams: made, locked and stored with the rights of the tables' owner, which the caller has taken.

use std::collections::HashSet;

use pgrx::pg_sys::BuiltinOid::{
    INT4ARRAYOID, INT8ARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZARRAYOID,
    TIMESTAMPTZOID,
};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError};

use crate::jsonb::{Jsonb, check_for_interrupts};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static EXISTING: Statement = const { Statement::new(
        include_str!("sql/existing.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static INSERT: Statement = const { Statement::new(
        include_str!("sql/insert.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID],
    ) };
    static LOCK: Statement = const { Statement::new(
        include_str!("sql/lock.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static FORGET_CHUNKS: Statement = const { Statement::new(
        include_str!("sql/forget_chunks.sql"),
        &[TEXTOID, TEXTOID, TEXTOID],
    ) };
    static STORE: Statement = const { Statement::new(
        include_str!("sql/store.sql"),
        &[
            TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID,
            JSONBARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID,
        ],
    ) };
}

/// What a stream is known by: the first run of the tree, the run, and its name.
pub type Key<'a> = (&'a str, &'a str, &'a str);

/// A stream as its row has it.
pub struct Stored {
    /// When the run was started whose stream it is.
    pub run_created_at: TimestampWithTimeZone,
    /// How many chunks there are.
    pub chunks: i64,
    /// The last of them.
    pub tail: Jsonb<'static>,
    /// The attempt in which it was closed.
    pub attempt: Option<i32>,
    /// When it was closed.
    pub closed_at: Option<TimestampWithTimeZone>,
}

impl Stored {
    /// Returns a stream without chunks.
    pub fn empty(run_created_at: TimestampWithTimeZone) -> Stored {
        Stored {
            run_created_at,
            chunks: 0,
            tail: Jsonb::empty_array(),
            attempt: None,
            closed_at: None,
        }
    }
}

/// Returns the positions of the streams of which there is a row, as the statement's snapshot shows it.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn existing(client: &mut SpiClient<'_>, keys: &[Key<'_>]) -> Result<HashSet<usize>, Refusal> {
    let rows = EXISTING.with(|statement| statement.read_by_index(client, &texts(keys)))?;
    let positions = rows.map(|row| Ok(position(row.get(1)?)));
    positions.collect()
}

/// Makes rows for streams of runs that were started at these times, unless there is one, and returns the positions of those
/// that were made. The streams come in the order of their keys.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn make(
    client: &mut SpiClient<'_>,
    keys: &[Key<'_>],
    created: Vec<TimestampWithTimeZone>,
    now: TimestampWithTimeZone,
) -> Result<Vec<usize>, Refusal> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let [roots, ids, names] = texts(keys);
    let arguments = [roots, ids, names, created.into(), now.into()];
    let rows = INSERT.with(|statement| statement.run(client, &arguments))?;
    let mut made = Vec::with_capacity(rows.len());
    for row in rows {
        let text = |column| Ok::<_, Refusal>(row.get::<&str>(column)?.unwrap_or_default());
        let key = (text(1)?, text(2)?, text(3)?);
        made.extend(keys.binary_search(&key));
    }
    Ok(made)
}

/// Locks the rows of streams, in the order in which they come, and calls `visit` with each that is there and its position.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn lock(
    client: &mut SpiClient<'_>,
    keys: &[Key<'_>],
    mut visit: impl FnMut(usize, Stored),
) -> Result<(), Refusal> {
    let required = || Refusal::Query(SpiError::InvalidPosition);
    let rows = LOCK.with(|statement| statement.read_by_index(client, &texts(keys)))?;
    for row in rows {
        check_for_interrupts();
        let stored = Stored {
            run_created_at: row.get(2)?.ok_or_else(required)?,
            chunks: row.get(3)?.ok_or_else(required)?,
            tail: row.get(4)?.ok_or_else(required)?,
            attempt: row.get(5)?,
            closed_at: row.get(6)?,
        };
        visit(position(row.get(1)?), stored);
    }
    Ok(())
}

fn position(ordinality: Option<i64>) -> usize {
    usize::try_from(ordinality.unwrap_or(0) - 1).unwrap_or(usize::MAX)
}

fn texts<'a>(keys: &[Key<'a>]) -> [pgrx::datum::DatumWithOid<'a>; 3] {
    let roots: Vec<&str> = keys.iter().map(|(root, _, _)| *root).collect();
    let ids: Vec<&str> = keys.iter().map(|(_, id, _)| *id).collect();
    let names: Vec<&str> = keys.iter().map(|(_, _, name)| *name).collect();
    [roots.into(), ids.into(), names.into()]
}

/// Deletes the chunks that a stream of an earlier run of the same id has left.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn forget_chunks(client: &mut SpiClient<'_>, (root, id, name): Key<'_>) -> Result<(), Refusal> {
    let arguments = [root.into(), id.into(), name.into()];
    FORGET_CHUNKS.with(|statement| statement.run(client, &arguments))?;
    Ok(())
}

/// Streams that changed and are not stored yet, a vector for each column.
#[derive(Default)]
pub struct Unstored<'a> {
    keys: Vec<Key<'a>>,
    created: Vec<TimestampWithTimeZone>,
    chunks: Vec<i64>,
    tails: Vec<Option<Jsonb<'static>>>,
    attempts: Vec<Option<i32>>,
    closed: Vec<Option<TimestampWithTimeZone>>,
    errors: Vec<Option<&'a str>>,
}

impl<'a> Unstored<'a> {
    /// Adds a stream, whose tail is the one that is stored if it is `None`.
    pub fn add(
        &mut self,
        key: Key<'a>,
        stream: &Stored,
        tail: Option<Jsonb<'static>>,
        error: Option<&'a str>,
    ) {
        self.keys.push(key);
        self.created.push(stream.run_created_at);
        self.chunks.push(stream.chunks);
        self.tails.push(tail);
        self.attempts.push(stream.attempt);
        self.closed.push(stream.closed_at);
        self.errors.push(error);
    }

    /// Stores them.
    ///
    /// # Errors
    ///
    /// [`Refusal::StreamNotStored`]; errors of Postgres are raised.
    pub fn store(
        self,
        client: &mut SpiClient<'_>,
        now: TimestampWithTimeZone,
    ) -> Result<(), Refusal> {
        let count = self.keys.len();
        if count == 0 {
            return Ok(());
        }
        let [roots, ids, names] = texts(&self.keys);
        let arguments = [
            roots,
            ids,
            names,
            self.created.into(),
            self.chunks.into(),
            self.tails.into(),
            self.attempts.into(),
            self.closed.into(),
            self.errors.into(),
            now.into(),
        ];
        let stored = STORE.with(|statement| statement.read_by_index(client, &arguments))?;
        match stored.len() == count {
            true => Ok(()),
            false => Err(Refusal::StreamNotStored),
        }
    }
}
