//! Which layout there is: looked up once a session, and again when a table of the name `run_root` was made, renamed or dropped, by
//! whichever session.

use std::cell::Cell;
use std::ffi::c_int;

use pgrx::pg_sys;

use crate::owner;
use crate::process;
use crate::refusal::Refusal;

thread_local! {
    static IS_SPLIT: Cell<Option<bool>> = const { Cell::new(None) };
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    /// What Postgres knows the name of the table by.
    static HASH: Cell<Option<u32>> = const { Cell::new(None) };
    /// How often the layout was forgotten.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// Returns true if the layout is split.
pub fn is_split() -> bool {
    IS_SPLIT.get().unwrap_or_else(look)
}

/// Checks that the layout is what it was when a statement began: one that waits for a lock on the table may find it changed.
///
/// # Errors
///
/// [`Refusal::LayoutChanged`].
pub fn check_unchanged(was_split: bool) -> Result<(), Refusal> {
    match is_split() == was_split {
        true => Ok(()),
        false => Err(Refusal::LayoutChanged),
    }
}

/// Returns a number that is another one when the layout has changed, as far as the session has learnt of it.
pub fn changes() -> u64 {
    CHANGES.get()
}

fn look() -> bool {
    if !IS_WATCHED.replace(true) {
        process::on_changed_name(on_changed_name);
    }
    loop {
        let changes = CHANGES.get();
        let schema = owner::schema();
        let hash = (schema != pg_sys::Oid::INVALID)
            .then(|| process::hash_of_table(owner::RUN_ROOT, schema));
        let found = owner::has_roots();
        // The look itself may learn of a change.
        if CHANGES.get() == changes {
            HASH.set(hash);
            IS_SPLIT.set(Some(found));
            return found;
        }
    }
}

/// Called by Postgres.
extern "C-unwind" fn on_changed_name(_: pg_sys::Datum, _: c_int, hash: u32) {
    if hash == 0 || HASH.get().is_none_or(|known| known == hash) {
        IS_SPLIT.set(None);
        CHANGES.set(CHANGES.get().wrapping_add(1));
    }
}
