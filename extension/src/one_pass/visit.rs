//! Hands the rows of a running `UPDATE` to the call that runs it.
//!
//! The statement's condition calls a function of ours ([`row`]) with each row, and its SET another one ([`document`]).
//! Both find the call here. A trigger may call `flush` while the `UPDATE` of an outer one runs, so the visitor of the
//! outer one is put back when the inner one ends, whether by a return or by an error. Only this file touches the state.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::mem::transmute;

use pgrx::datum::TimestampWithTimeZone;

use crate::document::Changed;
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;

/// A run's row as the statement reads it.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// The first run of its tree.
    pub root: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its document.
    pub metadata: &'a Jsonb<'a>,
    /// Its version.
    pub version: i64,
    /// When it finished, if it did.
    pub finished_at: Option<TimestampWithTimeZone>,
    /// What its document has at the most as compact JSON, in bytes, if that is known.
    pub size_bound: Option<i32>,
    /// Its task.
    pub task: Option<&'a str>,
    /// When it was started.
    pub created_at: TimestampWithTimeZone,
    /// When it was last written to.
    pub updated_at: TimestampWithTimeZone,
}

/// Takes a row and returns the document to be stored in it, or `None` to leave it as it is.
pub type Visitor<'a> = dyn FnMut(Row<'_>) -> Result<Option<Changed>, Refusal> + 'a;

thread_local! {
    /// The visitor of the innermost `UPDATE` that runs; none while it is at work.
    static VISITOR: Cell<Option<*mut Visitor<'static>>> = const { Cell::new(None) };
    /// What the visitor returned for the row that is being changed.
    static DOCUMENT: Cell<Option<Jsonb<'static>>> = const { Cell::new(None) };
    /// The bound of its size.
    static BOUND: Cell<Option<i32>> = const { Cell::new(None) };
}

/// The visitor of an `UPDATE` that runs. When it is dropped, that of the outer one is put back.
struct Running {
    outer: Option<*mut Visitor<'static>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        VISITOR.set(self.outer);
        DOCUMENT.take();
        BOUND.take();
    }
}

/// A visitor that was taken out to be called, and is put back when this is dropped.
struct Called(*mut Visitor<'static>);

impl Drop for Called {
    fn drop(&mut self) {
        VISITOR.set(Some(self.0));
    }
}

/// Runs an `UPDATE`, of which `visitor` gets the rows.
pub fn rows<T>(visitor: &mut Visitor<'_>, update: impl FnOnce() -> T) -> T {
    let visitor: *mut Visitor<'_> = visitor;
    // SAFETY: only the lifetime changes. The pointer is gone from VISITOR when `update` ends, and with it the borrow.
    let visitor: *mut Visitor<'static> = unsafe { transmute(visitor) };
    let _running = Running {
        outer: VISITOR.replace(Some(visitor)),
    };
    update()
}

/// Hands over a row, and returns true if it is to be changed. False outside of a flush.
///
/// # Errors
///
/// Those of the visitor.
pub fn row(row: Row<'_>) -> Result<bool, Refusal> {
    let Some(visitor) = VISITOR.take() else {
        return Ok(false);
    };
    let called = Called(visitor);
    // SAFETY: `rows` keeps the visitor borrowed while it is in VISITOR, and it is taken out while it is called.
    let changed = unsafe { (*called.0)(row) }?;
    let is_changed = changed.is_some();
    let (document, bound) = changed
        .map(|changed| (changed.metadata, changed.bound))
        .unzip();
    DOCUMENT.set(document);
    BOUND.set(bound);
    Ok(is_changed)
}

/// Returns the document to be stored in the row that was handed over last.
pub fn document() -> Option<Jsonb<'static>> {
    DOCUMENT.take()
}

/// Returns the bound of its size.
pub fn bound() -> Option<i32> {
    BOUND.take()
}
