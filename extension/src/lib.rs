//! Run metadata for Postgres: operations applied natively to JSONB.
//!
//! This crate is reached through SQL only. [`function`] has a file for each SQL function, and `sql/` beside
//! this folder a file with its declaration; between them and the tables stand:
//!
//! - [`jsonb`]: JSONB in its binary form, where unsafe code is.
//! - [`draft`]: a document while lists of operations are applied to it, within the size limit.
//! - [`flush`]: batches of operations for many runs.
//! - [`run`]: the statements that lock and store runs.
//! - [`announce`]: telling listeners at commit what changed.
//! - [`settings`] and [`refusal`]: what can be set, and every error a user can meet.

// ErrorReport is what pgrx raises, and it takes one by value.
#![allow(clippy::result_large_err)]

mod announce;
mod channel;
mod draft;
mod flush;
mod function;
mod hold;
mod jsonb;
mod list;
mod process;
mod refusal;
mod run;
mod settings;
mod statement;
mod target;
mod unapplied;
mod write;

use pgrx::prelude::*;

pgrx::pg_module_magic!(name = c"runmeta", version = c"0.1.0");

/// Runs when the library is loaded: at the first call in a session, or with the server.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    process::keep_backtraces_out();
    settings::define();
    process::reserve_settings();
}
