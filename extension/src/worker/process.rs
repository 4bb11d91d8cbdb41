//! The process of a worker.
//!
//! It is connected without a role of its own, which to Postgres is a superuser, and runs every statement with the rights of
//! the tables' owner, as autovacuum does. From [`Worker::transaction`] nothing leads back: what the owner planted on a table
//! cannot `SET ROLE`.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use pgrx::bgworkers::{BackgroundWorker, SignalWakeFlags};
use pgrx::pg_sys::panic::{CaughtError, ErrorReport};
use pgrx::prelude::*;

use super::backend;
use super::round::Round;
use crate::announce::channel;
use crate::memory;
use crate::owner;
use crate::process;
use crate::refusal::Refusal;
use crate::settings;
use crate::shared::{self, Database, Segment};

/// How often a worker that has nothing to do looks whether somebody waits to drop the database, which Postgres tries for 5 s.
const IDLE: Duration = Duration::from_secs(1);
/// How often it looks whether the extension is still there. Whoever drops it does not wake the worker, which would keep its
/// process, one of few, for nothing. A guess: the look is a transaction.
const LOOK: Duration = Duration::from_secs(5);
/// A start that came to nothing so often in a row, as in a database that was dropped, is not tried again by Postgres.
const STARTS: u32 = 3;
/// After an error, the worker waits so long.
const PAUSE: Duration = Duration::from_secs(1);
/// The same message is logged again after this.
const QUIET: Duration = Duration::from_secs(60);

/// Settings of the session, whatever the database has.
const SETTINGS: &[(&std::ffi::CStr, &std::ffi::CStr)] = &[
    (c"application_name", c"runmeta worker"),
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"default_transaction_isolation", c"read committed"),
    (c"default_transaction_read_only", c"off"),
    (c"default_transaction_deferrable", c"off"),
    // A fold that a crash loses leaves the lists in the inbox: nothing has to wait for the disk.
    (c"synchronous_commit", c"off"),
    // Whoever has locked a table must not keep the changes of others from being announced.
    (c"lock_timeout", c"200ms"),
    (c"statement_timeout", c"0"),
    (c"row_security", c"on"),
    (c"jit", c"off"),
    // What it folds, it announces itself.
    (c"runmeta.notify", c"off"),
];

thread_local! {
    /// The entry of the database that this process serves: it may end before it is connected.
    static SERVED: Cell<Option<&'static Database>> = const { Cell::new(None) };
}

/// The process, which serves the database with this id.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn runmeta_worker(database: pg_sys::Datum) {
    let oid = pg_sys::Oid::from(u32::try_from(database.value()).unwrap_or(0));
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM);
    backend::end_on_sigterm();
    let Some(database) = shared::database(oid) else {
        return;
    };
    // Returning ends the registration: Postgres does not start the process anew.
    if database.is_dropping() || database.count_start() >= STARTS || !database.register() {
        return;
    }
    SERVED.set(Some(database));
    backend::at_exit(deregister);
    BackgroundWorker::connect_worker_to_spi_by_oid(Some(oid), None);
    for (name, value) in SETTINGS {
        backend::set(name, value);
    }
    let Some(mut worker) = Worker::begin(database) else {
        SERVED.set(None);
        shared::release(database);
        return;
    };
    worker.run();
}

/// Runs however the process ends, but for a crash.
unsafe extern "C-unwind" fn deregister(_: i32, _: pg_sys::Datum) {
    if let Some(database) = SERVED.take() {
        database.set_dropping(backend::is_database_wanted());
        database.deregister();
    }
}

/// A worker at work.
pub struct Worker {
    /// The database's entry in shared memory.
    pub database: &'static Database,
    /// What its sessions share.
    pub segment: &'static Segment,
    logged: Option<(String, Instant)>,
    gone: bool,
}

impl Worker {
    /// Makes the segment, or finds that of an earlier worker. `None` if there are no tables to work on.
    fn begin(database: &'static Database) -> Option<Worker> {
        backend::begin_transaction();
        let migrated = owner::tables_owner().is_some() && backend::has_extension(c"runmeta");
        let segment = match migrated {
            true => shared::attached(database).or_else(|| shared::create(database)),
            false => None,
        };
        backend::commit_transaction();
        let segment = segment?;
        Some(Worker {
            database,
            segment,
            logged: None,
            gone: false,
        })
    }

