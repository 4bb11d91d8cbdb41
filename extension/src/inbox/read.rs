//! What waits for a run, for those who read it: with the snapshot of their statement, in which they saw the run.
//!
//! A snapshot shows a list in the table or in the document of the run, never in both nor in none. So these statements
//! run with the snapshot that is [active](crate::reading).

use pgrx::PgBuiltInOids;
use pgrx::pg_sys::BuiltinOid::{INT8OID, TEXTOID, TIMESTAMPTZOID};
use pgrx::prelude::*;
use runmeta_core::apply;

use super::floor::floor_for_reader;
use super::waiting;
use crate::document::list;
use crate::jsonb::{Jsonb, Node, check_for_interrupts, encode};
use crate::owner::{AsOwner, may_read, sees_some_runs_only};
use crate::reading::{Reading, Row};
use crate::refusal::Refusal;

thread_local! {
    static LISTS: Reading = const { Reading::new(include_str!("sql/read.sql"), ARGUMENTS) };
    static SUMMARY: Reading = const { Reading::new(include_str!("sql/summary.sql"), ARGUMENTS) };
    static VISIBLE: Reading = const { Reading::new(include_str!("sql/visible.sql"), ARGUMENTS) };
}

/// root_id, id, created_at and floor.
const ARGUMENTS: &[PgBuiltInOids] = &[TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID];

/// A run as the caller's statement sees it.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The first run of its tree.
    pub root: &'a str,
    /// Its id.
    pub id: &'a str,
    /// When it was started.
    pub created_at: TimestampWithTimeZone,
}

/// How much waits for a run.
#[derive(Default)]
pub struct Summary {
    /// Lists.
    pub lists: i64,
    /// When the last one came.
    pub last: Option<TimestampWithTimeZone>,
}

/// Returns the document of a run with what waits for it applied, or `None` if nothing waits.
///
/// # Errors
///
/// [`Refusal::TooManyBytes`]. Errors of Postgres are raised.
pub fn live<'a>(
    run: Seen<'_>,
    document: impl FnOnce() -> Jsonb<'a>,
) -> Result<Option<Jsonb<'static>>, Refusal> {
    if !waiting::waits_for_reader(run.id) || !may_read(c"metadata") {
        return Ok(None);
    }
    let lists = read(&LISTS, run, |row| row.get::<Jsonb<'static>>(1))?;
    if lists.is_empty() || !may_see(run)? {
        return Ok(None);
    }
    let document = document();
    let mut node = Node::View(document.view());
    let mut bytes = document.memory();
    for waited in lists.iter().flatten() {
        check_for_interrupts();
        bytes += waited.memory();
        if let Ok(operations) = list::read(waited.view()) {
            apply(&mut node, &operations);
        }
    }
    encode(&node, bytes)
        .map(Some)
        .map_err(|_| Refusal::TooManyBytes)
}

/// Returns how much waits for a run.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn summary(run: Seen<'_>) -> Result<Summary, Refusal> {
    if !waiting::waits_for_reader(run.id) || !may_read(c"version") {
        return Ok(Summary::default());
    }
    let mut rows = read(&SUMMARY, run, |row| Summary {
        lists: row.get(1).unwrap_or(0),
        last: row.get(2),
    })?;
    match rows.pop() {
        Some(summary) if summary.lists > 0 && may_see(run)? => Ok(summary),
        _ => Ok(Summary::default()),
    }
}

/// Returns true if the current role may see the run: whoever calls the function may name any.
fn may_see(run: Seen<'_>) -> Result<bool, Refusal> {
    Ok(!sees_some_runs_only() || !execute(&VISIBLE, run, |_| ())?.is_empty())
}

fn read<T>(
    reading: &'static std::thread::LocalKey<Reading>,
    run: Seen<'_>,
    row: impl FnMut(&Row) -> T,
) -> Result<Vec<T>, Refusal> {
    let _owner = AsOwner::of_inbox()?;
    execute(reading, run, row)
}

fn execute<T>(
    reading: &'static std::thread::LocalKey<Reading>,
    run: Seen<'_>,
    row: impl FnMut(&Row) -> T,
) -> Result<Vec<T>, Refusal> {
    let arguments = [
        run.root.into(),
        run.id.into(),
        run.created_at.into(),
        floor_for_reader(run.root, run.id).into(),
    ];
    reading.with(|reading| reading.run(arguments, row))
}
