//! Chunks of streams that wait on one run, as the text that a batch needs.
//!
//! Consecutive chunks of one writer share a block: a token of an LLM is 4 bytes, and a `String` for each would take ten times
//! that. A block goes into a batch as a whole. Blocks hold their memory in permits of their own, apart from that of the run's
//! operations, and chunks are never left out when there is no room: their writer waits.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use super::Buffer;
use super::budget::Permit;
use super::state::{Pending, RunState};
use crate::Error;
use crate::error::Unapplied;

/// A block takes chunks up to so many bytes. A guess: enough that its own memory does not count, and a small part of a batch.
const BLOCK_BYTES: usize = 8 * 1024;

/// What a block takes beside its text.
const BLOCK: usize = 160;

/// So many chunks count for one operation: one of 14 bytes takes 1.6 µs from here to its commit, in `make bench` on two cores, and an
/// operation of a large batch some 6. Long ones are bounded by their bytes.
const CHUNKS_OF_OPERATION: usize = 4;

/// So many blocks are looked at for one that takes another chunk: a run whose streams grow in turns has one for each.
const OPEN_BLOCKS: usize = 8;

/// One writer of one stream, as those see it who send its chunks.
#[derive(Debug)]
pub(crate) struct StreamReport {
    pub(crate) stream: Box<str>,
    error: OnceLock<Error>,
}

impl StreamReport {
    pub(crate) fn new(stream: &str) -> Arc<StreamReport> {
        Arc::new(StreamReport {
            stream: stream.into(),
            error: OnceLock::new(),
        })
    }

    /// Notes why chunks were not appended. The first reason stays.
    pub(crate) fn fail(&self, error: Error) {
        let _ = self.error.set(error);
    }

    /// Returns why chunks were not appended, if that is so.
    pub(crate) fn error(&self) -> Option<&Error> {
        self.error.get()
    }
}

/// The end that a writer gives to its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) error: Option<Box<str>>,
    /// The attempt that the writer works for: it must not close the stream of a newer one.
    pub(crate) attempt: Option<i32>,
}

/// Consecutive chunks of one writer.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) report: Arc<StreamReport>,
    /// The JSON of the chunks, with commas between them.
    pub(crate) text: String,
    pub(crate) chunks: usize,
    /// The stream ends with them.
    pub(crate) close: Option<Close>,
    /// What had been recorded on the run before the first of them.
    before: u64,
    permit: Permit,
}

impl Block {
    /// Returns how many operations it counts for.
    pub(crate) fn cost(&self) -> usize {
        self.chunks.div_ceil(CHUNKS_OF_OPERATION).max(1)
    }

    /// Returns the bytes of memory that it takes.
    pub(crate) fn weight(&self) -> usize {
        self.permit.bytes()
    }

    fn takes(&self, report: &Arc<StreamReport>, bytes: usize) -> bool {
        Arc::ptr_eq(&self.report, report)
            && self.close.is_none()
            && self.text.len() + bytes <= BLOCK_BYTES
    }

    /// Adds text, and holds what it takes whatever the bound.
    fn push(&mut self, chunk: &str) {
        let comma = usize::from(self.chunks > 0);
        let length = self.text.len() + comma + chunk.len();
        if length > self.text.capacity() {
            let capacity = length.max((2 * length).min(BLOCK_BYTES));
            self.text.reserve_exact(capacity - self.text.len());
            self.permit.correct(BLOCK + self.text.capacity());
        }
        self.text.push_str(if comma > 0 { "," } else { "" });
        self.text.push_str(chunk);
        self.chunks += 1;
    }
}

/// The blocks that wait, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Blocks(VecDeque<Block>);

