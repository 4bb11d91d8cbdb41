//! What is shared between those who record operations and the engine that sends them.
//!
//! Recording locks the run for a moment, takes memory from the budget, and puts the run on the list of those to be sent,
//! unless it is there already. It never waits and never fails: an operation for which there is no room has no effect, and
//! `flush` reports it.

pub(crate) mod budget;
pub(crate) mod decimal;
pub(crate) mod document;
pub(crate) mod group;
pub(crate) mod queue;
pub(crate) mod state;
pub(crate) mod waiter;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use runmeta_core::wire::Target;
use runmeta_core::{Json, Key, Operation};
use tokio::sync::Notify;

use crate::error::{Recent, Unapplied};
use crate::metrics::Meter;
use crate::settings::Settings;
use budget::Budget;
use decimal::Decimal;
use group::Groups;
use queue::{Queue, SUM_TEXT};
use state::{Command, Completed, Pending, Place, RunState};
use waiter::{Awaited, Waiter};

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

/// What callers ask of the engine.
#[derive(Debug)]
pub(crate) enum Request {
    /// Send what is recorded on these runs, and answer when all of it is completed.
    Flush {
        runs: Vec<Arc<RunState>>,
        waiter: Arc<Waiter<()>>,
        within: Option<Duration>,
    },
    /// Start a run, set its status or finish it.
    Call {
        run: Arc<RunState>,
        command: Command,
    },
    /// Read a run. Without a waiter, because another writer changed it.
    Read {
        run: Arc<RunState>,
        with_document: bool,
        waiter: Option<Arc<Waiter<()>>>,
    },
    /// Send what there is, and end.
    Shutdown {
        within: Duration,
        waiter: Arc<Waiter<()>>,
    },
    /// The last handle is gone: send what there is, and end.
    Close,
}