    fn run(&mut self) {
        let mut round = Round::new();
        while !self.begin_counting(&mut round) {
            if self.gone || !wait(PAUSE) {
                return;
            }
        }
        // An earlier worker was ended in the middle of a round.
        if self.segment.is_in_hand() {
            self.segment.lose();
            self.database.set_unserved(process::now());
        }
        // What prepared transactions left in the table is looked for once.
        self.database.set_prepared(true);
        self.database.set_alive();
        let mut looked = Instant::now();
        loop {
            let next = round.run(self);
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look();
            }
            backend::report_idle();
            if self.gone || backend::is_database_wanted() {
                return;
            }
            if self.database.unserved_since() == 0 && !wait(next.unwrap_or(IDLE).min(IDLE)) {
                return;
            }
            // What changes meanwhile comes together.
            if self.database.unserved_since() != 0 {
                sleep_until(Instant::now() + settings::worker_interval());
            }
        }
    }

    /// Looks whether the extension is still there, which every transaction does.
    fn look(&mut self) {
        self.transaction(|_| Ok(()));
    }

    /// Looks through the inbox, and counts what waits if no worker before has. False if that failed.
    fn begin_counting(&mut self, round: &mut Round) -> bool {
        let segment = self.segment;
        let first = !segment.is_ready();
        // Before the look: see `inbox::waiting`.
        segment.set_counting();
        let counted = self.transaction(|client| {
            round.look_through(|id, lists, bytes| {
                if first {
                    segment.counters.found(id, lists, bytes);
                }
            })?;
            round.look_for_jobs(|id, changes| {
                if first {
                    segment.counters.found_jobs(id, changes);
                }
            })?;
            if first {
                // Lists of a transaction that was prepared before the server restarted cannot be counted.
                if crate::outbox::prepared::any(client)? {
                    segment.counters.set_incomplete();
                }
                segment.counters.begin(backend::last_transaction_id());
            }
            Ok(())
        });
        if counted.is_some() {
            segment.set_ready();
        }
        counted.is_some()
    }

    /// Runs SQL in a transaction, with the rights of the tables' owner. `None` if it failed, which is logged and kept.
    pub fn transaction<T>(
        &mut self,
        body: impl FnOnce(&mut pgrx::spi::SpiClient<'_>) -> Result<T, Refusal>,
    ) -> Option<T> {
        backend::begin_transaction();
        let run = AssertUnwindSafe(|| {
            let Some(owner) = owner::tables_owner().filter(|_| backend::has_extension(c"runmeta"))
            else {
                backend::commit_transaction();
                return Ok(None);
            };
            backend::set_user(owner);
            let result = {
                let _memory = memory::begin();
                process::with_snapshot(|| Spi::connect_mut(body))
            };
            match result {
                Ok(result) => {
                    // What is deferred to the end of the transaction runs as the owner too.
                    backend::commit_transaction();
                    channel::settle(true);
                    Ok(Some(result))
                }
                Err(refusal) => Err(ErrorReport::from(refusal).message().to_owned()),
            }
        });
        let result = PgTryBuilder::new(run)
            .catch_others(|error| Err(message(&error)))
            .catch_rust_panic(|error| Err(message(&error)))
            .execute();
        let result = result.map_err(|message| {
            backend::abort_transaction();
            channel::settle(false);
            self.report(message);
        });
        backend::reset_user();
        match result {
            Ok(None) => {
                self.gone = true;
                None
            }
            Ok(result) => result,
            Err(()) => None,
        }
    }

    /// Keeps what went wrong, and logs it unless that was done a moment ago.
    pub fn report(&mut self, message: String) {
        self.segment.set_failure(&message);
        let known = self
            .logged
            .as_ref()
            .is_some_and(|(logged, at)| *logged == message && at.elapsed() < QUIET);
        if !known {
            ereport!(
                LOG,
                PgSqlErrorCode::ERRCODE_WARNING,
                format!("runmeta worker: {message}")
            );
            self.logged = Some((message, Instant::now()));
        }
    }
}

fn message(error: &CaughtError) -> String {
    match error {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => {
            report.message().to_owned()
        }
        CaughtError::RustPanic { ereport, .. } => format!("panicked: {}", ereport.message()),
    }
}

/// Waits until woken. False if the process is to end.
fn wait(timeout: Duration) -> bool {
    let goes_on = BackgroundWorker::wait_latch(Some(timeout.max(Duration::from_millis(1))));
    if BackgroundWorker::sighup_received() {
        backend::reload_configuration();
    }
    goes_on
}

fn sleep_until(deadline: Instant) {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        wait(left);
    }
}
