//! What is shared between those who say operations and the batcher that sends them.
//!
//! Saying an operation locks its run for a moment, reserves memory, and puts the run on the list of those to be sent,
//! unless it is there already. It never waits and never fails: what does not fit is refused, and `flush` tells.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use runmeta_core::{Key, Operation};
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::answer::Target;
use crate::decimal::Decimal;
use crate::meter::Meter;
use crate::queue::Queue;
use crate::refusal::{Refusal, Refusals};
use crate::run_state::{Pending, RunState};
use crate::settings::Settings;
use crate::tie::Ties;
use crate::{Error, reserved};

#[derive(Debug)]
pub(crate) struct Buffer {
    pub(crate) settings: Settings,
    pub(crate) meter: Meter,
    runs: Mutex<HashMap<Arc<str>, Weak<RunState>>>,
    /// Runs with operations that wait, in the order in which their first came.
    scheduled: Mutex<VecDeque<Arc<RunState>>>,
    /// Runs whose document is to be read.
    asked: Mutex<Vec<Arc<RunState>>>,
    /// Runs whose operations leave together.
    pub(crate) ties: Mutex<Ties>,
    refusals: Mutex<Refusals>,
    /// Why the last attempt failed; `None` after one that did not.
    trouble: Mutex<Option<Error>>,
    /// Wakes the batcher.
    pub(crate) wake: Notify,
    /// Wakes those who wait for the batcher.
    pub(crate) ticks: watch::Sender<u64>,
    pub(crate) urgent: AtomicBool,
    /// Set when the last handle went or `shutdown` was called: send what is there, then end.
    pub(crate) closing: AtomicBool,
    /// Set by `shutdown`: take nothing more.
    pub(crate) closed: AtomicBool,
    /// Set when nothing is sent any more.
    pub(crate) ended: AtomicBool,
    /// Refusals that are not logged yet. Logging runs code of others, which may say something itself: it must not find a
    /// lock held.
    unlogged: Mutex<Vec<(u64, Refusal)>>,
    has_unlogged: AtomicBool,
}

