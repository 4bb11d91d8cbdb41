//! What the answer to a batch means for its runs: which operations are completed, what had no effect, and what is sent
//! next.

use std::sync::Arc;

use super::answer::{Rows, completed, effect_of, take_over};
use super::batch::{Batch, Piece};
use super::by_key::by_key;
use super::text::streams;
use crate::Error;
use crate::buffer::chunks::{Block, StreamReport};
use crate::buffer::document::Effect;
use crate::buffer::state::{Command, List, Pending, Place, RunState};
use crate::buffer::waiter::Waiting;
use crate::buffer::{Buffer, lock};
use crate::error::Unapplied;
use crate::wire::{Outcome, Part, Row, Target};

impl Batch {
    /// Takes over what the server answered. Returns what is to be sent next: lists that were too large as a whole, key by
    /// key, and those whose way went through a run that is gone.
    pub(super) fn complete(self, buffer: &Buffer, rows: Option<&[Row]>) -> Option<Batch> {
        // None if the batch took effect and the answer is lost.
        let mut rows = rows.map(Rows::new);
        let next: Vec<Piece> = self
            .pieces
            .into_iter()
            .filter_map(|piece| piece.complete(buffer, rows.as_mut()))
            .collect();
        (!next.is_empty()).then(|| Batch::new(next))
    }

    /// Gives up a batch that the server rejected for good.
    pub(super) fn reject(self, buffer: &Buffer, error: &Error) {
        let reason = error.code().unwrap_or("error").to_owned();
        for mut piece in self.pieces {
            let commands = piece.commands.drain(..);
            piece
                .answers
                .extend(commands.map(|command| (command, Err(error.clone()))));
            let later = std::mem::take(&mut piece.later);
            let all = std::iter::once(&piece.operations).chain(&later);
            let unapplied = all
                .flat_map(|list| list.iter())
                .map(|operation| {
                    Unapplied::of(&piece.state.id, operation, reason.clone()).because(error)
                })
                .collect();
            let state = piece.state.clone();
            let mut pending = state.lock();
            for report in reports(&piece.blocks) {
                report.fail(error.clone());
                buffer.note_chunks_unapplied(&state, &mut pending, report, reason.clone());
            }
            piece.end_list(buffer, &mut pending, Effect::Unapplied, unapplied);
            piece.leave(buffer, pending);
        }
    }

    /// Notes which of its commands are not sent although nobody waits for them, and which of its chunks, and returns how many.
    pub(super) fn note_not_sent(&self, buffer: &Buffer) -> usize {
        let chunks = self
            .pieces
            .iter()
            .map(|piece| note_chunks_not_sent(buffer, &piece.state, &piece.blocks));
        let chunks: usize = chunks.sum();
        let commands = self.pieces.iter().flat_map(|piece| {
            let commands = piece.commands.iter();
            commands.map(|command| (&piece.state, command))
        });
        let note = |(state, command): (&Arc<RunState>, &Command)| {
            note_command_not_sent(buffer, state, &mut state.lock(), command)
        };
        chunks + commands.map(note).sum::<usize>()
    }

    /// Notes that it waits for somebody else's lock.
    pub(super) fn set_aside(&self) {
        self.put(Place::Aside);
    }

    /// Notes that it is sent again.
    pub(super) fn take_up(&self) {
        self.put(Place::InFlight);
    }

    fn put(&self, place: Place) {
        for piece in &self.pieces {
            piece.state.lock().place = place;
        }
    }
}

impl Piece {
    /// Ends its commands and this list, and returns what is sent next.
    fn complete(mut self, buffer: &Buffer, mut rows: Option<&mut Rows<'_>>) -> Option<Piece> {
        let entry = self.entry.clone();
        let state = self.state.clone();
        let mut row = |part, target, stream| {
            let row = rows.as_mut()?.find(&entry, part, target, stream);
            if row.is_none() {
                tracing::error!(
                    run = &*state.id,
                    ?part,
                    "the server's answer lacks a part of this run"
                );
            }
            row
        };
        let mut pending = state.lock();
        let mut next = None;
        if !self.operations.is_empty() {
            let row = row(Part::Operations, self.target, None);
            next = self.next(row);
            if next.is_none() {
                let (effect, unapplied) = self.effect(row);
                self.end_list(buffer, &mut pending, effect, unapplied);
            }
        }
        let blocks = std::mem::take(&mut self.blocks);
        for (stream, blocks) in streams(&blocks) {
            if let Some(row) = row(Part::Stream, Target::Own, Some(stream)) {
                end_chunks(buffer, &state, &mut pending, &blocks, row);
            }
        }
        for command in self.commands.drain(..) {
            let row = row(command.kind.part(), Target::Own, None);
            take_over(&mut pending, &command.kind, row);
            self.answers.push((command, completed(&state, row)));
        }
        match next {
            Some(Next::Lists(lists)) => {
                self.later = lists.into();
                self.follow(&mut pending)
            }
            Some(Next::Direct) => {
                self.entry = state.id.clone();
                self.target = Target::Own;
                Some(self)
            }
            None if !self.later.is_empty() => self.follow(&mut pending),
            None => {
                self.leave(buffer, pending);
                None
            }
        }
    }

    /// Returns what is sent in place of this list, if it had no effect for a reason that can be mended.
    fn next(&self, row: Option<&Row>) -> Option<Next> {
        let row = row?;
        match row.outcome {
            // A log that fills a document must not take the run's status with it.
            Outcome::TooLarge if self.may_be_split() => by_key(&self.operations).map(Next::Lists),
            // Nor must one key that does not fit the contract take the others with it.
            Outcome::Invalid if row.is_contract_violation() && self.may_be_split() => {
                by_key(&self.operations).map(Next::Lists)
            }
            // The child through which it went is gone, not necessarily the parent.
            Outcome::NotFound if self.target != Target::Own => Some(Next::Direct),
            _ => None,
        }
    }

