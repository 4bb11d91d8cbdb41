//! The setting `lock_timeout` where Citus has distributed the tables: rows are locked on the nodes, which do not know the settings of
//! a session of the coordinator. So it is sent to them, once a transaction, before the first statement on the tables.
//!
//! Citus sends a `SET LOCAL` that is run in a block, with the `BEGIN` of each node or at once where that was sent before.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::CStr;

use pgrx::prelude::*;

use super::is_distributed;
use crate::process;
use crate::refusal::Refusal;

thread_local! {
    static SENT: Cell<Option<Sent>> = const { Cell::new(None) };
}

/// What is sent before any subtransaction begins holds in all of them.
const TOP: pg_sys::SubTransactionId = 1;

/// What the nodes know, until the transaction in which it was sent ends.
#[derive(Clone, Copy)]
struct Sent {
    transaction: u32,
    /// What is sent in a subtransaction is forgotten with it.
    subtransaction: pg_sys::SubTransactionId,
    milliseconds: i32,
}

/// Has the nodes wait for a lock no longer than the session would.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn send_lock_timeout() -> Result<(), Refusal> {
    if !is_distributed() {
        return Ok(());
    }
    let milliseconds = process::lock_timeout();
    // SAFETY: a look at the backend's own state.
    let subtransaction = unsafe { pg_sys::GetCurrentSubTransactionId() };
    let transaction = process::transaction_number();
    let sent = SENT.get().filter(|sent| sent.transaction == transaction);
    let wanted = Sent {
        transaction,
        subtransaction,
        milliseconds,
    };
    // Each time is a statement more on each connection.
    let holds = |sent: Sent| {
        sent.milliseconds == milliseconds && [subtransaction, TOP].contains(&sent.subtransaction)
    };
    if sent.map_or(milliseconds == 0, holds) {
        return Ok(());
    }
    // Before it runs, since it may come back here.
    SENT.set(Some(wanted));
    let block = format!(
        "DO 'BEGIN \
         SET LOCAL citus.propagate_set_commands = local; \
         SET LOCAL lock_timeout = {milliseconds}; \
         SET LOCAL citus.propagate_set_commands = {}; \
         END' LANGUAGE plpgsql",
        propagation()
    );
    Spi::connect(|client| {
        // `update` would take a transaction id first.
        let block = client.prepare_mut(&*block, &[])?;
        Ok(client.select(&block, None, &[]).map(drop)?)
    })
}

/// Returns how the session has Citus send settings.
fn propagation() -> &'static str {
    // SAFETY: the value is a text that ends with a zero, and is looked at before anything else happens. NULL where there is none.
    unsafe {
        let value = pg_sys::GetConfigOption(c"citus.propagate_set_commands".as_ptr(), true, false);
        match !value.is_null() && CStr::from_ptr(value) == c"local" {
            true => "local",
            false => "none",
        }
    }
}
