//! What was read ahead for one reader of a stream, until it takes it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::task::Waker;

use super::Chunk;
use crate::Error;
use crate::buffer::lock;

/// Chunks that wait for one reader. A guess: a statement that brings so many costs more than its round trip.
pub(crate) const MOST_CHUNKS: usize = 1_000;

/// Bytes of them. A single chunk may be more.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// What a chunk takes beside its JSON, about.
const CHUNK: usize = 64;

/// Memory that many readers share, as one of them has its part of it.
pub trait Reserve: fmt::Debug + Send {
    /// Has it hold so many bytes, more or fewer than before. Returns false if more are not left; fewer always are.
    fn resize(&mut self, bytes: usize) -> bool;
}

/// The place where the hub puts chunks. It brings more when less than half is left.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    /// The end, behind the chunks, and the error that the reader gets before it.
    end: Option<Option<Error>>,
    waker: Option<Waker>,
    /// Where the chunks are counted.
    reserve: Option<Box<dyn Reserve>>,
}

/// What a reader finds.
#[derive(Debug)]
pub(crate) enum Taken {
    Chunk {
        chunk: Chunk,
        /// There is room again since this was taken.
        makes_room: bool,
    },
    Nothing,
    End(Option<Error>),
}

impl ReadAhead {
    /// Makes a place whose chunks are counted there.
    pub(crate) fn counted(reserve: Box<dyn Reserve>) -> ReadAhead {
        ReadAhead(Mutex::new(State {
            reserve: Some(reserve),
            ..State::default()
        }))
    }

    /// Takes the next chunk.
    pub(crate) fn take(&self, waker: &Waker) -> Taken {
        let mut state = lock(&self.0);
        let had_room = state.has_room();
        match state.chunks.pop_front() {
            Some(chunk) => {
                state.bytes -= chunk.json().len();
                state.count();
                let makes_room = !had_room && state.has_room() && state.end.is_none();
                Taken::Chunk { chunk, makes_room }
            }
            None => match &mut state.end {
                Some(error) => Taken::End(error.take()),
                None => {
                    state.waker = Some(waker.clone());
                    Taken::Nothing
                }
            },
        }
    }

    /// Adds chunks. Returns false, and keeps none, if there is no memory for them.
    pub(crate) fn put(&self, chunks: impl Iterator<Item = Chunk>) -> bool {
        let mut state = lock(&self.0);
        let (count, bytes) = (state.chunks.len(), state.bytes);
        for chunk in chunks {
            state.bytes += chunk.json().len();
            state.chunks.push_back(chunk);
        }
        if !state.count() {
            state.chunks.truncate(count);
            state.bytes = bytes;
            return false;
        }
        if !state.chunks.is_empty() {
            state.wake();
        }
        true
    }

    pub(crate) fn end(&self, error: Option<Error>) {
        let mut state = lock(&self.0);
        state.end.get_or_insert(error);
        state.wake();
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        let state = lock(&self.0);
        (state.chunks.len(), state.bytes)
    }

    /// Returns how many chunks and bytes fit, if that is at least half.
    pub(crate) fn room(&self) -> Option<(usize, usize)> {
        let state = lock(&self.0);
        let (chunks, bytes) = (state.chunks.len(), state.bytes);
        state
            .has_room()
            .then(|| (MOST_CHUNKS - chunks, MOST_BYTES - bytes))
    }
}

impl State {
    /// Counts what there is. Returns false if there is no memory for it.
    fn count(&mut self) -> bool {
        let bytes = self.bytes + CHUNK * self.chunks.len();
        let reserve = self.reserve.as_mut();
        reserve.is_none_or(|reserve| reserve.resize(bytes))
    }

    fn has_room(&self) -> bool {
        self.chunks.len() <= MOST_CHUNKS / 2 && self.bytes <= MOST_BYTES / 2
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