    fn may_be_split(&self) -> bool {
        !self.in_group && self.later.is_empty()
    }

    /// Goes on with the next list.
    fn follow(mut self, pending: &mut Pending) -> Option<Piece> {
        self.operations = self.later.pop_front()?;
        let all = std::iter::once(&self.operations).chain(&self.later);
        pending.sent = all.cloned().collect();
        Some(self)
    }

    /// Returns what the server did with the list.
    fn effect(&self, row: Option<&Row>) -> (Effect, Vec<Unapplied>) {
        let Some(row) = row else {
            return (Effect::Applied { version: None }, Vec::new());
        };
        if row.outcome.is_refusal() {
            let reason = row.unapplied.first().map(|(_, reason)| reason.as_str());
            let reason = reason.unwrap_or(row.outcome.name());
            let unapplied = self.operations.iter().map(|operation| {
                Unapplied::of(&self.state.id, operation, reason.to_owned())
                    .with_detail(row.detail.as_deref())
            });
            return (effect_of(row), unapplied.collect());
        }
        let unapplied = row.unapplied.iter().filter_map(|(index, reason)| {
            let operation = self.operations.get(*index)?;
            Some(Unapplied::of(&self.state.id, operation, reason.clone()))
        });
        (effect_of(row), unapplied.collect())
    }

    /// Ends the list that was sent.
    fn end_list(
        &self,
        buffer: &Buffer,
        pending: &mut Pending,
        effect: Effect,
        unapplied: Vec<Unapplied>,
    ) {
        for unapplied in unapplied {
            buffer.note_unapplied(pending, unapplied);
        }
        if let Some(document) = &mut pending.document {
            document.sent(&self.operations, effect);
        }
    }

    /// Leaves the batch: nothing of the run is under way any more. What was recorded meanwhile is next.
    fn leave(self, buffer: &Buffer, mut pending: std::sync::MutexGuard<'_, Pending>) {
        pending.sent.clear();
        pending.completed = self.upto;
        pending.answer_flushes();
        for (command, result) in &self.answers {
            if let Err(error) = result
                && let Some(part) = command.kind.part_to_note()
                && command.waiter.is_gone()
            {
                let unapplied = Unapplied::part(&self.state.id, part, error.reason());
                buffer.note_unapplied(&mut pending, unapplied);
            }
        }
        buffer.read_if_outdated(&self.state, &pending);
        enqueue(buffer, &self.state, &mut pending, End::Front);
        drop(pending);
        // Whoever waited finds the run as it is now.
        for (command, result) in self.answers {
            command.waiter.answer(result);
        }
    }
}

/// Notes which chunks were not appended, of blocks of one stream.
fn end_chunks(
    buffer: &Buffer,
    state: &RunState,
    pending: &mut Pending,
    blocks: &[&Block],
    row: &Row,
) {
    if row.outcome.is_refusal() {
        for report in reports(blocks.iter().copied()) {
            buffer.note_chunks_unapplied(state, pending, report, row.outcome.name());
        }
        return;
    }
    for (index, reason) in &row.unapplied {
        let mut end = 0;
        let block = blocks.iter().find(|block| {
            end += block.chunks;
            *index < end
        });
        if let Some(block) = block {
            buffer.note_chunks_unapplied(state, pending, &block.report, reason.clone());
        }
    }
}

/// Returns the writers of these blocks.
pub(super) fn reports<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> Vec<&'a StreamReport> {
    let mut reports: Vec<&StreamReport> = Vec::new();
    for report in blocks.into_iter().map(|block| &*block.report) {
        if !reports.iter().any(|known| std::ptr::eq(*known, report)) {
            reports.push(report);
        }
    }
    reports
}

/// Notes that a status or a finish whose caller waits no longer is not sent. Returns how many these are.
pub(super) fn note_command_not_sent(
    buffer: &Buffer,
    state: &RunState,
    pending: &mut Pending,
    command: &Command,
) -> usize {
    match command.kind.part_to_note() {
        Some(part) if command.waiter.is_gone() => {
            buffer.note_unapplied(pending, Unapplied::part(&state.id, part, "not_sent"));
            1
        }
        _ => 0,
    }
}

/// Notes that chunks are not sent. Returns how many these are.
pub(super) fn note_chunks_not_sent<'a>(
    buffer: &Buffer,
    state: &RunState,
    blocks: impl IntoIterator<Item = &'a Block> + Clone,
) -> usize {
    for report in reports(blocks.clone()) {
        buffer.note_chunks_unapplied(state, &mut state.lock(), report, "not_sent");
    }
    blocks.into_iter().map(|block| block.chunks).sum()
}

/// What is sent in place of a list.
enum Next {
    /// The same operations, key by key.
    Lists(Vec<List>),
    /// The same list, on the run itself.
    Direct,
}

/// Where on its list a run is put.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Front,
    Back,
}

/// Puts a run of which nothing is under way on the list where it belongs.
pub(super) fn enqueue(buffer: &Buffer, state: &Arc<RunState>, pending: &mut Pending, end: End) {
    if !pending.has_work() {
        pending.place = Place::Idle;
        return;
    }
    pending.place = Place::Queued;
    let mut lists = lock(&buffer.lists);
    let list = match () {
        () if !pending.flushes.is_empty() => &mut lists.flushed,
        () if !pending.commands.is_empty() => &mut lists.called,
        () => &mut lists.recorded,
    };
    match end {
        End::Front => list.push_front(state.clone()),
        End::Back => list.push_back(state.clone()),
    }
}
