//! Groups: operations on a run and its family that are said atomically.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use runmeta_core::Operation;
use serde_json::Value;

use crate::answer::Target;
use crate::buffer::{Buffer, lock};
use crate::queue::SUM_TEXT;
use crate::refusal::Refusal;
use crate::run_state::RunState;
use crate::tie::Ties;
use crate::{Metadata, Run};

/// An operation of a group, and whose document it changes.
pub(crate) type Said = (Target, Operation<Value>);

/// What a closure has said so far, for all handles that were made in it.
#[derive(Clone, Debug)]
pub(crate) struct Draft(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    said: Vec<Said>,
    /// What is left of the weight that a batch could take.
    room: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// More was said than a batch could take.
    Full,
    /// The closure was left.
    Closed,
}

/// What became of an operation that a draft was to keep.
pub(crate) enum Fate {
    Kept,
    /// The group is refused, and this with it.
    Refused(Operation<Value>),
    /// There is no group any more; it is said alone.
    Alone(Operation<Value>),
}

impl Draft {
    fn new(room: usize) -> Draft {
        let (said, stage) = (Vec::new(), Stage::Open);
        Draft(Arc::new(Mutex::new(State { said, room, stage })))
    }

    pub(crate) fn keep(&self, target: Target, operation: Operation<Value>) -> Fate {
        let mut state = lock(&self.0);
        let room = state.room.checked_sub(room_of(&operation));
        match (state.stage, room) {
            (Stage::Closed, _) => Fate::Alone(operation),
            (Stage::Open, Some(room)) => {
                state.room = room;
                state.said.push((target, operation));
                Fate::Kept
            }
            _ => {
                state.stage = Stage::Full;
                Fate::Refused(operation)
            }
        }
    }

    /// Returns what was said, and true if that was all.
    fn close(&self) -> (Vec<Said>, bool) {
        let mut state = lock(&self.0);
        let stage = std::mem::replace(&mut state.stage, Stage::Closed);
        (std::mem::take(&mut state.said), stage == Stage::Open)
    }
}

/// Returns what an operation may add to the weight of a queue: a sum's text may grow.
fn room_of(operation: &Operation<Value>) -> usize {
    operation.weight() + SUM_TEXT
}

impl Metadata {
    /// Says several operations, on the run, its parent and its root, that are committed together: whatever crashes, either
    /// all of them took effect or none.
    ///
    /// A job that notes how far it is and counts for its parent can so be killed and tried again, and nothing is counted
    /// twice:
    ///
    /// ```no_run
    /// # fn example(run: runmeta_client::Run, rows: u64) {
    /// run.metadata().atomically(|metadata| {
    ///     metadata.set("nextRow", rows);
    ///     metadata.parent().increment("processedRows", 25);
    /// });
    /// # }
    /// ```
    ///
    /// The group is what is said through the closure's handle and those made from it. It is said at the moment when the
    /// closure is left, and not at all if the closure panics; until then, reads show the document without it.
    ///
    /// An operation that cannot take effect is refused alone, as anywhere: because it does not fit its document, or because
    /// that is closed or would grow too large. Only a buffer that is full refuses the whole group. What waits on runs that
    /// were spoken of together leaves in one batch, so it may take an eighth of
    /// [`buffer_bytes`](crate::Builder::buffer_bytes) at most, and never more than 4 MiB.
    pub fn atomically(&self, say: impl FnOnce(&Metadata)) -> &Metadata {
        match (&self.run, &self.draft) {
            (Some(run), None) => {
                let buffer = run.client().buffer();
                let draft = Draft::new(buffer.settings.batch_bytes());
                let mut handle = self.clone();
                handle.draft = Some(draft.clone());
                say(&handle);
                let (said, complete) = draft.close();
                buffer.say_together(run, said, complete);
                buffer.log_refusals();
            }
            // In the closure of another group, all belongs to that; outside a run, nothing has an effect.
            _ => say(self),
        }
        self
    }
}

impl Buffer {
    /// Says operations on a run and its family so that they leave in one batch. Refuses all if there is no room for all.
    fn say_together(&self, run: &Run, said: Vec<Said>, complete: bool) {
        // Until all are said, no batch is gathered from these runs.
        let mut ties = lock(&self.ties);
        let room = match complete {
            true => self.make_room(&mut ties, run, &said),
            false => Err("buffer_full"),
        };
        for (target, operation) in said {
            let state = run.state(target);
            let mut pending = state.lock();
            if let Err(reason) = room {
                let refusal = Refusal::of(&state.id, &operation, reason);
                self.refuse(&mut pending, refusal);
                continue;
            }
            let voice = run.voice(target);
            pending.come_by(voice.run, voice.target);
            let reserved = pending.queue.weight() + room_of(&operation);
            let length = pending.queue.len();
            self.add(state, &mut pending, operation, length);
            self.correct(&pending, reserved);
        }
    }

    /// Ties the runs of a group and reserves what its operations may weigh, or says why that is not possible.
    fn make_room(&self, ties: &mut Ties, run: &Run, said: &[Said]) -> Result<(), &'static str> {
        if self.closed.load(Relaxed) {
            return Err("shut_down");
        }
        if said.is_empty() {
            return Ok(());
        }
        let room: usize = said.iter().map(|(_, operation)| room_of(operation)).sum();
        let tie = ties.of(&run.state(Target::Root).id);
        let mut new: Vec<&Arc<RunState>> = Vec::new();
        for (target, _) in said {
            let state = run.state(*target);
            if ties.add(&tie, state) {
                new.push(state);
            }
        }
        if tie.reserve(0, room, self.settings.batch_bytes()) {
            if self.grow(0, room) {
                return Ok(());
            }
            tie.adjust(room, 0);
        }
        for state in new {
            ties.remove(&tie, state);
        }
        Err("buffer_full")
    }
}
