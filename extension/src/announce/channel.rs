//! The channel `runmeta`, on which changes are announced.
//!
//! It has unsafe code because `SELECT pg_notify(…)` will not do: notifications are made when the transaction is about
//! to commit, and no SQL can run there any more.

#![allow(unsafe_code)]

use pgrx::{IntoDatum, direct_function_call_as_datum, pg_sys};

/// Queues a notification, which listeners get when the transaction commits.
pub fn notify(payload: &str) {
    let arguments = ["runmeta".into_datum(), payload.into_datum()];
    // SAFETY: pg_notify takes two texts, of which it makes copies. Errors, as of a queue that is full, are
    // raised as everywhere and abort the transaction.
    unsafe { direct_function_call_as_datum(pg_sys::pg_notify, &arguments) };
}
