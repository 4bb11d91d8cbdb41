//! What the library asks of the process that loads it, and of the session.
//!
//! It has unsafe code because neither Rust nor pgrx has a safe way.

#![allow(unsafe_code)]

use std::env;

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
