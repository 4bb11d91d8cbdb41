//! The commit in two phases where Citus has distributed the tables: all nodes commit what a transaction wrote, or none.
//!
//! Citus 13.0 does so by itself where it sees that a transaction writes on a second node. It looks when it begins the transaction on
//! a connection, and when a shard was read before (`Activate2PCIfModifyingTransactionExpandsToNewNode` in `adaptive_executor.c`). What it
//! does not see is a write to one shard of a node where another one was read before: as by a flush that takes the writer's number on one node, looks up
//! the roots on another one and writes the runs there. Each node then committed by itself, and one that was lost in between had a batch
//! applied twice or lost.
//!
//! It commits in two phases whatever it sees once rows were copied into a distributed table. So no rows are copied before a
//! transaction writes a second time: 25 µs of the coordinator (Citus 13.0.5), which sends nothing to other nodes for it.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::rc::Rc;

use pgrx::pg_sys;
use pgrx::spi::{OwnedPreparedStatement, SpiClient};

use crate::owner::AsOwner;
use crate::process;
use crate::refusal::Refusal;

/// The table has shards that no shard of the runs moves with: a move has whoever copies into its tables wait.
const NO_ROWS: &str = include_str!("sql/no_rows.sql");

thread_local! {
    static PLAN: RefCell<Option<Rc<OwnedPreparedStatement>>> = const { RefCell::new(None) };
    static WRITTEN: Cell<Written> = const { Cell::new(Written { transaction: 0, is_in_two_phases: false }) };
}

/// What was written last.
#[derive(Clone, Copy)]
struct Written {
    /// The number of the transaction in the session.
    transaction: u32,
    /// Whether it commits in two phases, whatever Citus sees.
    is_in_two_phases: bool,
}

/// Has the transaction commit in two phases if it may write on more than one node: from the second statement that writes, or from the
/// first one where others of the caller's may follow or came before.
///
/// A commit in two phases waits for the disk of this node, as its record decides about the others after a crash.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn before_write(client: &SpiClient<'_>) -> Result<(), Refusal> {
    wait_for_disk();
    let transaction = process::transaction_number();
    let written = WRITTEN.get();
    let is_first = written.transaction != transaction;
    if !is_first && written.is_in_two_phases {
        return Ok(());
    }
    let is_in_two_phases = !is_first || process::is_in_block() || process::transaction_id() != 0;
    if is_in_two_phases {
        copy_no_rows(client)?;
    }
    WRITTEN.set(Written {
        transaction,
        is_in_two_phases,
    });
    Ok(())
}

fn copy_no_rows(client: &SpiClient<'_>) -> Result<(), Refusal> {
    // Whoever writes runs may have no rights on the writers.
    let _owner = AsOwner::of_writers()?;
    let planned = PLAN.with_borrow(Clone::clone);
    let plan = match planned {
        Some(plan) => plan,
        None => {
            let plan = Rc::new(client.prepare_mut(NO_ROWS, &[])?.keep());
            PLAN.set(Some(Rc::clone(&plan)));
            plan
        }
    };
    // `update` would take a transaction id first.
    Ok(client.select(&*plan, None, &[]).map(drop)?)
}

/// Has the transaction wait until its commit is on the disk, if it would not: lost in a crash of this node, it would be taken back on nodes that
/// have not committed yet, while others have.
fn wait_for_disk() {
    // SAFETY: a global of the backend, which has one thread; the setting exists and takes the value.
    unsafe {
        if pg_sys::synchronous_commit != pg_sys::SyncCommitLevel::SYNCHRONOUS_COMMIT_OFF as c_int {
            return;
        }
        pg_sys::set_config_option(
            c"synchronous_commit".as_ptr(),
            c"local".as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_LOCAL,
            true,
            0,
            false,
        );
    }
}
