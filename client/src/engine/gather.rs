//! Which runs go into a batch.
//!
//! First those that somebody flushes, then those with commands, then the rest, once an interval: however many flush in
//! between, what is recorded on other runs is still shortened. While others wait, the first two leave each other, and the rest,
//! some of the room: nobody is kept waiting by those who come without end.

use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::{Batch, Piece};
use crate::buffer::chunks::Block;
use crate::buffer::group::Group;
use crate::buffer::queue::Taken;
use crate::buffer::state::{Command, CommandKind, Pending, Place, Route, RunState};
use crate::buffer::{Buffer, lock};
use crate::wire::{Part, Target};

/// How many operations a start, a status or a finish counts for: 1,000 starts take the server as long as 10,000
/// increments.
pub(super) const COMMAND_COST: usize = 10;

/// What a batch may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) operations: usize,
    pub(crate) bytes: usize,
}

impl Room {
    fn is_full(self) -> bool {
        self.operations == 0 || self.bytes == 0
    }

    /// Returns what is left if this much is kept for others.
    fn without(self, operations: usize) -> Room {
        Room {
            operations: self.operations.saturating_sub(operations),
            bytes: self.bytes,
        }
    }
}

/// A batch in the making.
struct Gathering<'a> {
    buffer: &'a Buffer,
    room: Room,
    pieces: Vec<Piece>,
    units: usize,
    /// Runs that cannot leave now, to be looked at first the next time.
    held: Vec<Arc<RunState>>,
    held_groups: Vec<Arc<Group>>,
}

/// Which runs a batch is gathered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that somebody flushes.
    Flushed,
    /// Those for which somebody waits.
    Awaited,
    All,
}

/// Takes what waits on these runs, up to the room of a batch. `None` if nothing can leave now.
pub(crate) fn gather(buffer: &Buffer, room: Room, which: Which) -> Option<Batch> {
    let mut gathering = Gathering {
        buffer,
        room,
        pieces: Vec::new(),
        units: 0,
        held: Vec::new(),
        held_groups: Vec::new(),
    };
    let mut lists = std::mem::take(&mut *lock(&buffer.lists));
    let (with_called, with_recorded) = match which {
        Which::Flushed => (false, false),
        Which::Awaited => (true, false),
        Which::All => (true, true),
    };
    let others = |list: &VecDeque<_>, is_meant: bool| match list.is_empty() || !is_meant {
        true => 0,
        false => room.operations / 4,
    };
    let called = others(&lists.called, with_called);
    let recorded = others(&lists.recorded, with_recorded);
    let flushed = gathering.visit(&mut lists.flushed, called + recorded);
    let called = match with_called {
        true => gathering.visit(&mut lists.called, recorded),
        false => Vec::new(),
    };
    let recorded = match with_recorded {
        true => gathering.visit(&mut lists.recorded, 0),
        false => Vec::new(),
    };
    let Gathering { pieces, .. } = gathering;
    // What came meanwhile goes behind.
    let now = &mut *lock(&buffer.lists);
    for (now, held, left) in [
        (&mut now.flushed, flushed, lists.flushed),
        (&mut now.called, called, lists.called),
        (&mut now.recorded, recorded, lists.recorded),
    ] {
        let since = std::mem::replace(now, held.into());
        now.extend(left);
        now.extend(since);
    }
    (!pieces.is_empty()).then(|| Batch::new(pieces))
}

