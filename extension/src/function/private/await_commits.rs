//! `runmeta._await_commits(number_of_rows, lock_timeout)`, with which a node waits for what Citus has prepared there.
//!
//! Prepared are those transactions whose locks belong to no process. Of them, those are awaited that write our tables: anyone may leave
//! one prepared that does not.

#![allow(unsafe_code)] // for the wait

use std::ptr;

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::jsonb::check_for_interrupts;
use crate::reading::Reading;

thread_local! {
    static PREPARED: Reading = const { Reading::new(include_str!("sql/prepared.sql"), &[]) };
}

/// Waits until all prepared transactions have ended that write runs in this database, and returns how many there were.
#[pg_extern(sql = false)]
fn await_commits(_number_of_rows: i64, lock_timeout: i32) -> Answer<i64> {
    answer(|| {
        let _timeout = LockTimeout::begin(lock_timeout);
        let prepared =
            PREPARED.with(|reading| reading.run([], |row| row.get::<pg_sys::TransactionId>(1)))?;
        let mut awaited = 0;
        for transaction in prepared.into_iter().flatten() {
            check_for_interrupts();
            // SAFETY: the id of a transaction, and no row, of which nothing is said then.
            unsafe {
                pg_sys::XactLockTableWait(
                    transaction,
                    ptr::null_mut(),
                    ptr::null_mut(),
                    pg_sys::XLTW_Oper::XLTW_None,
                );
            }
            awaited += 1;
        }
        Ok(awaited)
    })
}

/// The time in which locks are awaited no longer than so. Ends when it is dropped, by an error too.
struct LockTimeout(i32);

impl LockTimeout {
    fn begin(milliseconds: i32) -> Self {
        // SAFETY: a global of the backend, which has one thread.
        unsafe {
            let before = pg_sys::LockTimeout;
            pg_sys::LockTimeout = milliseconds;
            Self(before)
        }
    }
}

impl Drop for LockTimeout {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { pg_sys::LockTimeout = self.0 }
    }
}
