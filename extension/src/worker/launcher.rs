//! Starting workers with the server, where `shared_preload_libraries` names runmeta.
//!
//! A process that ends once it is done starts a worker for each database that takes connections. One that finds no tables
//! of ours there ends at once. So what waited when the server stopped is folded, and folding does not wait for a writer.

#![allow(unsafe_code)] // for the name under which Postgres finds the process

use std::time::Duration;

use pgrx::bgworkers::{BackgroundWorker, BackgroundWorkerBuilder, SignalWakeFlags};
use pgrx::prelude::*;

use super::launch;
use crate::process;

/// Waits for a free process between two databases, and how often.
const PAUSE: Duration = Duration::from_millis(100);
const TRIES: usize = 50;

/// Registers the launcher, while the server loads the library.
pub fn register() {
    BackgroundWorkerBuilder::new("runmeta launcher")
        .set_type("runmeta launcher")
        .set_library("$libdir/runmeta")
        .set_function("runmeta_launcher")
        .enable_spi_access()
        .load();
}

/// The process.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn runmeta_launcher(_argument: pg_sys::Datum) {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGTERM);
    BackgroundWorker::connect_worker_to_spi(None, None);
    for database in process::databases() {
        for _ in 0..TRIES {
            if launch::register(database).is_ok() {
                break;
            }
            if !BackgroundWorker::wait_latch(Some(PAUSE)) {
                return;
            }
        }
    }
}
