//! What is in a batch: operations, chunks and commands for many runs.
//!
//! A batch is made of pieces, one for each run. Pieces of the same unit stay together however the batch is split.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use crate::Error;
use crate::buffer::budget::Permit;
use crate::buffer::chunks::Block;
use crate::buffer::state::{Command, Completed, List, RunState};
use crate::buffer::waiter::Waiting;
use crate::wire::{Part, Row, Target};

use super::gather::{COMMAND_COST, Room};
use super::text::write;

#[derive(Debug)]
pub(crate) struct Batch {
    /// The JSON text. It never changes: a batch that is sent again is the same batch.
    pub(crate) text: Arc<str>,
    pub(super) pieces: Vec<Piece>,
    /// How often it failed for a reason that could not be found.
    pub(super) tries: u32,
    /// True if it was set aside before.
    pub(super) was_aside: bool,
}

/// What one run has in a batch.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(super) state: Arc<RunState>,
    /// The same for runs whose operations must not come into different batches.
    pub(super) unit: usize,
    /// The run that the entry names: the run itself, or the child through which its operations go.
    pub(super) entry: Arc<str>,
    pub(super) target: Target,
    pub(super) operations: List,
    /// Chunks for streams of the run itself.
    pub(super) blocks: Vec<Block>,
    /// Lists for other keys that are sent after this one, one after the other.
    pub(super) later: VecDeque<List>,
    /// True if it leaves together with others.
    pub(super) in_group: bool,
    /// Holds the memory that the operations take, also those that were sent before, until the piece is dropped.
    pub(super) permit: Permit,
    /// How much of what was recorded on the run is completed with the last list.
    pub(super) upto: u64,
    /// A start alone, or a status and a finish.
    pub(super) commands: Vec<Command>,
    /// The results of its commands, which callers get when all of its lists are done.
    pub(super) answers: Vec<(Command, Result<Completed, Error>)>,
}

impl Piece {
    /// Returns true if nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.operations.is_empty() && self.blocks.is_empty() && !self.has_commands()
    }

    /// Returns how many operations it counts for.
    pub(super) fn cost(&self) -> usize {
        let chunks: usize = self.blocks.iter().map(Block::cost).sum();
        self.operations.len() + self.commands.len() * COMMAND_COST + chunks
    }

    /// Returns the bytes of memory that its operations and chunks take.
    fn weight(&self) -> usize {
        let chunks: usize = self.blocks.iter().map(Block::weight).sum();
        self.permit.bytes() + chunks
    }

    pub(super) fn has_commands(&self) -> bool {
        !self.commands.is_empty()
    }

    /// Returns what orders the pieces in the text. One with commands is an entry of its own, before the lists that go
    /// through the same run: what refuses the run itself must not take those with it.
    fn place(&self) -> (&str, bool, Target) {
        (&self.entry, !self.has_commands(), self.target)
    }

    /// Returns the parts of the entry that it has.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        let has_streams = !self.blocks.is_empty();
        // A start has no list beside it, which the others follow.
        let has_list = !self.operations.is_empty() || !self.has_commands() && !has_streams;
        let list = has_list.then_some(Part::Operations);
        let streams = has_streams.then_some(Part::Stream);
        let commands = self.commands.iter().map(|command| command.kind.part());
        list.into_iter().chain(streams).chain(commands)
    }
}

impl Batch {
    /// Writes these pieces as one batch.
    pub(super) fn new(mut pieces: Vec<Piece>) -> Batch {
        pieces.sort_by(|left, right| left.place().cmp(&right.place()));
        Batch {
            text: write(&pieces, |_, _, _| true),
            pieces,
            tries: 0,
            was_aside: false,
        }
    }

    /// Returns the number of runs.
    pub(crate) fn runs(&self) -> usize {
        self.pieces.len()
    }

