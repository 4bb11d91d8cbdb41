//! What waits for a run, for those who read it: with the snapshot of their statement, in which they saw the run.
//!
//! A snapshot shows a list in the table or in the document of the run, never in both nor in none. So these statements
//! run with the snapshot that is active, while pgrx takes a new one as soon as the transaction has written something.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{CString, c_char};

use pgrx::datum::{FromDatum, IntoDatum};
use pgrx::prelude::*;
use pgrx::spi::SpiError;
use runmeta_core::apply;

use super::floor::floor_for_reader;
use super::waiting;
use crate::document::list;
use crate::jsonb::{Jsonb, Node, check_for_interrupts, encode};
use crate::owner::{AsOwner, may_read, sees_some_runs_only};
use crate::refusal::Refusal;

thread_local! {
    static LISTS: Reading = const { Reading::new(include_str!("sql/read.sql")) };
    static SUMMARY: Reading = const { Reading::new(include_str!("sql/summary.sql")) };
    static VISIBLE: Reading = const { Reading::new(include_str!("sql/visible.sql")) };
}

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

/// A query on a run, given by root_id, id, created_at and floor, and its plan once it was run.
struct Reading {
    text: &'static str,
    plan: Cell<pg_sys::SPIPlanPtr>,
}

impl Reading {
    const fn new(text: &'static str) -> Self {
        Reading {
            text,
            plan: Cell::new(std::ptr::null_mut()),
        }
    }
}

/// A row that was read.
struct Row {
    tuple: pg_sys::HeapTuple,
    description: pg_sys::TupleDesc,
}

impl Row {
    fn get<T: FromDatum>(&self, column: i32) -> Option<T> {
        let mut is_null = false;
        // SAFETY: a row of the result that is read while its SPI connection is open.
        unsafe {
            let datum = pg_sys::SPI_getbinval(self.tuple, self.description, column, &mut is_null);
            T::from_datum(datum, is_null)
        }
    }
}

fn execute<T>(
    reading: &'static std::thread::LocalKey<Reading>,
    run: Seen<'_>,
    mut row: impl FnMut(&Row) -> T,
) -> Result<Vec<T>, Refusal> {
    Spi::connect(|_| {
        let plan = plan(reading)?;
        let arguments = [
            run.root.into_datum(),
            run.id.into_datum(),
            run.created_at.into_datum(),
            floor_for_reader(run.root, run.id).into_datum(),
        ];
        let mut arguments = arguments.map(|argument| argument.unwrap_or(pg_sys::Datum::null()));
        // SAFETY: a kept plan with four arguments, none of which is NULL; read only, with the snapshot that is active.
        // The result lies in memory of the connection, which is open.
        unsafe {
            pg_sys::SPI_tuptable = std::ptr::null_mut();
            let nulls: *const c_char = std::ptr::null();
            let code = pg_sys::SPI_execute_plan(plan, arguments.as_mut_ptr(), nulls, true, 0);
            Spi::check_status(code)?;
            let Some(table) = pg_sys::SPI_tuptable.as_ref() else {
                return Ok(Vec::new());
            };
            let count = usize::try_from(pg_sys::SPI_processed).unwrap_or(0);
            let mut rows = Vec::with_capacity(count);
            for position in 0..count {
                check_for_interrupts();
                rows.push(row(&Row {
                    tuple: *table.vals.add(position),
                    description: table.tupdesc,
                }));
            }
            Ok(rows)
        }
    })
}

fn plan(reading: &'static std::thread::LocalKey<Reading>) -> Result<pg_sys::SPIPlanPtr, Refusal> {
    let (known, text) = reading.with(|reading| (reading.plan.get(), reading.text));
    if !known.is_null() {
        return Ok(known);
    }
    let text = CString::new(text).map_err(|_| SpiError::InvalidPosition)?;
    let mut types = [
        pg_sys::TEXTOID,
        pg_sys::TEXTOID,
        pg_sys::TIMESTAMPTZOID,
        pg_sys::INT8OID,
    ];
    // SAFETY: an SPI connection is open; the plan is kept for as long as the session.
    let plan = unsafe {
        let plan = pg_sys::SPI_prepare(text.as_ptr(), 4, types.as_mut_ptr());
        if plan.is_null() {
            return Err(Refusal::Query(SpiError::InvalidPosition));
        }
        pg_sys::SPI_keepplan(plan);
        plan
    };
    reading.with(|reading| reading.plan.set(plan));
    Ok(plan)
}
