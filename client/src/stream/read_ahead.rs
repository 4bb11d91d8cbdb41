//! What was read ahead for one reader of a stream, until it takes it.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::Waker;

use super::Chunk;
use crate::Error;
use crate::buffer::lock;

/// Chunks that wait for one reader. A guess: a statement that brings so many costs more than its round trip.
pub(crate) const MOST_CHUNKS: usize = 1_000;

/// Bytes of them. A single chunk may be more.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

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
    /// Takes the next chunk.
    pub(crate) fn take(&self, waker: &Waker) -> Taken {
        let mut state = lock(&self.0);
        let had_room = state.has_room();
        match state.chunks.pop_front() {
            Some(chunk) => {
                state.bytes -= chunk.json().len();
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

    pub(crate) fn put(&self, chunks: impl Iterator<Item = Chunk>) {
        let mut state = lock(&self.0);
        for chunk in chunks {
            state.bytes += chunk.json().len();
            state.chunks.push_back(chunk);
        }
        if !state.chunks.is_empty() {
            state.wake();
        }
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
    fn has_room(&self) -> bool {
        self.chunks.len() <= MOST_CHUNKS / 2 && self.bytes <= MOST_BYTES / 2
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
