//! Gathering a batch from what waits.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::answer::Target;
use crate::batch::{Batch, Part};
use crate::buffer::{Buffer, lock};
use crate::run_state::{Pending, RunState, Way};
use crate::tie::Tie;

/// A batch in the making.
struct Gathering<'a> {
    buffer: &'a Buffer,
    /// How many operations, and which weight, there is room for.
    operations: usize,
    weight: usize,
    parts: Vec<Part>,
    units: usize,
    /// Runs of ties that must wait, to be looked at first the next time.
    held: Vec<Arc<RunState>>,
    held_ties: Vec<Arc<Tie>>,
    /// Runs of which only a part was taken.
    more: Vec<Arc<RunState>>,
}

/// Takes what waits, up to the bounds of a batch. `None` if nothing waits.
pub(crate) fn gather(buffer: &Buffer) -> Option<Batch> {
    let mut gathering = Gathering {
        buffer,
        operations: buffer.settings.batch_operations,
        weight: buffer.settings.batch_bytes(),
        parts: Vec::new(),
        units: 0,
        held: Vec::new(),
        held_ties: Vec::new(),
        more: Vec::new(),
    };
    // All at once: a run that is scheduled again meanwhile must not come into this batch twice.
    let mut scheduled = buffer.take_scheduled().into_iter();
    while gathering.operations > 0 && gathering.weight > 0 {
        let Some(state) = scheduled.next() else {
            break;
        };
        gathering.visit(state);
    }
    let Gathering {
        parts, held, more, ..
    } = gathering;
    buffer.schedule_again(held.into_iter().chain(scheduled).chain(more));
    (!parts.is_empty()).then(|| Batch::new(parts))
}

impl Gathering<'_> {
    fn visit(&mut self, state: Arc<RunState>) {
        let mut pending = state.lock();
        if let Some(tie) = pending.tie.clone() {
            drop(pending);
            return self.visit_tie(&tie, state);
        }
        // In this batch already, as one of a tie, or in one that was set aside. What was said since goes behind that.
        if pending.in_flight.is_some() {
            pending.passed_over |= !pending.queue.is_empty();
            return;
        }
        let (operations, weight) = (self.operations, self.weight);
        self.units += 1;
        self.take(&state, &mut pending, operations, weight);
        let done = pending.queue.is_empty();
        pending.scheduled = !done;
        drop(pending);
        if !done {
            self.more.push(state);
        }
    }

    /// Takes all that waits on the runs of a tie, or nothing.
    fn visit_tie(&mut self, tie: &Arc<Tie>, state: Arc<RunState>) {
        if self.held_ties.iter().any(|held| Arc::ptr_eq(held, tie)) {
            return self.held.push(state);
        }
        let mut ties = lock(&self.buffer.ties);
        // The group that tied it may have been refused meanwhile, and another tie begun.
        let is_tied = |now: &Arc<Tie>| Arc::ptr_eq(now, tie);
        if !state.lock().tie.as_ref().is_some_and(is_tied) {
            drop(ties);
            return self.visit(state);
        }
        let too_heavy = tie.weight() > self.weight && !self.parts.is_empty();
        // A run that was tied after it came into this batch cannot come into it again. One that was set aside must wait.
        let taken = |run: &Arc<RunState>| run.lock().in_flight.is_some();
        if too_heavy || ties.runs(tie).iter().any(taken) {
            self.held_ties.push(tie.clone());
            return self.held.push(state);
        }
        self.units += 1;
        for state in ties.end(tie) {
            let mut pending = state.lock();
            self.take(&state, &mut pending, usize::MAX, usize::MAX);
            pending.tie = None;
            pending.scheduled = false;
        }
    }

    /// Takes operations from the front of a run's queue.
    fn take(
        &mut self,
        state: &Arc<RunState>,
        pending: &mut Pending,
        operations: usize,
        weight: usize,
    ) {
        let (before, length) = (pending.queue.weight(), pending.queue.len());
        let taken = pending.queue.take(operations, weight, pending.said);
        self.buffer
            .adjust(before, pending.queue.weight() + taken.weight);
        self.buffer.count(length, pending.queue.len());
        if taken.operations.is_empty() {
            return;
        }
        self.operations = self.operations.saturating_sub(taken.operations.len());
        self.weight = self.weight.saturating_sub(taken.weight);
        let (entry, target) = match &pending.way {
            Way::Direct => (state.id.clone(), Target::Own),
            Way::Through(child, target) => (child.clone(), *target),
        };
        let operations = Arc::new(taken.operations.into_iter().map(Ok).collect::<Vec<_>>());
        pending.in_flight = Some(operations.clone());
        self.parts.push(Part {
            state: state.clone(),
            unit: self.units,
            entry,
            target,
            operations,
            rest: VecDeque::new(),
            tied: pending.tie.is_some(),
            weight: taken.weight,
            upto: taken.upto,
        });
    }
}
