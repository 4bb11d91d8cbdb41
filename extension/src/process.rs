//! What the library asks of the process that loads it, and of the session.
//!
//! It has unsafe code because neither Rust nor pgrx has a safe way.

#![allow(unsafe_code)]

use std::env;
use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use pgrx::pg_sys;

const LIBRARY_BACKTRACE: &str = "RUST_LIB_BACKTRACE";

/// Keeps Rust's backtraces out of errors. pgrx puts one into the detail of every error that Postgres raises inside
/// our functions, if the environment of the server asks for backtraces: pages of file names for a lock timeout.
pub fn keep_backtraces_out() {
    if env::var_os(LIBRARY_BACKTRACE).is_none() {
        // SAFETY: a backend has one thread, which is here.
        unsafe { env::set_var(LIBRARY_BACKTRACE, "0") };
    }
}

/// Makes a setting under our name that we do not know an error, so that a misspelt one is found.
pub fn reserve_settings() {
    let prefix = c"runmeta".as_ptr();
    // SAFETY: a text of static lifetime; Postgres takes a copy.
    unsafe { pg_sys::MarkGUCPrefixReserved(prefix) };
}

/// Returns true if all statements of this transaction see the same snapshot: under repeatable read and serializable.
pub fn has_one_snapshot() -> bool {
    // SAFETY: a global of the backend, which has one thread.
    unsafe { pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 }
}

/// Returns the setting `lock_timeout`, in milliseconds; 0 if it has none.
pub fn lock_timeout() -> i32 {
    // SAFETY: a global of the backend, which has one thread.
    unsafe { pg_sys::LockTimeout }
}

/// Returns the database that the session is connected to.
pub fn database() -> pg_sys::Oid {
    // SAFETY: a global of the backend.
    unsafe { pg_sys::MyDatabaseId }
}

/// Returns the id of the outermost transaction, 0 if it has none.
pub fn transaction_id() -> u32 {
    // SAFETY: a look at the backend's own state.
    unsafe { pg_sys::GetTopTransactionIdIfAny() }.into_inner()
}

/// Returns the id of the outermost transaction, and gives it one if it has none: it is about to write.
pub fn own_transaction_id() -> u32 {
    // SAFETY: a transaction is under way.
    unsafe { pg_sys::GetTopTransactionId() }.into_inner()
}

/// Returns true if a transaction began before another one. 0 is before all.
pub fn precedes(left: u32, right: u32) -> bool {
    // SAFETY: arithmetic.
    unsafe { pg_sys::TransactionIdPrecedes(left.into(), right.into()) }
}

/// Returns true if the snapshot of the statement sees everything that a transaction did which has committed.
pub fn precedes_snapshot(transaction: u32) -> bool {
    // SAFETY: a snapshot that is active is there.
    unsafe {
        pg_sys::ActiveSnapshotSet()
            && precedes(
                transaction,
                (*pg_sys::GetActiveSnapshot()).xmin.into_inner(),
            )
    }
}

/// Returns true if the snapshot of the statement sees what a transaction did that is known to have committed.
pub fn is_in_snapshot(transaction: u32) -> bool {
    // SAFETY: a snapshot that is active is there. That of a statement has lists of transactions, for which this asks.
    unsafe {
        pg_sys::ActiveSnapshotSet() && {
            let snapshot = pg_sys::GetActiveSnapshot();
            (*snapshot).snapshot_type == pg_sys::SnapshotType::SNAPSHOT_MVCC
                && !pg_sys::XidInMVCCSnapshot(transaction.into(), snapshot)
        }
    }
}

/// Returns a setting of the server that is a number, in its own unit. `None` if this Postgres does not have it.
pub fn setting(name: &CStr) -> Option<f64> {
    // SAFETY: the text lives as long as the setting stays as it is, and is read at once.
    unsafe {
        let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        match value.is_null() {
            true => None,
            false => CStr::from_ptr(value).to_str().ok()?.parse().ok(),
        }
    }
}

/// Returns a setting as text. `None` if there is none of this name.
pub fn setting_text(name: &CStr) -> Option<String> {
    // SAFETY: the text lives as long as the setting stays as it is, and is copied at once.
    unsafe {
        let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        match value.is_null() {
            true => None,
            false => CStr::from_ptr(value).to_str().ok().map(str::to_owned),
        }
    }
}

/// Returns the number of the outermost transaction in the session, of which each one has its own. It is never 0.
pub fn transaction_number() -> u32 {
    // SAFETY: a transaction is under way, and the backend has an entry in shared memory.
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    unsafe {
        (*pg_sys::MyProc).lxid
    }
    // SAFETY: as above.
    #[cfg(not(any(feature = "pg15", feature = "pg16")))]
    unsafe {
        (*pg_sys::MyProc).vxid.lxid
    }
}

/// Returns true in a transaction that may not write.
pub fn is_read_only() -> bool {
    // SAFETY: a global of the backend, which has one thread.
    unsafe { pg_sys::XactReadOnly }
}

/// Has the commit of the transaction wait until it is on the disk.
pub fn force_synchronous_commit() {
    // SAFETY: sets a flag of the backend, which the next transaction begins without.
    unsafe { pg_sys::ForceSyncCommit() };
}

unsafe extern "C-unwind" {
    /// Of `nodes/params.h`. pgrx has a function of its own in its place.
    fn ParamsErrorCallback(argument: *mut c_void);
}

