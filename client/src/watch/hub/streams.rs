//! Readers of streams: which of them may have something to read, and who gets what was read.
//!
//! A reader is read for when its stream or its run is announced, and after whatever may have hidden that: a lost connection, a
//! resync, a turn of polling. One statement reads for many, and once for all who are at the same chunk of a stream, as those are who
//! follow it. It brings the chunks behind those that the reader has, and how many
//! the stream had at that moment: so nobody misses one or gets one twice, and the end of a stream is known to be its end.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use super::{Action, Hub, UnderWay};
use crate::Error;
use crate::buffer::waiter::{Waiter, Waiting};
use crate::stream::read_ahead::{MOST_CHUNKS, ReadAhead};
use crate::stream::{Chunk, StreamInfo};
use crate::watch::notice::{RunNotice, StreamNotice};
use crate::wire::streams::{FoundChunks, WantedChunks};

/// Reads of one statement.
const MOST_READS: usize = 100;

/// Bytes of chunks that one statement should bring.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that each reader may have at least: less costs as much.
const LEAST_BYTES: usize = 64 * 1024;

/// Chunks of the first statement of a reader, before it is known how long they are.
const FIRST_CHUNKS: usize = 100;

/// A reader that begins.
#[derive(Debug)]
pub(crate) struct NewReader {
    pub(crate) id: u64,
    pub(crate) run: Arc<str>,
    pub(crate) stream: Arc<str>,
    /// The number of the first chunk.
    pub(crate) from: i64,
    pub(crate) ahead: Arc<ReadAhead>,
    /// Answered when it was read for once.
    pub(crate) waiter: Arc<Waiter<()>>,
}

/// Those who want to know the streams of a run.
type Asking = (Arc<str>, Arc<Waiter<Vec<StreamInfo>>>);

/// The streams that are read.
#[derive(Debug, Default)]
pub(super) struct Streams {
    readers: HashMap<u64, Reader>,
    /// Readers of each run.
    of_run: HashMap<Arc<str>, Vec<u64>>,
    /// Readers to be read for, each once.
    turns: VecDeque<u64>,
    asking: VecDeque<Asking>,
    /// The last statement was of here: now it is the turn of others.
    pub(super) has_read: bool,
}

#[derive(Debug)]
struct Reader {
    run: Arc<str>,
    stream: Arc<str>,
    ahead: Arc<ReadAhead>,
    /// The number of the chunk behind those that it has.
    next: i64,
    /// When its run was started, once that is known.
    run_created_at: Option<SystemTime>,
    /// When the stream was begun, once that is known.
    created_at: Option<SystemTime>,
    /// How many chunks its next statement may bring.
    at_once: usize,
    standing: Standing,
    /// Until it was read for once.
    waiter: Option<Arc<Waiter<()>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    /// It has everything that is known of.
    Complete,
    /// It has a turn.
    Turn,
    /// There is more than it can hold.
    Full,
    /// It is read for, and something was announced since if this is true.
    UnderWay(bool),
}

impl Streams {
    /// Returns true if nobody reads.
    pub(super) fn is_empty(&self) -> bool {
        self.readers.is_empty() && self.asking.is_empty()
    }

    /// Takes note of a stream that has grown or was closed.
    pub(super) fn announced(&mut self, notice: &StreamNotice) {
        self.wake(&notice.id, |reader| {
            *reader.stream == *notice.stream && (notice.last >= reader.next || notice.closed)
        });
    }

    /// Takes note of a run that changed: it may have finished, which ends its streams.
    pub(super) fn run_announced(&mut self, notice: &RunNotice) {
        self.wake(&notice.id, |_| true);
    }

    /// Reads all streams again.
    pub(super) fn read_again(&mut self) {
        for (id, reader) in &mut self.readers {
            reader.wake(*id, &mut self.turns);
        }
    }

    /// Reads for a reader that has room again.
    pub(super) fn has_room(&mut self, id: u64) {
        if let Some(reader) = self.readers.get_mut(&id)
            && reader.standing == Standing::Full
        {
            reader.standing = Standing::Complete;
            reader.wake(id, &mut self.turns);
        }
    }

    pub(super) fn end(&mut self) {
        let readers = self.readers.drain();
        readers.for_each(|(_, reader)| reader.ahead.end(Some(Error::shut_down())));
        let asking = self.asking.drain(..);
        asking.for_each(|(_, waiter)| waiter.answer(Err(Error::shut_down())));
    }