impl Gathering<'_> {
    /// Takes runs from a list while there is room, and returns those that cannot leave now.
    fn visit(&mut self, list: &mut VecDeque<Arc<RunState>>, kept: usize) -> Vec<Arc<RunState>> {
        let room = self.room;
        self.room = room.without(kept);
        let kept = room.operations - self.room.operations;
        while !self.room.is_full()
            && let Some(state) = list.pop_front()
        {
            self.visit_run(state);
        }
        self.room.operations += kept;
        std::mem::take(&mut self.held)
    }

    fn visit_run(&mut self, state: Arc<RunState>) {
        let mut pending = state.lock();
        if pending.place != Place::Queued {
            return;
        }
        if let Some(group) = pending.group.clone() {
            drop(pending);
            return self.visit_group(&group, state);
        }
        if pending.fetch.is_under_way {
            drop(pending);
            return self.held.push(state);
        }
        let room = self.room;
        self.units += 1;
        self.take(&state, &mut pending, room);
    }

    /// Takes everything that waits on the runs of a group, or nothing.
    fn visit_group(&mut self, group: &Arc<Group>, state: Arc<RunState>) {
        if self.held_groups.iter().any(|held| Arc::ptr_eq(held, group)) {
            return self.held.push(state);
        }
        let mut groups = lock(&self.buffer.groups);
        // It may have been given up meanwhile, and another begun.
        let is_of = |now: &Arc<Group>| Arc::ptr_eq(now, group);
        if !state.lock().group.as_ref().is_some_and(is_of) {
            drop(groups);
            return self.visit_run(state);
        }
        let too_heavy = group.weight() > self.room.bytes && !self.pieces.is_empty();
        // A run that came into this batch before it came into the group cannot come into it again. One that was set
        // aside must wait.
        let is_busy = |run: &Arc<RunState>| {
            let pending = run.lock();
            pending.fetch.is_under_way || matches!(pending.place, Place::InFlight | Place::Aside)
        };
        if too_heavy || groups.runs(group).iter().any(is_busy) {
            self.held_groups.push(group.clone());
            return self.held.push(state);
        }
        self.units += 1;
        let all = Room {
            operations: usize::MAX,
            bytes: usize::MAX,
        };
        for state in groups.end(group) {
            let mut pending = state.lock();
            self.take(&state, &mut pending, all);
            pending.group = None;
        }
    }

    /// Takes commands and operations from the front of what a run has.
    fn take(&mut self, state: &Arc<RunState>, pending: &mut Pending, room: Room) {
        // Nobody waits for a start that was not sent yet: it is withdrawn.
        pending.withdraw_starts();
        // A start comes after what was recorded before it and does not wait for what is recorded since. It goes alone: the server
        // refuses the whole entry with it, and others may work on the same run.
        let in_group = pending.group.is_some();
        let mut commands = Vec::new();
        if !in_group || pending.queue.is_empty() {
            commands.extend(next_command(pending, pending.completed, Part::Start));
        }
        let length = pending.queue.len();
        let taken = match commands.is_empty() {
            false => Taken::default(),
            true => pending
                .queue
                .take(room.operations, room.bytes, pending.recorded),
        };
        let weight = pending.queue.weight() + taken.weight;
        pending.permit.correct(weight);
        let permit = pending.permit.split(taken.weight);
        self.buffer.count(length, pending.queue.len());
        let (mut blocks, mut upto) = (Vec::new(), pending.completed);
        if commands.is_empty() {
            blocks = self.take_chunks(pending, &taken);
            upto = taken_upto(pending, taken.upto);
            for part in [Part::Status, Part::Finish] {
                commands.extend(next_command(pending, upto, part));
            }
        }
        let (entry, target) = match &pending.route {
            Route::Through(child, target) if commands.is_empty() && blocks.is_empty() => {
                (child.clone(), *target)
            }
            _ => (state.id.clone(), Target::Own),
        };
        let piece = Piece {
            state: state.clone(),
            unit: self.units,
            entry,
            target,
            operations: taken.operations,
            blocks,
            later: VecDeque::new(),
            in_group,
            permit,
            upto,
            commands,
            answers: Vec::new(),
        };
        if piece.is_empty() {
            pending.place = Place::Idle;
            return;
        }
        self.room.operations = self.room.operations.saturating_sub(piece.cost());
        let started = match piece.commands.first().map(|command| &command.kind) {
            Some(CommandKind::Start { text, .. }) => text.len(),
            _ => 0,
        };
        let chunks: usize = piece.blocks.iter().map(Block::weight).sum();
        let bytes = taken.weight + chunks + started;
        self.room.bytes = self.room.bytes.saturating_sub(bytes);
        pending.place = Place::InFlight;
        if !piece.operations.is_empty() {
            pending.sent = vec![piece.operations.clone()];
        }
        self.pieces.push(piece);
    }
}

impl Gathering<'_> {
    /// Takes chunks of a run, beside its operations.
    fn take_chunks(&self, pending: &mut Pending, taken: &Taken) -> Vec<Block> {
        let operations = taken.operations.len();
        let left = self.room.operations.saturating_sub(operations);
        let bytes = self.room.bytes.saturating_sub(taken.weight);
        pending.chunks.take(left, bytes, operations == 0)
    }
}

/// Returns how much of what was recorded on a run has certainly been taken, when so much was of its operations if that is known.
fn taken_upto(pending: &Pending, operations: Option<u64>) -> u64 {
    let operations = match pending.queue.is_empty() {
        true => pending.recorded,
        false => operations.unwrap_or(pending.completed),
    };
    let chunks = pending.chunks.before();
    chunks.map_or(operations, |chunks| chunks.min(operations))
}

/// Takes the next command if it is of this kind, and if so many operations are all that were recorded before it.
fn next_command(pending: &mut Pending, upto: u64, part: Part) -> Option<Command> {
    let is_next = |command: &Command| command.kind.part() == part && command.after <= upto;
    pending
        .commands
        .front()
        .is_some_and(is_next)
        .then(|| pending.commands.pop_front())?
}