impl Blocks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how much was recorded on the run before the first chunk that waits.
    pub(crate) fn before(&self) -> Option<u64> {
        self.0.front().map(|block| block.before)
    }

    /// Takes blocks from the front, up to a cost and a weight, but at least one if `is_first`. An end of a stream
    /// is the last that is taken of it: what another writer appends behind it is refused, and that alone.
    pub(crate) fn take(&mut self, cost: usize, weight: usize, is_first: bool) -> Vec<Block> {
        let mut taken: Vec<Block> = Vec::new();
        let (mut cost, mut weight) = (cost, weight);
        while let Some(next) = self.0.front() {
            let fits = next.cost() <= cost && next.weight() <= weight;
            let is_ended = taken
                .iter()
                .any(|block| block.close.is_some() && block.report.stream == next.report.stream);
            let is_due = fits || is_first && taken.is_empty();
            if !is_due || is_ended {
                break;
            }
            cost = cost.saturating_sub(next.cost());
            weight = weight.saturating_sub(next.weight());
            taken.extend(self.0.pop_front());
        }
        taken
    }

    /// Takes everything.
    pub(crate) fn take_all(&mut self) -> VecDeque<Block> {
        std::mem::take(&mut self.0)
    }

    fn open(&mut self, report: &Arc<StreamReport>, bytes: usize) -> Option<&mut Block> {
        let mut last = self.0.iter_mut().rev().take(OPEN_BLOCKS);
        // An older block must not take what belongs behind a newer one.
        let of_writer = |block: &&mut Block| block.report.stream == report.stream;
        last.find(of_writer)
            .filter(|block| block.takes(report, bytes))
    }
}

impl Buffer {
    /// Adds a chunk, which is JSON, at the end of a stream. Returns false if there is no room now.
    ///
    /// # Errors
    ///
    /// An earlier chunk of this writer was not appended, or this one never can be.
    pub(crate) fn push_chunk(
        &self,
        state: &Arc<RunState>,
        report: &Arc<StreamReport>,
        chunk: &str,
    ) -> Result<bool, Error> {
        if let Some(error) = report.error() {
            return Err(error.clone());
        }
        if self.closed.load(Relaxed) {
            return Err(Error::shut_down());
        }
        if chunk.len() > self.settings.batch_bytes() {
            let unapplied = Unapplied::stream(&state.id, &report.stream, "buffer_full");
            let error = Error::unapplied_operations(vec![unapplied.clone()], 0);
            report.fail(error.clone());
            self.note_unapplied(&mut state.lock(), unapplied);
            self.log_unapplied();
            return Err(error);
        }
        if !self.budget.has_room() {
            return Ok(false);
        }
        self.add_to_block(state, report, chunk.len(), |block| block.push(chunk));
        Ok(true)
    }

    /// Ends a stream, behind the chunks recorded before. It takes so little that it waits for no room. After a refusal that
    /// would meet the end too, it is left out.
    ///
    /// # Errors
    ///
    /// The client was shut down.
    pub(crate) fn close_stream(
        &self,
        state: &Arc<RunState>,
        report: &Arc<StreamReport>,
        close: Close,
    ) -> Result<(), Error> {
        if self.closed.load(Relaxed) {
            return Err(Error::shut_down());
        }
        let is_useless = |error: &Error| error.is_closed() || error.code() == Some("P0002");
        if !report.error().is_some_and(is_useless) {
            self.add_to_block(state, report, 0, |block| block.close = Some(close));
        }
        Ok(())
    }

    fn add_to_block(
        &self,
        state: &Arc<RunState>,
        report: &Arc<StreamReport>,
        bytes: usize,
        add: impl FnOnce(&mut Block),
    ) {
        let mut pending = state.lock();
        let pending = &mut *pending;
        match pending.chunks.open(report, bytes) {
            Some(block) => add(block),
            None => {
                let mut permit = self.budget.permit();
                permit.correct(BLOCK);
                let mut block = Block {
                    report: report.clone(),
                    text: String::new(),
                    chunks: 0,
                    close: None,
                    before: pending.recorded,
                    permit,
                };
                add(&mut block);
                pending.chunks.0.push_back(block);
            }
        }
        let length = pending.queue.len();
        self.accepted(state, pending, length);
    }

    /// Notes that chunks of a writer were not appended.
    pub(crate) fn note_chunks_unapplied(
        &self,
        state: &RunState,
        pending: &mut Pending,
        report: &StreamReport,
        reason: impl Into<Cow<'static, str>>,
    ) {
        let unapplied = Unapplied::stream(&state.id, &report.stream, reason);
        report.fail(Error::unapplied_operations(vec![unapplied.clone()], 0));
        self.note_unapplied(pending, unapplied);
    }
}