/// Returns true if a query that calls us and only reads besides is the whole transaction, sent by the client. False in a transaction
/// block, where a function calls us, which in any language adds to the context of errors, and where the executor is not at work: it is
/// not for parameters of `EXECUTE`, for defaults of `COPY` and for a call by the fast path.
pub fn is_whole_transaction() -> bool {
    // SAFETY: a look at the backend's own state. The entries are on the stack of those that are under way.
    unsafe {
        if pg_sys::IsTransactionBlock() {
            return false;
        }
        let is_query = pg_sys::ActivePortal.as_ref().is_some_and(|portal| {
            portal.strategy == pg_sys::PortalStrategy::PORTAL_ONE_SELECT
                && !portal.queryDesc.is_null()
        });
        if !is_query {
            return false;
        }
        let mut context = pg_sys::error_context_stack;
        while let Some(entry) = context.as_ref() {
            // That of the extended protocol, for the values of parameters.
            let is_of_protocol = entry.callback.is_some_and(|callback| {
                callback as usize == ParamsErrorCallback as *const () as usize
            });
            if !is_of_protocol {
                return false;
            }
            context = entry.previous;
        }
        true
    }
}

/// Has a function called with each table of which a session says that it has changed. It is never taken back, and Postgres
/// has room for ten in a session.
pub fn on_changed_table(callback: extern "C-unwind" fn(pg_sys::Datum, pg_sys::Oid)) {
    // SAFETY: the function is there as long as the library.
    unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(callback), pg_sys::Datum::null()) };
}

/// Has a function called when a table is made, renamed, changed or dropped, with the [hash of its name](hash_of_table), or 0 for any
/// table. It is never taken back, and Postgres has room for 64 of all caches in a session.
pub fn on_changed_name(callback: extern "C-unwind" fn(pg_sys::Datum, c_int, u32)) {
    let cache = pg_sys::SysCacheIdentifier::RELNAMENSP as c_int;
    // SAFETY: the function is there as long as the library.
    unsafe {
        pg_sys::CacheRegisterSyscacheCallback(cache, Some(callback), pg_sys::Datum::null());
    }
}

/// Returns what [`on_changed_name`] knows a table in this schema by.
pub fn hash_of_table(name: &CStr, schema: pg_sys::Oid) -> u32 {
    let (cache, none) = (
        pg_sys::SysCacheIdentifier::RELNAMENSP as c_int,
        pg_sys::Datum::null(),
    );
    // SAFETY: keys of the types that the cache has: a text that ends with a zero byte, and an oid.
    unsafe { pg_sys::GetSysCacheHashValue(cache, name.as_ptr().into(), schema.into(), none, none) }
}

/// Tells all sessions that a table has changed, when the transaction has committed.
pub fn tell_changed_table(table: pg_sys::Oid) {
    // SAFETY: a transaction is under way. A table that is not there is an error.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(table) };
}

/// Runs SQL where no statement of the caller's is under way: when a transaction is about to be prepared.
pub fn with_snapshot<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: a transaction is under way. An error in between ends it, and its snapshots with it.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot()) };
    let result = body();
    // SAFETY: the one that was pushed above.
    unsafe { pg_sys::PopActiveSnapshot() };
    result
}

/// Runs something with a snapshot that is taken now, unless the transaction has one for all of it, or has parallel workers.
pub fn with_latest_snapshot<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: a look at the transaction's state.
    match unsafe { pg_sys::IsInParallelMode() } {
        true => body(),
        false => with_snapshot(body),
    }
}

/// Returns the time in microseconds, as Postgres counts them.
pub fn now() -> i64 {
    // SAFETY: no more than the clock.
    unsafe { pg_sys::GetCurrentTimestamp() }
}

/// Returns true if this server follows another one, and takes no writes.
pub fn is_standby() -> bool {
    // SAFETY: a look at shared memory.
    unsafe { pg_sys::RecoveryInProgress() }
}

/// Returns true if the session may start other processes: it is no part of another session's statement, and not the only
/// process of the server.
pub fn may_start_processes() -> bool {
    // SAFETY: globals of the backend.
    unsafe { pg_sys::IsUnderPostmaster && pg_sys::ParallelWorkerNumber < 0 }
}

/// Whether the server loaded the library when it started. Set in the postmaster, whose children inherit it.
static PRELOADED: AtomicBool = AtomicBool::new(false);

/// Notes that the server loads the library when it starts.
pub fn set_preloaded() {
    PRELOADED.store(true, Relaxed);
}

/// Returns true if the server loaded the library when it started.
pub fn was_preloaded() -> bool {
    PRELOADED.load(Relaxed)
}

/// Returns true while the server loads the libraries of `shared_preload_libraries`.
pub fn is_preloading() -> bool {
    // SAFETY: a global of the postmaster.
    unsafe { pg_sys::process_shared_preload_libraries_in_progress }
}

/// Returns the databases that take connections and are no templates. For a process that is connected to none.
pub fn databases() -> Vec<pg_sys::Oid> {
    let mut found = Vec::new();
    // SAFETY: the scan of a shared catalog, as autovacuum's launcher makes it: in a transaction, and closed in it.
    unsafe {
        pg_sys::StartTransactionCommand();
        let relation =
            pg_sys::table_open(pg_sys::DatabaseRelationId, pg_sys::AccessShareLock as i32);
        let scan = pg_sys::table_beginscan_catalog(relation, 0, std::ptr::null_mut());
        loop {
            let tuple = pg_sys::heap_getnext(scan, pg_sys::ScanDirection::ForwardScanDirection);
            if tuple.is_null() {
                break;
            }
            let row: pg_sys::Form_pg_database = pg_sys::GETSTRUCT(tuple).cast();
            if (*row).datallowconn && !(*row).datistemplate {
                found.push((*row).oid);
            }
        }
        pg_sys::heap_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as i32);
        pg_sys::CommitTransactionCommand();
    }
    found
}
