//! What a transaction did that takes effect when it ends.
//!
//! It is kept per subtransaction, so that what a savepoint or an exception block takes back has no effect.

#![allow(unsafe_code)] // for the callbacks that Postgres calls

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;

use pgrx::pg_guard;
use pgrx::pg_sys;

use crate::announce::{self, Changes};
use crate::follow::Noted;
use crate::inbox::waiting::Moved;

thread_local! {
    /// From the outermost transaction to the innermost open subtransaction that began after the first change. What was done
    /// before that belongs to level 0, whatever the real nesting was then. Empty if nothing was done.
    static TRANSACTION: RefCell<Vec<Level>> = const { RefCell::new(Vec::new()) };
    static REGISTERED: Cell<bool> = const { Cell::new(false) };
}

/// What a transaction or subtransaction did.
#[derive(Default)]
pub struct Level {
    /// Runs that changed.
    pub changes: Changes,
    /// Jobs that changed.
    pub jobs: Noted,
    /// Lists that were put into the inbox and taken out, and changes of jobs that were recorded and taken.
    pub moved: Moved,
}

impl Level {
    /// Takes over what a subtransaction did that committed.
    fn extend(&mut self, inner: Level) {
        self.changes.extend(inner.changes);
        self.jobs.extend(inner.jobs);
        self.moved.extend(inner.moved);
    }
}

/// Notes something that the current transaction did.
pub fn note(change: impl FnOnce(&mut Level)) {
    register_callbacks();
    TRANSACTION.with_borrow_mut(|levels| {
        if levels.is_empty() {
            levels.push(Level::default());
        }
        if let Some(level) = levels.last_mut() {
            change(level);
        }
    });
}

/// Registers the callbacks of this session once: pgrx has them registered anew in each transaction, which took 8 µs of each that
/// claims or finishes a job.
fn register_callbacks() {
    if !REGISTERED.replace(true) {
        // SAFETY: both are functions of the signature that Postgres calls, and live as long as the library.
        unsafe {
            pg_sys::RegisterXactCallback(Some(on_transaction), ptr::null_mut());
            pg_sys::RegisterSubXactCallback(Some(on_subtransaction), ptr::null_mut());
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn on_transaction(event: pg_sys::XactEvent::Type, _argument: *mut c_void) {
    if TRANSACTION.with_borrow(Vec::is_empty) {
        return;
    }
    match event {
        pg_sys::XactEvent::XACT_EVENT_PRE_COMMIT => {
            let all = merge();
            announce::before_commit(all.changes, &all.jobs);
        }
        pg_sys::XactEvent::XACT_EVENT_PRE_PREPARE => {
            let all = merge();
            announce::before_prepare(all.changes, &all.jobs);
        }
        pg_sys::XactEvent::XACT_EVENT_COMMIT => {
            // No error may be raised here: the transaction has committed.
            TRANSACTION
                .take()
                .into_iter()
                .for_each(|level| level.moved.commit());
            announce::after_commit();
        }
        // Lists that wait in a prepared transaction stay counted, as if they waited already.
        pg_sys::XactEvent::XACT_EVENT_PREPARE => {
            TRANSACTION
                .take()
                .into_iter()
                .for_each(|mut level| level.moved.count());
            announce::after_prepare();
        }
        pg_sys::XactEvent::XACT_EVENT_ABORT => {
            TRANSACTION
                .take()
                .into_iter()
                .for_each(|level| level.moved.abort());
            announce::forget();
        }
        _ => {}
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn on_subtransaction(
    event: pg_sys::SubXactEvent::Type,
    _own: pg_sys::SubTransactionId,
    _outer: pg_sys::SubTransactionId,
    _argument: *mut c_void,
) {
    if TRANSACTION.with_borrow(Vec::is_empty) {
        return;
    }
    match event {
        pg_sys::SubXactEvent::SUBXACT_EVENT_START_SUB => {
            TRANSACTION.with_borrow_mut(|levels| levels.push(Level::default()));
        }
        pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB => {
            let aborted = TRANSACTION.with_borrow_mut(|levels| {
                let aborted = levels.pop();
                // A subtransaction that began before the first change took all changes with it.
                if levels.is_empty() {
                    levels.push(Level::default());
                }
                aborted
            });
            if let Some(aborted) = aborted {
                aborted.moved.abort();
                announce::forget_part();
            }
        }
        pg_sys::SubXactEvent::SUBXACT_EVENT_COMMIT_SUB => {
            TRANSACTION.with_borrow_mut(|levels| {
                if levels.len() > 1
                    && let Some(inner) = levels.pop()
                    && let Some(outer) = levels.last_mut()
                {
                    outer.extend(inner);
                }
            });
        }
        _ => {}
    }
}

/// Returns all changes as those of one level. What was moved stays, since the transaction may still fail.
fn merge() -> Level {
    TRANSACTION.with_borrow_mut(|levels| {
        let mut all = Level::default();
        for level in levels {
            all.changes.extend(std::mem::take(&mut level.changes));
            all.jobs.extend(std::mem::take(&mut level.jobs));
        }
        all
    })
}