/// Who records an operation, and on which member of its family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorder<'a> {
    pub(crate) run: &'a Arc<str>,
    pub(crate) target: Target,
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

    /// Asks something of the engine. It answers with an error if it has ended.
    pub(crate) fn ask(&self, request: Request) {
        lock(&self.requests).push(request);
        if self.ended.load(Relaxed) {
            self.fail_requests();
        }
        self.wake.notify_one();
    }

    pub(crate) fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut *lock(&self.requests))
    }

    /// Answers everything that the engine will not, because it has ended.
    pub(crate) fn fail_requests(&self) {
        for request in self.take_requests() {
            let error = crate::Error::shut_down();
            match request {
                Request::Flush { waiter, .. } => waiter.answer(Err(error)),
                Request::Call { command, .. } => command.waiter.answer(Err(error)),
                Request::Read { waiter, .. } => {
                    waiter
                        .into_iter()
                        .for_each(|waiter| waiter.answer(Err(error.clone())));
                }
                Request::Shutdown { waiter, .. } => waiter.answer(Ok(())),
                Request::Close => {}
            }
        }
    }

    /// Asks for a flush of these runs.
    pub(crate) fn flush(&self, runs: Vec<Arc<RunState>>, within: Option<Duration>) -> Awaited<()> {
        let (waiter, awaited) = Waiter::new();
        self.ask(Request::Flush {
            runs,
            waiter,
            within,
        });
        awaited
    }

    /// Asks for a start, a status or a finish.
    pub(crate) fn call(&self, run: &Arc<RunState>, kind: state::CommandKind) -> Awaited<Completed> {
        let (waiter, awaited) = Waiter::new();
        self.ask(Request::Call {
            run: run.clone(),
            command: Command {
                kind,
                after: 0,
                waiter,
            },
        });
        awaited
    }

    /// Asks for a read of a run that begins after this call.
    pub(crate) fn read(&self, run: &Arc<RunState>, with_document: bool) -> Awaited<()> {
        let (waiter, awaited) = Waiter::new();
        self.ask(Request::Read {
            run: run.clone(),
            with_document,
            waiter: Some(waiter),
        });
        awaited
    }

    /// Asks for a read of the document if somebody reads it here and another writer changed it.
    pub(crate) fn read_if_outdated(&self, run: &Arc<RunState>, pending: &Pending) {
        let is_outdated = |document: &document::Document| document.is_outdated();
        if pending.document.as_ref().is_some_and(is_outdated) && !pending.fetch.is_wanted {
            self.ask(Request::Read {
                run: run.clone(),
                with_document: true,
                waiter: None,
            });
        }
    }

    /// Adds to a number. Nearly every increment takes one lock and allocates nothing.
    #[inline]
    pub(crate) fn increment(
        &self,
        state: &Arc<RunState>,
        recorder: Recorder<'_>,
        key: &str,
        by: Decimal,
    ) {
        let mut pending = state.lock();
        pending.come_through(recorder.run, recorder.target);
        if !self.closed.load(Relaxed) && pending.queue.add(key, by) {
            pending.recorded += 1;
            return;
        }
        self.begin_sum(state, &mut pending, key, by);
        drop(pending);
        self.log_unapplied();
    }

    #[cold]
    fn begin_sum(&self, state: &Arc<RunState>, pending: &mut Pending, key: &str, by: Decimal) {
        let key = match Key::parse(key) {
            Ok(key) => key,
            Err(bad) => {
                let unapplied = Unapplied::invalid(&state.id, "increment", Some(key), bad);
                return self.note_unapplied(pending, unapplied);
            }
        };
        let unapplied = |reason| Unapplied::new(&state.id, "increment", Some(key.as_str()), reason);
        if self.closed.load(Relaxed) {
            return self.note_unapplied(pending, unapplied("shut_down"));
        }
        let (weight, length) = (pending.queue.weight(), pending.queue.len());
        let with = weight + Queue::weight_of_sum(&key, by);
        if !self.reserve(pending, with) {
            return self.note_unapplied(pending, unapplied("buffer_full"));
        }
        pending.queue.begin_sum(key, by);
        self.correct(pending, with);
        self.accepted(state, pending, length);
    }

    /// Adds an operation at the end of its run's queue.
    pub(crate) fn record(
        &self,
        state: &Arc<RunState>,
        recorder: Recorder<'_>,
        operation: Operation<Json>,
    ) {
        let mut pending = state.lock();
        let pending = &mut *pending;
        if self.closed.load(Relaxed) {
            return self.note_unapplied(pending, Unapplied::of(&state.id, &operation, "shut_down"));
        }
        pending.come_through(recorder.run, recorder.target);
        let length = pending.queue.len();
        let with = pending.queue.weight_with(&operation);
        // An operation that no batch could hold would stand in the way of the others.
        let fits = operation.weight() <= self.settings.batch_bytes();
        if !fits || !self.reserve(pending, with) {
            // Making the end of the queue ready may have changed it.
            let reserved = pending.permit.bytes();
            self.correct(pending, reserved);
            self.count(length, pending.queue.len());
            let unapplied = Unapplied::of(&state.id, &operation, "buffer_full");
            return self.note_unapplied(pending, unapplied);
        }
        pending.queue.push(operation);
        self.accepted(state, pending, length);
    }

    /// Records operations on a run and its family so that they leave in one batch, or none of them if there is no room
    /// for all. `family` gives the states of self, parent and root.
    pub(crate) fn record_group(
        &self,
        recorder: &Arc<str>,
        family: [&Arc<RunState>; 3],
        operations: Vec<(Target, Operation<Json>)>,
        is_complete: bool,
    ) {
        // Until all are recorded, no batch is gathered from these runs.
        let mut groups = lock(&self.groups);
        let room = match is_complete {
            true => self.make_room(&mut groups, family, &operations),
            false => Err("buffer_full"),
        };
        for (target, operation) in operations {
            let state = family[target as usize];
            let mut pending = state.lock();
            let pending = &mut *pending;
            if let Err(reason) = room {
                let unapplied = Unapplied::of(&state.id, &operation, reason);
                self.note_unapplied(pending, unapplied);
                continue;
            }
            pending.come_through(recorder, target);
            let length = pending.queue.len();
            pending.queue.push(operation);
            self.accepted(state, pending, length);
        }
        for state in family {
            let mut pending = state.lock();
            let reserved = pending.permit.bytes();
            self.correct(&mut pending, reserved);
        }
    }

    /// Puts the runs into the group of their tree and reserves what the operations may take, or returns why that is
    /// not possible.
    fn make_room(
        &self,
        groups: &mut Groups,
        family: [&Arc<RunState>; 3],
        operations: &[(Target, Operation<Json>)],
    ) -> Result<(), &'static str> {
        if self.closed.load(Relaxed) {
            return Err("shut_down");
        }
        let mut room = [0; 3];
        for (target, operation) in operations {
            room[*target as usize] += room_of(operation);
        }
        let all: usize = room.iter().sum();
        if all == 0 {
            return Ok(());
        }
        let group = groups.of(&family[Target::Root as usize].id);
        let mut new: Vec<&Arc<RunState>> = Vec::new();
        for (state, room) in family.into_iter().zip(room) {
            if room > 0 && groups.add(&group, state) {
                new.push(state);
            }
        }
        if group.reserve(0, all, self.settings.batch_bytes()) {
            let grown = |(state, room): (&&Arc<RunState>, usize)| {
                let mut pending = state.lock();
                let with = pending.permit.bytes() + room;
                pending.permit.resize(with)
            };
            let mut reserved = 0;
            if family.iter().zip(room).all(|run| {
                let is_reserved = grown(run);
                reserved += usize::from(is_reserved);
                is_reserved
            }) {
                return Ok(());
            }
            group.adjust(all, 0);
            for (state, room) in family.into_iter().zip(room).take(reserved) {
                let mut pending = state.lock();
                let without = pending.permit.bytes().saturating_sub(room);
                pending.permit.correct(without);
            }
        }
        for state in new {
            groups.remove(&group, state);
        }
        Err("buffer_full")
    }

    /// Grows a run's permit and returns true, unless that would go beyond a bound.
    fn reserve(&self, pending: &mut Pending, with: usize) -> bool {
        let before = pending.permit.bytes();
        let bound = self.settings.batch_bytes();
        if let Some(group) = &pending.group
            && !group.reserve(before, with, bound)
        {
            return false;
        }
        let is_reserved = pending.permit.resize(with);
        if let (false, Some(group)) = (is_reserved, &pending.group) {
            group.adjust(with, before);
        }
        is_reserved
    }

    /// Changes a run's permit from what was reserved to what its queue takes.
    fn correct(&self, pending: &mut Pending, reserved: usize) {
        let weight = pending.queue.weight();
        pending.permit.correct(weight);
        if let Some(group) = &pending.group {
            group.adjust(reserved, weight);
        }
    }

    fn accepted(&self, state: &Arc<RunState>, pending: &mut Pending, length_before: usize) {
        pending.recorded += 1;
        self.count(length_before, pending.queue.len());
        if pending.place == Place::Idle {
            pending.place = Place::Queued;
            lock(&self.lists).recorded.push_back(state.clone());
            self.wake.notify_one();
        } else if self.is_full() {
            self.wake.notify_one();
        }
    }

    /// Returns true if a batch is full.
    pub(crate) fn is_full(&self) -> bool {
        self.meter.waiting.load(Relaxed) >= self.settings.batch_operations
            || self.budget.used() >= self.settings.batch_bytes()
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

/// Returns what an operation may add to the weight of a queue: a sum's text may grow.
pub(crate) fn room_of(operation: &Operation<Json>) -> usize {
    operation.weight() + SUM_TEXT
}
