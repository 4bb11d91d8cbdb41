//! The background worker of a database: has runs follow jobs in queues, folds the inbox and announces changes.
//!
//! It is started by the first session that would use it ([`launch`]), and with the server where `shared_preload_libraries`
//! names runmeta ([`launcher`]). It ends when the extension or the database is dropped, and whenever somebody waits to drop
//! or copy the database. One that was ended otherwise is started anew by Postgres after a second, and until then sessions
//! work as without one: they notify when they commit, and write documents directly.
//!
//! - [`process`](mod@process) is the process: its connection, its rights, its rounds. [`backend`]: what it asks of Postgres.
//! - [`round`] is what it does in a round.
//! - [`pace`] decides when what waits for a run is folded, [`horizon`] up to which id folding takes all, [`retention`] prunes what
//!   adapters keep no longer.

mod backend;
mod horizon;
mod launch;
pub mod launcher;
mod pace;
mod process;
mod retention;
mod round;

use std::time::Duration;

use crate::owner;
use crate::process::{database as current_database, now};
use crate::settings::{self, Notify};
use crate::shared::{self, Database, Failure, Segment};

/// A worker that has not taken what is to be announced for so long does not count as one: it may be stopped. Under load a
/// round takes some 30 ms. A guess.
const STUCK: Duration = Duration::from_secs(2);

/// What those read of a failure who may not see every run.
const HIDDEN: &str =
    "only the owner of the tables and members of pg_read_all_data see what went wrong";

/// Returns true if a worker serves the session. If none lives, and that is not known to be in vain, one is started; the
/// caller does not wait for it. A session with `runmeta.notify = commit` does without. Costs some reads of shared memory.
pub fn serves() -> bool {
    if settings::notify() == Notify::Commit {
        return false;
    }
    let Some(database) = shared::database(current_database()) else {
        return false;
    };
    if database.is_alive() {
        return segment(database).is_some() && !is_stuck(database);
    }
    launch::launch(database);
    false
}

/// Puts entries into the outbox.
pub fn hand_over(entries: &[u8]) {
    with_segment(|database, segment| {
        segment.push(entries);
        wake(database);
    });
}

/// Has everything announced anew, and the inbox looked through: what changed is too much to be named.
pub fn lose() {
    with_segment(|database, segment| {
        segment.lose();
        wake(database);
    });
}

/// Takes everything out of the outbox, where no worker does. True if some of it was lost.
pub fn take_over() -> Option<(Vec<u8>, bool)> {
    let database = shared::database(current_database())?;
    let segment = shared::attached(database).filter(|_| !database.is_alive())?;
    database.set_served();
    Some(segment.drain())
}

fn wake(database: &Database) {
    if database.unserved_since() == 0 {
        database.set_unserved(now());
        database.wake();
    }
}

fn with_segment(use_it: impl FnOnce(&Database, &Segment)) {
    if let Some(database) = shared::database(current_database())
        && let Some(segment) = shared::attached(database)
    {
        use_it(database, segment);
    }
}

fn segment(database: &Database) -> Option<&'static Segment> {
    shared::attached(database).filter(|segment| segment.is_ready())
}

fn is_stuck(database: &Database) -> bool {
    let since = database.unserved_since();
    let patience = STUCK.max(settings::worker_interval() * 3);
    since != 0 && now().saturating_sub(since) > patience.as_micros() as i64
}

/// What the worker of the session's database does.
pub struct State {
    /// `running`; `starting`; `stuck`, if it runs and does nothing; `no_slot`, if no background worker was free; `stopped`;
    /// `unavailable`, if the session cannot use the memory that it shares with the worker.
    pub word: &'static str,
    /// Its process.
    pub pid: Option<i32>,
    /// Since when something waits to be announced, in microseconds as Postgres counts them.
    pub unannounced_since: Option<i64>,
    /// Bytes of changes that wait to be announced.
    pub unannounced_bytes: usize,
    /// Changes could not be announced one by one: listeners will be told to read everything.
    pub owes_resync: bool,
    /// What went wrong last.
    pub failure: Option<Failure>,
}

/// Returns what the worker of the session's database does. Whoever asks has one started.
pub fn state() -> State {
    serves();
    let Some(database) = shared::database(current_database()) else {
        return State {
            word: "unavailable",
            pid: None,
            unannounced_since: None,
            unannounced_bytes: 0,
            owes_resync: false,
            failure: None,
        };
    };
    let word = match (database.is_alive(), database.worker()) {
        (true, _) if is_stuck(database) => "stuck",
        (true, _) => "running",
        (false, 0) if database.has_no_slot() => "no_slot",
        (false, 0) => "stopped",
        (false, _) => "starting",
    };
    State {
        word,
        pid: Some(database.worker()).filter(|pid| *pid != 0),
        unannounced_since: Some(database.unserved_since()).filter(|since| *since != 0),
        unannounced_bytes: shared::attached(database).map_or(0, Segment::unannounced),
        owes_resync: database.owes_resync(),
        failure: shared::attached(database)
            .and_then(Segment::failure)
            .map(|failure| match owner::may_see_everything() {
                true => failure,
                // It names runs, and the errors of expressions and triggers quote documents.
                false => Failure {
                    message: HIDDEN.to_owned(),
                    ..failure
                },
            }),
    }
}
