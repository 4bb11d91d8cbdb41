//! Postgres' lightweight locks.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;

use pgrx::pg_sys;

/// A lightweight lock in shared memory. Postgres releases it when an error ends the transaction.
#[repr(C)]
pub struct Lock(UnsafeCell<pg_sys::LWLock>);

// SAFETY: it is a lock: it is made to be shared.
unsafe impl Sync for Lock {}

/// A lock that is held, until it is dropped.
pub struct Held<'a>(&'a Lock);

impl Lock {
    /// Makes the lock usable. Called once, by the process that allocates the memory round it.
    pub fn initialize(&self, tranche: i32) {
        // SAFETY: the memory is shared, and nobody else knows of it yet.
        unsafe { pg_sys::LWLockInitialize(self.0.get(), tranche) };
    }

    /// Waits for the lock. Whoever holds one does no more than copy memory.
    pub fn hold(&self) -> Held<'_> {
        // SAFETY: the lock was initialized.
        unsafe { pg_sys::LWLockAcquire(self.0.get(), pg_sys::LWLockMode::LW_EXCLUSIVE) };
        Held(self)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: it is held by this process, unless an error released all.
        unsafe {
            if pg_sys::LWLockHeldByMe(self.0.0.get()) {
                pg_sys::LWLockRelease(self.0.0.get());
            }
        }
    }
}
