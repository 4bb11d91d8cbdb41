//! Recording operations: on one run, or on a run and its family as a group.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use runmeta_core::wire::Target;
use runmeta_core::{Json, Key, Operation};

use super::decimal::Decimal;
use super::group::Groups;
use super::queue::{Queue, SUM_TEXT};
use super::state::{Pending, Place, RunState};
use super::{Buffer, lock};
use crate::error::Unapplied;

/// Who records an operation, and on which member of its family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorder<'a> {
    pub(crate) run: &'a Arc<str>,
    pub(crate) target: Target,
}

impl Buffer {
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

    pub(super) fn accepted(
        &self,
        state: &Arc<RunState>,
        pending: &mut Pending,
        length_before: usize,
    ) {
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
}

/// Returns what an operation may add to the weight of a queue: a sum's text may grow.
pub(crate) fn room_of(operation: &Operation<Json>) -> usize {
    operation.weight() + SUM_TEXT
}