/// Who says an operation, and on whose document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice<'a> {
    pub(crate) run: &'a Arc<str>,
    pub(crate) target: Target,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Buffer {
    pub(crate) fn new(settings: Settings) -> Buffer {
        Buffer {
            settings,
            meter: Meter::default(),
            runs: Mutex::default(),
            scheduled: Mutex::default(),
            asked: Mutex::default(),
            ties: Mutex::default(),
            refusals: Mutex::default(),
            trouble: Mutex::default(),
            wake: Notify::new(),
            ticks: watch::Sender::new(0),
            urgent: AtomicBool::new(false),
            closing: AtomicBool::new(false),
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
        let run = Arc::new(RunState::new(id.into()));
        runs.insert(run.id.clone(), Arc::downgrade(&run));
        run
    }

    /// Returns all runs that somebody holds or that have operations.
    pub(crate) fn runs(&self) -> Vec<Arc<RunState>> {
        lock(&self.runs)
            .values()
            .filter_map(Weak::upgrade)
            .collect()
    }

    /// Adds to a number. The way of nearly every increment takes one lock and allocates nothing.
    #[inline]
    pub(crate) fn increment(
        &self,
        state: &Arc<RunState>,
        voice: Voice<'_>,
        key: &str,
        by: Decimal,
    ) {
        let mut pending = state.lock();
        pending.come_by(voice.run, voice.target);
        let watched = pending
            .document
            .as_ref()
            .is_some_and(|document| document.has_view());
        if !watched && !self.closed.load(Relaxed) && pending.queue.add(key, by) {
            pending.said += 1;
            return;
        }
        self.begin_sum(state, pending, key, by);
        self.log_refusals();
    }

    #[cold]
    fn begin_sum(
        &self,
        state: &Arc<RunState>,
        mut pending: MutexGuard<'_, Pending>,
        key: &str,
        by: Decimal,
    ) {
        let pending = &mut *pending;
        let key = match Key::parse(key) {
            Ok(parsed) if reserved::in_key(&parsed) => {
                let refusal = Refusal::new(&state.id, "increment", Some(key), "bad_path");
                return self.refuse(pending, refusal.because(&reserved::WHY));
            }
            Ok(parsed) => parsed,
            Err(bad) => {
                return self.refuse(
                    pending,
                    Refusal::invalid(&state.id, "increment", Some(key), bad),
                );
            }
        };
        let (weight, length) = (pending.queue.weight(), pending.queue.len());
        let refusal = |reason| Refusal::new(&state.id, "increment", Some(key.as_str()), reason);
        if self.closed.load(Relaxed) {
            return self.refuse(pending, refusal("shut_down"));
        }
        let added = pending.queue.add(key.as_str(), by);
        let with = weight + Queue::weight_of_sum(&key, by);
        if !added && !self.reserve(pending, weight, with) {
            return self.refuse(pending, refusal("buffer_full"));
        }
        if let Some(document) = &mut pending.document {
            document.said(&Operation::Increment {
                key: key.clone(),
                value: by.value(),
            });
        }
        if !added {
            pending.queue.begin_sum(key, by);
            self.correct(pending, with);
        }
        self.accepted(state, pending, length);
    }

    /// Adds an operation at the end of its run's queue.
    pub(crate) fn say(&self, state: &Arc<RunState>, voice: Voice<'_>, operation: Operation<Value>) {
        let mut pending = state.lock();
        let pending = &mut *pending;
        if self.closed.load(Relaxed) {
            return self.refuse(pending, Refusal::of(&state.id, &operation, "shut_down"));
        }
        pending.come_by(voice.run, voice.target);
        let (weight, length) = (pending.queue.weight(), pending.queue.len());
        let with = pending.queue.weight_with(&operation);
        // An operation that no batch could hold would stand in the way of the others.
        if operation.weight() > self.settings.batch_bytes() || !self.reserve(pending, weight, with)
        {
            self.correct(pending, weight);
            self.count(length, pending.queue.len());
            return self.refuse(pending, Refusal::of(&state.id, &operation, "buffer_full"));
        }
        self.add(state, pending, operation, length);
    }

    /// Adds an operation for which there is room.
    pub(crate) fn add(
        &self,
        state: &Arc<RunState>,
        pending: &mut Pending,
        operation: Operation<Value>,
        length_before: usize,
    ) {
        if let Some(document) = &mut pending.document {
            document.said(&operation);
        }
        pending.queue.push(operation);
        self.accepted(state, pending, length_before);
    }

    fn accepted(&self, state: &Arc<RunState>, pending: &mut Pending, length_before: usize) {
        pending.said += 1;
        self.count(length_before, pending.queue.len());
        if !pending.scheduled {
            pending.scheduled = true;
            lock(&self.scheduled).push_back(state.clone());
            self.wake.notify_one();
        } else if self.is_full() {
            self.wake.notify_one();
        }
    }

    /// Changes the number of operations that wait.
    pub(crate) fn count(&self, before: usize, after: usize) {
        if after >= before {
            self.meter.waiting.fetch_add(after - before, Relaxed);
        } else {
            self.meter.waiting.fetch_sub(before - after, Relaxed);
        }
    }

    /// Returns true if more waits than goes into one batch.
    pub(crate) fn is_full(&self) -> bool {
        self.meter.waiting.load(Relaxed) >= self.settings.batch_operations
            || self.meter.weight.load(Relaxed) >= self.settings.batch_bytes()
    }

    /// Takes the runs to be sent.
    pub(crate) fn take_scheduled(&self) -> VecDeque<Arc<RunState>> {
        std::mem::take(&mut lock(&self.scheduled))
    }

    /// Puts back runs that have more to be sent.
    pub(crate) fn schedule_again(&self, states: impl Iterator<Item = Arc<RunState>>) {
        let mut scheduled = lock(&self.scheduled);
        let since = std::mem::replace(&mut *scheduled, states.collect());
        scheduled.extend(since);
    }

    /// Puts back one run, to be sent first.
    pub(crate) fn schedule_first(&self, state: &Arc<RunState>) {
        lock(&self.scheduled).push_front(state.clone());
    }

    pub(crate) fn has_scheduled(&self) -> bool {
        !lock(&self.scheduled).is_empty()
    }

    /// Changes a reservation to what was measured.
    pub(crate) fn adjust(&self, before: usize, after: usize) {
        if after >= before {
            self.meter.weight.fetch_add(after - before, Relaxed);
        } else {
            self.meter.weight.fetch_sub(before - after, Relaxed);
        }
    }

    /// Changes a run's reservation to what its queue weighs.
    pub(crate) fn correct(&self, pending: &Pending, reserved: usize) {
        let weight = pending.queue.weight();
        self.adjust(reserved, weight);
        if let Some(tie) = &pending.tie {
            tie.adjust(reserved, weight);
        }
    }

    /// Changes a run's reservation and returns true, unless that would grow beyond a bound.
    fn reserve(&self, pending: &Pending, before: usize, after: usize) -> bool {
        let bound = self.settings.batch_bytes();
        if let Some(tie) = &pending.tie
            && !tie.reserve(before, after, bound)
        {
            return false;
        }
        let reserved = self.grow(before, after);
        if let (false, Some(tie)) = (reserved, &pending.tie) {
            tie.adjust(after, before);
        }
        reserved
    }

    /// Changes the weight of all and returns true, unless it would grow beyond the bound.
    pub(crate) fn grow(&self, before: usize, after: usize) -> bool {
        if after <= before {
            self.adjust(before, after);
            return true;
        }
        let bound = self.settings.waiting_bytes();
        let grow = |weight: usize| {
            weight
                .checked_add(after - before)
                .filter(|weight| *weight <= bound)
        };
        self.meter
            .weight
            .fetch_update(Relaxed, Relaxed, grow)
            .is_ok()
    }

    /// Notes that an operation had no effect. Whoever calls this calls [`log_refusals`](Buffer::log_refusals) as soon as he
    /// holds no lock.
    pub(crate) fn refuse(&self, pending: &mut Pending, refusal: Refusal) {
        self.meter.refused.fetch_add(1, Relaxed);
        // A full buffer may refuse millions: the first of a run is told, then the 2nd, 4th, 8th …
        let count = pending.refusals.count() + 1;
        if count.is_power_of_two() {
            lock(&self.unlogged).push((count, refusal.clone()));
            self.has_unlogged.store(true, Relaxed);
        }
        lock(&self.refusals).push(refusal.clone());
        pending.refusals.push(refusal);
    }

    /// Logs the refusals that were noted.
    #[inline]
    pub(crate) fn log_refusals(&self) {
        if !self.has_unlogged.load(Relaxed) {
            return;
        }
        self.has_unlogged.store(false, Relaxed);
        let unlogged = std::mem::take(&mut *lock(&self.unlogged));
        for (count, refusal) in unlogged {
            tracing::warn!(
                run = refusal.run_id(),
                count,
                "operation refused: {refusal}"
            );
        }
    }

    /// Returns the refusals of all runs after number `seen`, and the number of the last.
    pub(crate) fn refusals_since(&self, seen: u64) -> (Vec<Refusal>, u64) {
        let refusals = lock(&self.refusals);
        (refusals.since(seen).cloned().collect(), refusals.count())
    }

    /// Asks the batcher to read a run's document, and returns the number of the request.
    pub(crate) fn ask(&self, state: &Arc<RunState>, pending: &mut Pending) -> u64 {
        pending.fetch.asked += 1;
        lock(&self.asked).push(state.clone());
        self.wake.notify_one();
        pending.fetch.asked
    }

    /// Asks for the document again if somebody reads it here and another writer changed it.
    pub(crate) fn ask_if_outdated(&self, state: &Arc<RunState>, pending: &mut Pending) {
        let outdated = pending
            .document
            .as_ref()
            .is_some_and(|document| document.is_outdated());
        if outdated && pending.fetch.asked == pending.fetch.made {
            self.ask(state, pending);
        }
    }

    pub(crate) fn take_asked(&self) -> Vec<Arc<RunState>> {
        std::mem::take(&mut lock(&self.asked))
    }

    pub(crate) fn has_asked(&self) -> bool {
        !lock(&self.asked).is_empty()
    }

    pub(crate) fn ask_again(&self, states: Vec<Arc<RunState>>) {
        // Those who asked first come first.
        let mut asked = lock(&self.asked);
        let since = std::mem::replace(&mut *asked, states);
        asked.extend(since);
    }

    /// Wants a flush without waiting for the interval.
    pub(crate) fn urge(&self) {
        self.urgent.store(true, Relaxed);
        self.wake.notify_one();
    }

    /// Notes how the last attempt went.
    pub(crate) fn set_trouble(&self, trouble: Option<Error>) {
        if let Some(error) = &trouble {
            self.meter.note_error(error);
        }
        *lock(&self.trouble) = trouble;
    }

    /// Returns why nothing can be sent, if waiting would not mend it.
    pub(crate) fn lasting_trouble(&self) -> Option<Error> {
        lock(&self.trouble)
            .as_ref()
            .filter(|error| !error.is_retryable())
            .cloned()
    }

    pub(crate) fn tick(&self) {
        self.ticks.send_modify(|tick| *tick = tick.wrapping_add(1));
    }
}
