//! The commit in two phases where Citus has distributed the tables: all nodes commit what a transaction wrote, or none.
//!
//! Citus 13.0 does so by itself where it sees that a transaction writes on a second node. It looks when it begins the transaction on
//! a connection, and when a shard was read before (`Activate2PCIfModifyingTransactionExpandsToNewNode` in `adaptive_executor.c`). What it
//! does not see is a write to one shard of a node where another one was read before: as by a flush that takes the writer's number on
//! one node, looks up the roots on another one and writes the runs there. Each node then committed by itself, and where one was lost in
//! between, a batch was applied there twice or not at all.
//!
//! It commits in two phases whatever it sees once rows were copied into a distributed table. So no rows are copied before a
//! transaction writes a second time: 25 µs of the coordinator (Citus 13.0.5), which sends nothing to other nodes for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

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

/// What a statement does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It reads.
    Read,
    /// It locks what it reads.
    Lock,
    /// It stores or deletes rows.
    Write,
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
/// first one that locks or writes where others of the caller's may follow or came before. There it also has the nodes begin a transaction:
/// Citus does so by itself for a function that a query calls, and would have a lock end with its statement elsewhere.
///
/// The commit waits for the disk of this node, whatever `synchronous_commit` says: lost in a crash, it would be taken back on the nodes
/// that have not committed yet, while others have.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn before(access: Access, client: &SpiClient<'_>) -> Result<(), Refusal> {
    // In a transaction that may not write, it is refused in its own words.
    if access == Access::Read || process::is_read_only() {
        return Ok(());
    }
    process::force_synchronous_commit();
    let transaction = process::transaction_number();
    let written = WRITTEN.get();
    let is_first = written.transaction != transaction;
    if !is_first && written.is_in_two_phases {
        return Ok(());
    }
    let is_alone = process::is_whole_transaction() && opens_transaction_block();
    if is_alone && access == Access::Lock {
        return Ok(());
    }
    let is_in_two_phases = !(is_alone && is_first);
    if is_in_two_phases {
        copy_no_rows(client)?;
    }
    WRITTEN.set(Written {
        transaction,
        is_in_two_phases,
    });
    Ok(())
}

/// Returns true if Citus has the nodes begin a transaction where a query calls a function, as it does by default.
fn opens_transaction_block() -> bool {
    process::setting_text(c"citus.function_opens_transaction_block").as_deref() != Some("off")
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
