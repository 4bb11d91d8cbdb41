//! What the worker asks of Postgres that sessions never do.

#![allow(unsafe_code)]

use std::ffi::CStr;

use pgrx::pg_sys;

/// Has a SIGTERM end the process at the next point where a statement can be cancelled, and not only between statements.
pub fn end_on_sigterm() {
    let signal = pg_sys::SIGTERM.cast_signed();
    // SAFETY: the handler does what is allowed in one.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::pqsignal(signal, Some(on_sigterm));
        #[cfg(feature = "pg18")]
        pg_sys::pqsignal_be(signal, Some(on_sigterm));
    }
}

/// Does what Postgres' `die` does, of which pgrx has no address.
unsafe extern "C-unwind" fn on_sigterm(_: i32) {
    // SAFETY: flags that a handler may set, and a latch, which it may set too.
    unsafe {
        (&raw mut pg_sys::ProcDiePending).write_volatile(1);
        (&raw mut pg_sys::InterruptPending).write_volatile(1);
        pg_sys::SetLatch(pg_sys::MyLatch);
    }
}

/// Has a function called when the process ends, but for a crash.
pub fn at_exit(function: unsafe extern "C-unwind" fn(i32, pg_sys::Datum)) {
    // SAFETY: the function lives as long as the library, which is never unloaded.
    unsafe { pg_sys::before_shmem_exit(Some(function), pg_sys::Datum::from(0)) };
}

/// Sets a setting for the rest of the session.
pub fn set(name: &CStr, value: &CStr) {
    let (context, source) = (
        pg_sys::GucContext::PGC_SUSET,
        pg_sys::GucSource::PGC_S_SESSION,
    );
    // SAFETY: Postgres takes copies.
    unsafe { pg_sys::SetConfigOption(name.as_ptr(), value.as_ptr(), context, source) };
}

/// Reads the configuration files again.
pub fn reload_configuration() {
    // SAFETY: outside of any transaction, as in Postgres' own processes.
    unsafe { pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP) };
}

/// Begins a transaction.
pub fn begin_transaction() {
    // SAFETY: no transaction is under way.
    unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, std::ptr::null());
        pg_sys::StartTransactionCommand();
    }
}

/// Commits the transaction.
pub fn commit_transaction() {
    // SAFETY: one is under way.
    unsafe { pg_sys::CommitTransactionCommand() };
}

/// Ends the transaction in which an error was raised.
pub fn abort_transaction() {
    // SAFETY: allowed in any state.
    unsafe { pg_sys::AbortCurrentTransaction() };
}

/// Runs what follows with the rights of a role, which nothing that follows can change.
pub fn set_user(role: pg_sys::Oid) {
    let context = pg_sys::SECURITY_LOCAL_USERID_CHANGE.cast_signed();
    // SAFETY: variables of the backend.
    unsafe { pg_sys::SetUserIdAndSecContext(role, context) };
}

/// Takes back what [`set_user`] did, once the transaction has ended.
pub fn reset_user() {
    // SAFETY: variables of the backend. Between transactions no security context is allowed.
    unsafe { pg_sys::SetUserIdAndSecContext(pg_sys::GetSessionUserId(), 0) };
}

/// Returns true if an extension is installed in the database.
pub fn has_extension(name: &CStr) -> bool {
    // SAFETY: a look-up in the catalog, in a transaction.
    unsafe { pg_sys::get_extension_oid(name.as_ptr(), true) != pg_sys::InvalidOid }
}

/// Returns true if somebody is about to drop, rename, move or copy the database, which Postgres does once nobody else is
/// connected. Whoever does it holds a lock on the database that a session which connects would have to wait for.
pub fn is_database_wanted() -> bool {
    // SAFETY: the tag of a shared object. What is returned was allocated for us.
    unsafe {
        let tag = pg_sys::LOCKTAG {
            locktag_field1: 0,
            locktag_field2: pg_sys::DatabaseRelationId.to_u32(),
            locktag_field3: pg_sys::MyDatabaseId.to_u32(),
            locktag_field4: 0,
            locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
            locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
        };
        let mut holders = 0;
        let conflicts =
            pg_sys::GetLockConflicts(&tag, pg_sys::RowExclusiveLock.cast_signed(), &mut holders);
        pg_sys::pfree(conflicts.cast());
        holders > 0
    }
}

/// Returns the last transaction id that was given out.
pub fn last_transaction_id() -> u32 {
    // SAFETY: a look at shared memory.
    let next = unsafe { pg_sys::ReadNextFullTransactionId() };
    // The lower half, which is what snapshots have.
    (next.value as u32).wrapping_sub(1)
}

/// Reports that the process waits, and what its transactions did to tables, which autovacuum goes by.
pub fn report_idle() {
    // SAFETY: outside of any transaction.
    unsafe {
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_IDLE, std::ptr::null());
        pg_sys::pgstat_report_stat(false);
    }
}