    pub(super) fn leave(&mut self, id: u64) {
        let Some(reader) = self.readers.remove(&id) else {
            return;
        };
        if let Some(readers) = self.of_run.get_mut(&reader.run) {
            readers.retain(|other| *other != id);
            if readers.is_empty() {
                self.of_run.remove(&reader.run);
            }
        }
    }

    fn wake(&mut self, run: &str, is_meant: impl Fn(&Reader) -> bool) {
        for id in self.of_run.get(run).into_iter().flatten() {
            if let Some(reader) = self.readers.get_mut(id)
                && is_meant(reader)
            {
                reader.wake(*id, &mut self.turns);
            }
        }
    }

    /// Returns what the next statement asks for, and the readers of each part of it.
    fn next_read(&mut self) -> (Vec<Vec<u64>>, Vec<WantedChunks>) {
        let (mut readers, mut wanted) = (Vec::<Vec<u64>>::new(), Vec::<WantedChunks>::new());
        let mut places = HashMap::new();
        let share = MOST_BYTES / self.turns.len().clamp(1, MOST_READS);
        while wanted.len() < MOST_READS
            && let Some(id) = self.turns.pop_front()
        {
            let Some(reader) = self.readers.get_mut(&id) else {
                continue;
            };
            let Some((chunks, bytes)) = reader.ahead.room() else {
                reader.standing = Standing::Full;
                continue;
            };
            reader.standing = Standing::UnderWay(false);
            let chunks = chunks.min(reader.at_once);
            let bytes = bytes.min(share.max(LEAST_BYTES));
            let (run, stream) = (reader.run.clone(), reader.stream.clone());
            match places.entry((run.clone(), stream.clone(), reader.next)) {
                Entry::Occupied(place) => {
                    let place: usize = *place.get();
                    readers[place].push(id);
                    let wanted = &mut wanted[place];
                    wanted.chunks = wanted.chunks.min(chunks);
                    wanted.bytes = wanted.bytes.min(bytes);
                }
                Entry::Vacant(place) => {
                    place.insert(wanted.len());
                    readers.push(vec![id]);
                    wanted.push(WantedChunks {
                        run,
                        stream,
                        from: reader.next,
                        chunks,
                        bytes,
                    });
                }
            }
        }
        (readers, wanted)
    }

    fn found(&mut self, id: u64, found: &FoundChunks, listens: bool) {
        let Some(reader) = self.readers.get_mut(&id) else {
            return;
        };
        let (has_more, end) = reader.found(found, listens);
        if let Some(end) = end {
            reader.ahead.end(end);
            self.leave(id);
        } else if has_more {
            reader.wake(id, &mut self.turns);
        }
    }

    /// Takes over that a statement for these readers failed.
    fn not_found(&mut self, ids: impl Iterator<Item = u64>, error: &Error) {
        for id in ids {
            let Some(reader) = self.readers.get_mut(&id) else {
                continue;
            };
            let fails = !error.is_retryable();
            match reader.waiter.take_if(|_| fails) {
                Some(waiter) => {
                    waiter.answer(Err(error.clone()));
                    self.leave(id);
                }
                None => {
                    reader.standing = Standing::Complete;
                    reader.wake(id, &mut self.turns);
                }
            }
        }
    }
}

impl Reader {
    fn wake(&mut self, id: u64, turns: &mut VecDeque<u64>) {
        match &mut self.standing {
            Standing::Complete => {
                self.standing = Standing::Turn;
                turns.push_back(id);
            }
            Standing::UnderWay(again) => *again = true,
            Standing::Turn | Standing::Full => {}
        }
    }

    /// Returns true if the stream that the reader read is gone, whether another of its name has begun or not.
    ///
    /// Without a connection that listens, a standby that lags may have fewer chunks for a while.
    fn is_deleted(&self, found: &FoundChunks, listens: bool) -> bool {
        let (known, now) = (self.created_at, found.created_at);
        let is_another = known.is_some() && (now > known || (listens && now != known));
        let is_certain = found.is_closed || found.run_has_finished || (listens && now.is_some());
        is_another || (found.count < self.next && is_certain)
    }

