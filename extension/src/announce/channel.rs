//! The channel `runmeta`, on which changes are announced, and the queue of notifications.
//!
//! Postgres has one queue for all databases of a server. A session that listens and stays in a transaction keeps everybody's
//! notifications in it, any role that may connect can do so, and once the queue is full, whoever commits with a notification
//! gets 54000. Data must not depend on that: where the queue fills, a resync is owed instead, and announced when there is
//! room again.

#![allow(unsafe_code)]

use std::cell::Cell;

use pgrx::{IntoDatum, direct_function_call, direct_function_call_as_datum, pg_sys};

use super::payload::{Item, RESYNC, payloads};
use crate::process;
use crate::shared::{self, Database};

thread_local! {
    /// The transaction announces a resync that was owed.
    static PAYS: Cell<bool> = const { Cell::new(false) };
}

/// Of the queue, in which everybody's notifications are, we leave half to others.
const FULL: f64 = 0.5;
/// Of what is left then, sessions that commit at the same time share.
const SHARE: f64 = 0.25;
/// Pages of the queue before `max_notify_queue_pages` came with Postgres 17.
const PAGES: f64 = 1_048_576.0;
const PAGE: f64 = 8192.0;

/// Announces changes when the transaction commits; or only that everything is to be read. Returns false if
/// the queue has no room: then the next announcement tells listeners to read everything.
pub fn announce<'a>(changes: impl Iterator<Item = Item<'a>>, resync: bool) -> bool {
    let database = shared::database(process::database());
    let owed = database.is_some_and(Database::take_resync);
    PAYS.set(owed);
    let mut all = match resync || owed {
        true => vec![RESYNC.to_owned()],
        false => payloads(changes),
    };
    if all.is_empty() {
        return true;
    }
    let room = room();
    let bytes = |payloads: &[String]| payloads.iter().map(String::len).sum::<usize>() as f64 + PAGE;
    if bytes(&all) > room {
        all = vec![RESYNC.to_owned()];
    }
    if bytes(&all) > room {
        if let Some(database) = database {
            database.owe_resync();
        }
        return false;
    }
    all.iter().for_each(|payload| notify(payload));
    true
}

/// Ends the transaction: what it was to announce was announced if it has committed, and is still owed otherwise.
pub fn settle(committed: bool) {
    if PAYS.take()
        && !committed
        && let Some(database) = shared::database(process::database())
    {
        database.owe_resync();
    }
}

/// Returns the part of the queue that is in use. This also lets go of what all listeners have read.
fn usage() -> f64 {
    // SAFETY: the function takes no arguments.
    let usage: Option<f64> =
        unsafe { direct_function_call(pg_sys::pg_notification_queue_usage, &[]) };
    usage.unwrap_or(0.0)
}

/// Returns the bytes that one transaction may put into the queue.
fn room() -> f64 {
    let usage = usage();
    if usage > FULL {
        return 0.0;
    }
    let pages = process::setting(c"max_notify_queue_pages").unwrap_or(PAGES);
    (1.0 - usage) * pages * PAGE * SHARE
}

/// Queues a notification, which listeners get when the transaction commits. `SELECT pg_notify(…)` will not do: no SQL can run
/// when the transaction is about to commit.
fn notify(payload: &str) {
    let arguments = ["runmeta".into_datum(), payload.into_datum()];
    // SAFETY: pg_notify takes two texts, of which it makes copies.
    unsafe { direct_function_call_as_datum(pg_sys::pg_notify, &arguments) };
}
