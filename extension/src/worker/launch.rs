//! Starting a worker from a session.

use std::time::Duration;

use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::prelude::*;

use crate::process::{self, now};
use crate::shared::Database;

/// At most one session in this time tries to start a worker.
const INTERVAL: Duration = Duration::from_secs(1);
/// The same, after no process could be had for one.
const INTERVAL_WITHOUT_SLOT: Duration = Duration::from_secs(10);
/// Postgres starts a worker that was ended anew after this.
const RESTART: Duration = Duration::from_secs(1);

/// Starts a worker for the session's database, unless that was tried a moment ago.
pub fn launch(database: &Database) {
    let interval = match database.has_no_slot() {
        true => INTERVAL_WITHOUT_SLOT,
        false => INTERVAL,
    };
    if !process::may_start_processes()
        || process::is_standby()
        || database.worker() != 0
        || !database.may_launch(now(), interval.as_micros() as i64)
    {
        return;
    }
    database.set_dropping(false);
    if register(process::database()).is_err() && database.set_no_slot() {
        ereport!(
            LOG,
            PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
            "runmeta could not start its background worker",
            "No background worker is free. Until one is, sessions notify listeners when they commit, and write documents directly: raise max_worker_processes."
        );
    }
}

/// Registers a worker for a database.
///
/// # Errors
///
/// If no background worker is free.
pub fn register(database: pg_sys::Oid) -> Result<(), ()> {
    BackgroundWorkerBuilder::new("runmeta worker")
        .set_type("runmeta worker")
        .set_library("$libdir/runmeta")
        .set_function("runmeta_worker")
        .set_argument(Some(database.into()))
        .set_restart_time(Some(RESTART))
        .enable_spi_access()
        .load_dynamic()
        .map(drop)
        .map_err(drop)
}
