//! What is shared between those who record operations and the engine that sends them.
//!
//! Recording locks the run for a moment, takes memory from the budget, and puts the run on the list of those to be sent,
//! unless it is there already. It never waits and never fails: an operation for which there is no room has no effect, and
//! `flush` reports it. Chunks of streams are the exception: they wait for room.

pub(crate) mod budget;
pub(crate) mod chunks;
pub(crate) mod decimal;
pub(crate) mod document;
pub(crate) mod group;
pub(crate) mod queue;
mod record;
mod request;
pub(crate) mod state;
pub(crate) mod waiter;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use crate::error::{Recent, Unapplied};
use crate::metrics::Meter;
use crate::query::Calls;
use crate::settings::Settings;
use crate::watch::driver::Watching;
use budget::Budget;
use group::Groups;
pub(crate) use record::{Recorder, room_of};
pub(crate) use request::Request;
use state::{Pending, RunState};

#[derive(Debug)]
pub(crate) struct Buffer {
    pub(crate) settings: Settings,
    pub(crate) meter: Meter,
    pub(crate) budget: Arc<Budget>,
    runs: Mutex<HashMap<Arc<str>, Weak<RunState>>>,
    /// Runs to be sent.
    pub(crate) lists: Mutex<Lists>,
    /// What callers ask of the engine.
    requests: Mutex<Vec<Request>>,
    pub(crate) groups: Mutex<Groups>,
    /// What had no effect, of all runs.
    pub(crate) unapplied: Mutex<Recent>,
    /// Wakes the engine.
    pub(crate) wake: Notify,
    /// Set by `shutdown`: nothing more is recorded.
    pub(crate) closed: AtomicBool,
    /// Set when the engine has ended.
    pub(crate) ended: AtomicBool,
    /// What is not logged yet. Logging runs code of others, which may record something itself: it must find no lock
    /// held.
    unlogged: Mutex<Vec<(u64, Unapplied)>>,
    has_unlogged: AtomicBool,
    /// What watchers ask of the hub.
    pub(crate) watching: Watching,
    /// What callers ask of the server beside the engine.
    pub(crate) calls: Calls,
}

/// Runs that are [`Queued`](Place::Queued), in the order in which they came. A run may be on several, or twice on one:
/// its place decides.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// Somebody waits for their operations.
    pub(crate) flushed: VecDeque<Arc<RunState>>,
    /// They have commands.
    pub(crate) called: VecDeque<Arc<RunState>>,
    /// Nobody waits for them.
    pub(crate) recorded: VecDeque<Arc<RunState>>,
}

/// Locks what no panic can leave half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Buffer {
    pub(crate) fn new(settings: Settings) -> Buffer {
        Buffer {
            budget: Budget::new(settings.waiting_bytes()),
            settings,
            meter: Meter::default(),
            runs: Mutex::default(),
            lists: Mutex::default(),
            requests: Mutex::default(),
            groups: Mutex::default(),
            unapplied: Mutex::default(),
            wake: Notify::new(),
            closed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            unlogged: Mutex::default(),
            has_unlogged: AtomicBool::new(false),
            watching: Watching::new(),
            calls: Calls::new(),
        }
    }

    /// Returns what is known of a run, the same for all who ask.
    pub(crate) fn run(&self, id: &str) -> Arc<RunState> {
        let mut runs = lock(&self.runs);
        if let Some(run) = runs.get(id).and_then(Weak::upgrade) {
            return run;
        }
        if runs.len() == runs.capacity() {
            runs.retain(|_, run| run.strong_count() > 0);
        }
        let run = Arc::new(RunState::new(id.into(), self.budget.permit()));
        runs.insert(run.id.clone(), Arc::downgrade(&run));
        run
    }

    /// Returns all runs that somebody holds or that have something to be sent.
    pub(crate) fn runs(&self) -> Vec<Arc<RunState>> {
        lock(&self.runs)
            .values()
            .filter_map(Weak::upgrade)
            .collect()
    }

    /// Changes the number of operations that wait.
    pub(crate) fn count(&self, before: usize, after: usize) {
        if after >= before {
            self.meter.waiting.fetch_add(after - before, Relaxed);
        } else {
            self.meter.waiting.fetch_sub(before - after, Relaxed);
        }
    }

    /// Notes that an operation had no effect. Whoever calls this calls [`log_unapplied`](Buffer::log_unapplied) as soon as it
    /// holds no lock.
    pub(crate) fn note_unapplied(&self, pending: &mut Pending, unapplied: Unapplied) {
        self.meter.unapplied.fetch_add(1, Relaxed);
        // A full buffer may leave out millions: the first of a run is logged, then the 2nd, 4th, 8th …
        let count = pending.unapplied.count() + 1;
        if count.is_power_of_two() {
            lock(&self.unlogged).push((count, unapplied.clone()));
            self.has_unlogged.store(true, Relaxed);
        }
        lock(&self.unapplied).push(unapplied.clone());
        pending.unapplied.push(unapplied);
    }

    /// Logs what had no effect.
    #[inline]
    pub(crate) fn log_unapplied(&self) {
        if !self.has_unlogged.load(Relaxed) {
            return;
        }
        self.has_unlogged.store(false, Relaxed);
        let unlogged = std::mem::take(&mut *lock(&self.unlogged));
        for (count, unapplied) in unlogged {
            tracing::warn!(
                run = unapplied.run_id(),
                count,
                reason = unapplied.reason(),
                "an operation had no effect: {unapplied}"
            );
        }
    }
}
