//! The shards of `runmeta.run` where Citus has distributed it: which of them has the runs of a tree.
//!
//! Citus locks rows of one shard by a statement, and refuses one that could lock some of several. So runs are locked shard by shard,
//! by everybody in the same order: of the hashes that the shards have, which are read once a session, and again when the table
//! changed, as it does when a shard is split or moved. On one server all runs lie in shard 0.
//!
//! A lock does not keep Citus from moving the shard before what was locked is stored, as a write does: of 3,738 batches with statuses,
//! 3 were lost while shards moved. So statements that lock begin with a write that finds no row, `-- hold: ` in their [text](crate::statement).

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{CStr, c_int};
use std::rc::Rc;

use pgrx::pg_sys;

use super::known::is_split;
use crate::owner;
use crate::process;
use crate::reading::Reading;

thread_local! {
    static LOWEST: Reading = const { Reading::new(include_str!("sql/shards.sql"), &[]) };
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    /// The table of runs when they were read.
    static TABLE: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::Oid::INVALID) };
    /// How often they were forgotten.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// Where Citus keeps them.
const CATALOG: &CStr = c"pg_dist_shard";

unsafe extern "C" {
    /// What `hashtext` returns for a text whose collation is "C". pgrx does not declare it.
    fn hash_bytes(bytes: *const u8, length: c_int) -> u32;
}

/// Returns true if Citus has distributed the tables.
pub fn is_distributed() -> bool {
    is_split() && !lowest().is_empty()
}

/// The shards of runs.
pub struct Shards(Rc<[i32]>);

impl Shards {
    /// Looks at them as they are now.
    pub fn now() -> Shards {
        Shards(match is_split() {
            true => lowest(),
            false => Rc::default(),
        })
    }

    /// Returns the place of the shard that has the runs of this tree, in the order in which shards are locked.
    pub fn of(&self, root: &str) -> usize {
        match self.0.is_empty() {
            true => 0,
            false => {
                let hash = hash(root);
                self.0.partition_point(|lowest| *lowest <= hash)
            }
        }
    }

    /// Puts what is in the same shard together, in the order in which shards are locked. Within a shard it stays in its order.
    pub fn groups<T>(&self, of: impl Iterator<Item = T>, root: impl Fn(&T) -> &str) -> Vec<Vec<T>> {
        if self.0.is_empty() {
            return vec![of.collect()];
        }
        let mut groups: BTreeMap<usize, Vec<T>> = BTreeMap::new();
        for one in of {
            groups.entry(self.of(root(&one))).or_default().push(one);
        }
        groups.into_values().collect()
    }
}

fn hash(root: &str) -> i32 {
    let length = c_int::try_from(root.len()).unwrap_or(c_int::MAX);
    // SAFETY: as many bytes as it says, which are read and no more.
    unsafe { hash_bytes(root.as_ptr(), length) }.cast_signed()
}

/// The lowest hash of each shard, in ascending order. None where the tables are not distributed.
struct Known {
    lowest: Rc<[i32]>,
    /// The transaction for which alone that holds, because it has one snapshot.
    transaction: Option<u32>,
}

fn lowest() -> Rc<[i32]> {
    let known = KNOWN.with_borrow(|known| {
        let known = known.as_ref()?;
        let holds = known
            .transaction
            .is_none_or(|transaction| transaction == process::transaction_number());
        holds.then(|| Rc::clone(&known.lowest))
    });
    if let Some(known) = known {
        return known;
    }
    if !IS_WATCHED.replace(true) {
        process::on_changed_table(on_changed_table);
    }
    TABLE.set(owner::run_table());
    let changes = CHANGES.get();
    let read: Rc<[i32]> = match owner::has_catalog(CATALOG) {
        true => {
            // That of the statement that is under way may be older than the change that had the shards forgotten.
            let lowest = process::with_latest_snapshot(|| {
                LOWEST.with(|reading| reading.run([], |row| row.get::<i32>(1)))
            });
            lowest.into_iter().flatten().flatten().collect()
        }
        false => Rc::default(),
    };
    // What has changed meanwhile may not have been seen.
    if changes == CHANGES.get() {
        KNOWN.set(Some(Known {
            lowest: Rc::clone(&read),
            transaction: process::has_one_snapshot().then(process::transaction_number),
        }));
    }
    read
}

/// Returns a number that is another one when the shards have changed, as far as the session has learnt of it.
pub fn changes() -> u64 {
    CHANGES.get()
}

/// Called by Postgres.
extern "C-unwind" fn on_changed_table(_: pg_sys::Datum, table: pg_sys::Oid) {
    // An invalid number stands for all tables.
    if table == TABLE.get() || table == pg_sys::Oid::INVALID {
        KNOWN.set(None);
        CHANGES.set(CHANGES.get().wrapping_add(1));
    }
}
