//! Run metadata for Postgres: operations applied natively to JSONB.
//!
//! This crate is reached through SQL only. [`function`] has a file for each SQL function, and `sql/` beside
//! this folder a file with its declaration; between them and the tables stand:
//!
//! - [`call`]: what every call of a function goes through.
//! - [`memory`]: the memory of a call, bounded.
//! - [`jsonb`]: JSONB in its binary form, where unsafe code is.
//! - [`document`]: a document while lists of operations are applied to it, within the size limit.
//! - [`run`]: one run, locked and stored, and its attempts.
//! - [`layout`]: how the tables are laid out, and the roots of runs where they lie in parts.
//! - [`prune`]: deleting trees that finished long ago.
//! - [`one_pass`]: changing rows in one statement.
//! - [`flush`]: batches for many runs, of operations, starts and finishes.
//! - [`follow`]: runs that follow jobs in a queue.
//! - [`stream`]: streams of chunks that belong to runs.
//! - [`history`]: how tracked numbers changed.
//! - [`inbox`]: lists that wait to be folded into a document.
//! - [`contract`]: the schemas that documents are to fit.
//! - [`announce`]: notifying listeners of what changed, [`outbox`]: changes that are not yet announced.
//! - [`worker`]: the background worker, which folds and announces. [`shared`]: the memory that it shares with sessions.
//! - [`transaction`]: what a transaction did that takes effect when it ends.
//! - [`owner`]: the rights of the tables' owner.
//! - [`statement`]: SQL that the functions run; each text is a file in the folder `sql` beside the module that runs it.
//!   [`reading`]: those with the snapshot of the caller's statement.
//! - [`settings`] and [`refusal`]: what can be set, and every error a user can meet.

// ErrorReport is what pgrx raises, and it takes one by value.
#![allow(clippy::result_large_err)]

mod announce;
mod call;
mod contract;
mod diagnosis;
mod document;
mod flush;
mod follow;
mod function;
mod history;
mod inbox;
mod jsonb;
mod layout;
mod memory;
mod one_pass;
mod outbox;
mod owner;
mod process;
mod prune;
mod reading;
mod refusal;
mod run;
mod settings;
mod shared;
mod statement;
mod stream;
mod subtransaction;
mod transaction;
mod worker;

use pgrx::prelude::*;

pgrx::pg_module_magic!(name = c"runmeta", version = c"0.1.0");

/// Runs when the library is loaded: at the first call in a session, or with the server.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    process::keep_backtraces_out();
    settings::define();
    process::reserve_settings();
    if process::is_preloading() {
        process::set_preloaded();
        worker::launcher::register();
    }
}
