//! What a transaction did that takes effect when it ends.
//!
//! It is kept per subtransaction, so that what a savepoint or an exception block takes back has no effect.

use std::cell::RefCell;

use pgrx::{
    PgSubXactCallbackEvent, PgXactCallbackEvent, register_subxact_callback, register_xact_callback,
};

use crate::announce::{self, Changes};
use crate::follow::Noted;
use crate::inbox::waiting::Moved;

thread_local! {
    static TRANSACTION: RefCell<Transaction> = RefCell::default();
}

/// The current transaction.
#[derive(Default)]
struct Transaction {
    registered: bool,
    /// From the outermost transaction to the innermost open subtransaction that began after the first
    /// change. What was done before that belongs to level 0, whatever the real nesting was then.
    levels: Vec<Level>,
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
    let register = TRANSACTION.with_borrow_mut(|transaction| {
        if transaction.levels.is_empty() {
            transaction.levels.push(Level::default());
        }
        if let Some(level) = transaction.levels.last_mut() {
            change(level);
        }
        !std::mem::replace(&mut transaction.registered, true)
    });
    if register {
        register_callbacks();
    }
}

fn register_callbacks() {
    register_xact_callback(PgXactCallbackEvent::PreCommit, || {
        let all = merge();
        announce::before_commit(all.changes, &all.jobs);
    });
    register_xact_callback(PgXactCallbackEvent::PrePrepare, || {
        let all = merge();
        announce::before_prepare(all.changes, &all.jobs);
    });
    register_xact_callback(PgXactCallbackEvent::Commit, || {
        // No error may be raised here: the transaction has committed.
        end().into_iter().for_each(|level| level.moved.commit());
        announce::after_commit();
    });
    // Lists that wait in a prepared transaction stay counted, as if they waited already.
    register_xact_callback(PgXactCallbackEvent::Prepare, || {
        end().into_iter().for_each(|mut level| level.moved.count());
        announce::after_prepare();
    });
    register_xact_callback(PgXactCallbackEvent::Abort, || {
        end().into_iter().for_each(|level| level.moved.abort());
        announce::forget();
    });
    register_subxact_callback(PgSubXactCallbackEvent::StartSub, |_, _| {
        TRANSACTION.with_borrow_mut(|transaction| transaction.levels.push(Level::default()));
    });
    register_subxact_callback(PgSubXactCallbackEvent::AbortSub, |_, _| {
        let aborted = TRANSACTION.with_borrow_mut(|transaction| {
            let aborted = transaction.levels.pop();
            // A subtransaction that began before the first change took all changes with it.
            if transaction.levels.is_empty() && aborted.is_some() {
                transaction.levels.push(Level::default());
            }
            aborted
        });
        if let Some(aborted) = aborted {
            aborted.moved.abort();
            announce::forget_part();
        }
    });
    register_subxact_callback(PgSubXactCallbackEvent::CommitSub, |_, _| {
        TRANSACTION.with_borrow_mut(|transaction| {
            if transaction.levels.len() > 1
                && let Some(inner) = transaction.levels.pop()
                && let Some(outer) = transaction.levels.last_mut()
            {
                outer.extend(inner);
            }
        });
    });
}

/// Returns all changes as those of one level. What was moved stays, since the transaction may still fail.
fn merge() -> Level {
    TRANSACTION.with_borrow_mut(|transaction| {
        let mut all = Level::default();
        for level in &mut transaction.levels {
            all.changes.extend(std::mem::take(&mut level.changes));
            all.jobs.extend(std::mem::take(&mut level.jobs));
        }
        all
    })
}

fn end() -> Vec<Level> {
    TRANSACTION.take().levels
}
