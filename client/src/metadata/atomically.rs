//! Groups: operations on a run and its family that are committed together.

use std::sync::{Arc, Mutex};

use runmeta_core::wire::Target;
use runmeta_core::{Json, Operation};

use crate::Metadata;
use crate::buffer::{lock, room_of};

/// What a closure has recorded so far, for all handles that were made in it.
#[derive(Clone, Debug)]
pub(crate) struct Draft(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    operations: Vec<(Target, Operation<Json>)>,
    /// What is left of the weight that a batch could take.
    room: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// More was recorded than a batch could take.
    Full,
    /// The closure was left.
    Closed,
}

/// What became of an operation that a draft was to keep.
pub(super) enum Kept {
    Taken,
    /// The draft takes no more, and none of it will have an effect.
    Full(Operation<Json>),
    /// There is no draft any more: the operation is recorded alone.
    Alone(Operation<Json>),
}

impl Draft {
    fn new(room: usize) -> Draft {
        Draft(Arc::new(Mutex::new(State {
            operations: Vec::new(),
            room,
            stage: Stage::Open,
        })))
    }

    pub(super) fn keep(&self, target: Target, operation: Operation<Json>) -> Kept {
        let mut state = lock(&self.0);
        let room = state.room.checked_sub(room_of(&operation));
        match (state.stage, room) {
            (Stage::Closed, _) => Kept::Alone(operation),
            (Stage::Open, Some(room)) => {
                state.room = room;
                state.operations.push((target, operation));
                Kept::Taken
            }
            _ => {
                state.stage = Stage::Full;
                Kept::Full(operation)
            }
        }
    }

    /// Returns what was recorded, and true if that was all.
    fn close(&self) -> (Vec<(Target, Operation<Json>)>, bool) {
        let mut state = lock(&self.0);
        let stage = std::mem::replace(&mut state.stage, Stage::Closed);
        (std::mem::take(&mut state.operations), stage == Stage::Open)
    }
}

/// Closes a draft however its closure is left: a handle that escapes a panic then records alone.
struct Closing(Draft);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Metadata {
    /// Records several operations, on the run, its parent and its root, that are committed together: whatever crashes, all of
    /// them take effect or none.
    ///
    /// So a job that stores how far it is and counts for its parent can be killed and tried again, and nothing is counted
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
    /// The group is what is recorded through the closure's handle and those made from it. It is recorded when the closure
    /// returns, and not at all if the closure panics; until then, reads return the document without it.
    ///
    /// An operation that cannot take effect is unapplied alone, as anywhere: because it does not fit its document, or because
    /// that is closed or would grow too large. Only a full buffer leaves out the whole group. What waits on runs that were
    /// changed together leaves in one batch, so it may take an eighth of [`buffer_bytes`](crate::Builder::buffer_bytes) at
    /// most, and never more than 4 MiB.
    pub fn atomically<R>(&self, work: impl FnOnce(&Metadata) -> R) -> Metadata {
        match (&self.run, &self.draft) {
            (Some(run), None) => {
                let buffer = run.client().buffer();
                let draft = Closing(Draft::new(buffer.settings.batch_bytes()));
                let handle = Metadata {
                    draft: Some(draft.0.clone()),
                    ..self.clone()
                };
                work(&handle);
                let (operations, is_complete) = draft.0.close();
                let recorder = run.recorder(Target::Own).run;
                buffer.record_group(recorder, run.family(), operations, is_complete);
                buffer.log_unapplied();
            }
            // In the closure of another group, all belongs to that; outside a run, nothing has an effect.
            _ => drop(work(self)),
        }
        self.clone()
    }
}