    /// Takes what was found of its stream. Returns whether there is more, and the end if it is reached.
    fn found(&mut self, found: &FoundChunks, listens: bool) -> (bool, Option<Option<Error>>) {
        let was_announced = self.standing == Standing::UnderWay(true);
        self.standing = Standing::Complete;
        if let Some(waiter) = self.waiter.take() {
            waiter.answer(Ok(()));
        }
        let (known, now) = (self.run_created_at, found.run_created_at);
        if known.is_some() && known != now {
            // It was deleted. A run that was started anew with its id has streams of its own.
            return (false, Some(Some(Error::no_such_run(&self.run))));
        }
        self.run_created_at = now;
        if self.is_deleted(found, listens) {
            return (false, Some(Some(Error::stream_deleted(&self.stream))));
        }
        self.created_at = self.created_at.or(found.created_at);
        let brought = found.chunks.len();
        let there = usize::try_from(found.count - self.next).unwrap_or(0);
        let at_once = match brought < self.at_once.min(there) {
            // They are so long that the bytes were the bound.
            true => 2 * brought.max(1),
            false => 2 * self.at_once,
        };
        self.at_once = at_once.min(MOST_CHUNKS);
        let first = self.next.unsigned_abs();
        let numbered = (first..).zip(&found.chunks);
        let numbered = numbered.map(|(number, json)| Chunk::new(number, json.clone()));
        if !self.ahead.put(numbered) {
            return (false, Some(Some(Error::no_memory())));
        }
        self.next += brought as i64;
        let has_all = self.next >= found.count;
        let end = match (has_all, found.is_closed, found.run_has_finished) {
            (true, true, _) => Some(found.error.as_deref().map(Error::stream_broken)),
            (true, false, true) => Some(None),
            _ => None,
        };
        (!has_all || was_announced, end)
    }
}

impl Hub {
    pub(super) fn read(&mut self, reader: NewReader, now: Instant) {
        let NewReader { id, run, .. } = &reader;
        let deadline = now + self.call_timeout;
        let waiter = reader.waiter.clone();
        self.waiting
            .add(waiter, "reading a stream", Some(deadline), 0);
        let streams = &mut self.streams;
        streams.of_run.entry(run.clone()).or_default().push(*id);
        streams.turns.push_back(*id);
        streams.readers.insert(
            *id,
            Reader {
                run: reader.run,
                stream: reader.stream,
                ahead: reader.ahead,
                next: reader.from,
                run_created_at: None,
                created_at: None,
                at_once: FIRST_CHUNKS,
                standing: Standing::Turn,
                waiter: Some(reader.waiter),
            },
        );
        self.connection.hurry(now);
    }

    pub(super) fn list_streams(
        &mut self,
        run: Arc<str>,
        waiter: Arc<Waiter<Vec<StreamInfo>>>,
        now: Instant,
    ) {
        let deadline = now + self.call_timeout;
        self.waiting
            .add(waiter.clone(), "listing streams", Some(deadline), 0);
        self.streams.asking.push_back((run, waiter));
        self.connection.hurry(now);
    }

    /// Returns the next statement for streams.
    pub(super) fn next_of_streams(&mut self) -> Option<Action> {
        self.streams.asking.retain(|(_, waiter)| !waiter.is_gone());
        if let Some((run, waiter)) = self.streams.asking.pop_front() {
            self.under_way = Some(UnderWay::ListingStreams(run.clone(), waiter));
            return Some(Action::ListStreams(run));
        }
        let (readers, wanted) = self.streams.next_read();
        if readers.is_empty() {
            return None;
        }
        self.under_way = Some(UnderWay::Reading(readers));
        Some(Action::ReadStreams(wanted))
    }

    pub(super) fn streams_read(&mut self, answer: Result<Vec<FoundChunks>, Error>, now: Instant) {
        let Some(UnderWay::Reading(readers)) = self.under_way.take() else {
            return;
        };
        let error = match answer {
            Ok(found) => {
                let listens = self.connection.listens();
                for (readers, found) in readers.into_iter().zip(&found) {
                    let readers = readers.into_iter();
                    readers.for_each(|id| self.streams.found(id, found, listens));
                }
                None
            }
            Err(error) => {
                self.streams
                    .not_found(readers.into_iter().flatten(), &error);
                Some(error)
            }
        };
        self.answered(error, now);
    }

    pub(super) fn streams_listed(&mut self, answer: Result<Vec<StreamInfo>, Error>, now: Instant) {
        let Some(UnderWay::ListingStreams(run, waiter)) = self.under_way.take() else {
            return;
        };
        let error = answer.as_ref().err().cloned();
        match answer {
            Err(error) if error.is_retryable() => self.streams.asking.push_back((run, waiter)),
            answer => waiter.answer(answer),
        }
        self.answered(error, now);
    }
}