    /// Returns the ids of the runs that it changes.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.pieces.iter().map(|piece| &piece.state.id)
    }

    /// Returns how much room it takes.
    pub(super) fn taken(&self) -> Room {
        Room {
            operations: self.pieces.iter().map(Piece::cost).sum(),
            bytes: self.text.len(),
        }
    }

    /// Returns true if it has operations or chunks.
    pub(super) fn has_recorded(&self) -> bool {
        let has_recorded = |piece: &Piece| !piece.operations.is_empty() || !piece.blocks.is_empty();
        self.pieces.iter().any(has_recorded)
    }

    /// Returns the number of operations.
    pub(crate) fn operations(&self) -> usize {
        self.pieces.iter().map(|piece| piece.operations.len()).sum()
    }

    /// Returns true if one of its runs is being read.
    pub(super) fn is_being_read(&self) -> bool {
        let mut pieces = self.pieces.iter();
        pieces.any(|piece| piece.state.lock().fetch.is_under_way)
    }

    /// Returns true if somebody waits for one of its runs.
    pub(super) fn is_awaited(&self) -> bool {
        self.pieces.iter().any(|piece| {
            let pending = piece.state.lock();
            let mut flushes = pending.flushes.iter();
            piece.has_commands() || flushes.any(|(_, waiter)| !waiter.is_gone())
        })
    }

    /// Frees the text, for a batch that is set aside.
    pub(super) fn without_text(self) -> Batch {
        Batch {
            text: "".into(),
            ..self
        }
    }

    /// Writes the text anew.
    pub(super) fn written_again(self) -> Batch {
        Batch {
            text: write(&self.pieces, |_, _, _| true),
            ..self
        }
    }

    /// Joins batches that were set aside, as far as they fit into one.
    pub(super) fn join(batches: Vec<Batch>, room: Room) -> Vec<Batch> {
        let (mut joined, mut pieces): (Vec<Vec<Piece>>, Vec<Piece>) = (Vec::new(), Vec::new());
        let (mut operations, mut bytes) = (0, 0);
        for batch in batches {
            let more: usize = batch.pieces.iter().map(Piece::weight).sum();
            let cost: usize = batch.pieces.iter().map(Piece::cost).sum();
            let is_full = operations + cost > room.operations || bytes + more > room.bytes;
            if is_full && !pieces.is_empty() {
                joined.push(std::mem::take(&mut pieces));
                (operations, bytes) = (0, 0);
            }
            operations += cost;
            bytes += more;
            // Units of different batches may have the same number.
            let first = pieces.iter().map(|piece| piece.unit + 1).max().unwrap_or(0);
            pieces.extend(batch.pieces.into_iter().map(|mut piece| {
                piece.unit += first;
                piece
            }));
        }
        joined.push(pieces);
        joined.retain(|pieces| !pieces.is_empty());
        joined.into_iter().map(Batch::new).collect()
    }

    /// Returns the text of what was not refused; `None` if nothing was.
    pub(super) fn text_taken(&self, rows: &[Row]) -> Option<Arc<str>> {
        let refused: HashSet<(&str, Part, Target, Option<&str>)> = rows
            .iter()
            .filter(|row| row.outcome.is_refusal())
            .map(|row| {
                (
                    row.run.as_str(),
                    row.part,
                    row.target,
                    row.stream.as_deref(),
                )
            })
            .collect();
        if refused.is_empty() {
            return None;
        }
        Some(write(&self.pieces, |piece, part, stream| {
            let target = match part {
                Part::Operations => piece.target,
                _ => Target::Own,
            };
            !refused.contains(&(&*piece.entry, part, target, stream))
        }))
    }

    /// Returns true if some of its runs may be sent without the others.
    pub(super) fn can_split(&self) -> bool {
        let mut units = self.pieces.iter().map(|piece| piece.unit);
        let first = units.next();
        units.any(|unit| Some(unit) != first)
    }

    /// Splits it in half. See [`can_split`](Batch::can_split).
    pub(super) fn halves(self) -> (Batch, Batch) {
        let units: BTreeSet<usize> = self.pieces.iter().map(|piece| piece.unit).collect();
        let middle = units.iter().nth(units.len().div_ceil(2)).copied();
        self.partition(|unit| middle.is_none_or(|middle| unit < middle))
    }

    /// Splits off what touches these runs: what is free, and a batch for each unit that touches one.
    pub(super) fn without(self, locked: &HashSet<String>) -> (Option<Batch>, Vec<Batch>) {
        let touched: BTreeSet<usize> = self
            .pieces
            .iter()
            .filter(|piece| locked.contains(&*piece.state.id))
            .map(|piece| piece.unit)
            .collect();
        let (free, mut held) = self.partition(|unit| !touched.contains(&unit));
        let mut batches = Vec::new();
        while held.can_split() {
            let first = held.pieces.first().map(|piece| piece.unit);
            let (one, others) = held.partition(|unit| Some(unit) == first);
            batches.push(one);
            held = others;
        }
        batches.push(held);
        batches.retain(|batch| !batch.pieces.is_empty());
        ((!free.pieces.is_empty()).then_some(free), batches)
    }

    fn partition(self, mut is_first: impl FnMut(usize) -> bool) -> (Batch, Batch) {
        let (first, second) = self
            .pieces
            .into_iter()
            .partition(|piece| is_first(piece.unit));
        (Batch::new(first), Batch::new(second))
    }
}
