//! Leaves the trigger out of a statement of ours that takes the samples itself.
//!
//! When the statement starts, Postgres has made a copy of the table's triggers for it. In that copy ours is disabled, as
//! `ALTER TABLE … DISABLE TRIGGER` would for everybody, so that no row is queued for it. Where there is no such trigger nothing is
//! tracked, and where it cannot be left out it takes the samples.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{CStr, c_int};

use pgrx::pg_sys;
use pgrx::prelude::*;

const NAME: &CStr = c"keep_histories";
/// `TRIGGER_FIRES_ON_ORIGIN` and `TRIGGER_DISABLED`, of `commands/trigger.h`.
const ENABLED: u8 = b'O';
const DISABLED: u8 = b'D';

thread_local! {
    /// What the hook was before the statement.
    static OUTER: Cell<pg_sys::ExecutorStart_hook_type> = const { Cell::new(None) };
    /// Whether the statement has not started yet.
    static IS_AWAITED: Cell<bool> = const { Cell::new(false) };
    static IS_IN_PLACE: Cell<bool> = const { Cell::new(false) };
}

/// The time in which the next statement runs without the trigger. Ends when it is dropped, by an error too.
pub struct Instead {
    was_in_place: bool,
}

/// Has the next statement run without the trigger.
pub fn instead_of_trigger() -> Instead {
    // SAFETY: a global of the backend, which has one thread.
    unsafe {
        OUTER.set(pg_sys::ExecutorStart_hook);
        pg_sys::ExecutorStart_hook = Some(on_start);
    }
    IS_AWAITED.set(true);
    Instead {
        was_in_place: IS_IN_PLACE.replace(false),
    }
}

/// Returns true if a statement runs from which the trigger was left out.
pub fn is_in_place() -> bool {
    IS_IN_PLACE.get()
}

impl Drop for Instead {
    fn drop(&mut self) {
        IS_IN_PLACE.set(self.was_in_place);
        if IS_AWAITED.take() {
            // SAFETY: as above.
            unsafe { pg_sys::ExecutorStart_hook = OUTER.take() };
        }
    }
}

/// Called by Postgres when the statement starts.
#[pg_guard]
unsafe extern "C-unwind" fn on_start(query: *mut pg_sys::QueryDesc, flags: c_int) {
    let outer = OUTER.take();
    IS_AWAITED.set(false);
    // SAFETY: the hook that was there before, or what Postgres calls without one. A statement that this one starts, of a trigger
    // or a policy, is not ours.
    unsafe {
        pg_sys::ExecutorStart_hook = outer;
        match outer {
            Some(outer) => pg_sys::ffi::pg_guard_ffi_boundary(|| outer(query, flags)),
            None => pg_sys::standard_ExecutorStart(query, flags),
        }
        IS_IN_PLACE.set(leave_out(query));
    }
}

/// Disables the trigger in a statement that has started, and returns true if it was there and would have fired.
///
/// # Safety
///
/// The statement has started.
unsafe fn leave_out(query: *mut pg_sys::QueryDesc) -> bool {
    // SAFETY: a state that says it is that of an UPDATE is one, with as many tables as it says; the triggers are the statement's
    // own copy, with as many as it says.
    unsafe {
        let state = (*query).planstate;
        if state.is_null() || (*state).type_ != pg_sys::NodeTag::T_ModifyTableState {
            return false;
        }
        let state: *mut pg_sys::ModifyTableState = state.cast();
        // Of a partitioned table the triggers are those of each partition.
        if (*state).mt_nrels != 1 || pg_sys::SessionReplicationRole == REPLICA {
            return false;
        }
        let all = (*(*state).resultRelInfo).ri_TrigDesc;
        if all.is_null() {
            return false;
        }
        let (mut found, mut others) = (false, false);
        for position in 0..usize::try_from((*all).numtriggers).unwrap_or(0) {
            let trigger = (*all).triggers.add(position);
            if CStr::from_ptr((*trigger).tgname) == NAME && (*trigger).tgenabled as u8 == ENABLED {
                (*trigger).tgenabled = DISABLED as _;
                found = true;
            } else {
                others |= is_after_row_update((*trigger).tgtype);
            }
        }
        // Otherwise Postgres would read each row again, as it was, to find that nothing is to be called with it.
        (*all).trig_update_after_row &= others || !found;
        found
    }
}

const REPLICA: c_int = pg_sys::SESSION_REPLICATION_ROLE_REPLICA as c_int;

fn is_after_row_update(kind: i16) -> bool {
    let has = |bit: u32| u32::from(kind.cast_unsigned()) & bit != 0;
    has(pg_sys::TRIGGER_TYPE_ROW)
        && has(pg_sys::TRIGGER_TYPE_UPDATE)
        && !has(pg_sys::TRIGGER_TYPE_BEFORE)
}
