//! Changing many streams: each row is locked once, all changes of it take effect in their order, and it is stored once.
//!
//! Rows that do not exist are made before any is locked, however many there are, both in the order of their shards and of their
//! keys in each, so that no two calls wait for each other in a circle.

use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use runmeta_core::Tree;

use super::chunks::Chunks;
use super::holder::{Holder, hold};
use super::rows::{Rows, TAIL};
use super::stored::{self, Key, Stored, Unstored};
use crate::announce;
use crate::jsonb::{Jsonb, Node, View, check_for_interrupts, encode};
use crate::layout::Shards;
use crate::outbox::StreamEntry;
use crate::owner::AsOwner;
use crate::refusal::Refusal;

/// Streams that one statement locks, as for runs. The rows that it returns have up to 2 kB each.
const SLICE: usize = 1000;
/// Looks at a stream that is deleted, with its run or alone, between the insertion of its row and the lock. A guess, as for runs.
const TRIES: usize = 3;
/// Bytes of the error with which a stream is closed that are kept. A guess: a message and the beginning of a stack trace.
const MAXIMUM_ERROR_BYTES: usize = 8192;

/// What is to be done to a stream.
pub struct Change<'a> {
    /// The run that it belongs to, which the caller may write and which takes writes.
    pub run: Holder,
    /// Its name.
    pub name: &'a str,
    /// The chunks that it gets.
    pub chunks: Chunks<'a>,
    /// It is closed after that.
    pub close: Option<Close<'a>>,
}

/// How a stream is closed.
#[derive(Clone, Copy)]
pub struct Close<'a> {
    /// The error because of which it ends early.
    pub error: Option<&'a str>,
}

/// What became of a change.
#[derive(Debug)]
pub enum Written {
    /// The stream changed, and its last chunk has this number.
    Applied { last: i64 },
    /// The stream stayed as it was.
    Unchanged { last: i64 },
    /// The stream is closed, or its run is gone.
    Refused(Refusal),
}

/// Changes streams, and returns what became of each change.
///
/// # Errors
///
/// [`Refusal::StreamNotStored`]; errors of Postgres are raised.
pub fn write(changes: &[Change<'_>], now: TimestampWithTimeZone) -> Result<Vec<Written>, Refusal> {
    let shards = Shards::now();
    let shard = |place: usize| shards.of(&changes[place].run.root);
    let key = |place: usize| -> Key<'_> {
        let change = &changes[place];
        (&change.run.root, &change.run.id, change.name)
    };
    let mut places: Vec<usize> = (0..changes.len()).collect();
    // Changes of one stream stay in their order.
    places.sort_by_key(|place| (shard(*place), key(*place)));
    let of_one = |left: &usize, right: &usize| key(*left) == key(*right);
    let groups: Vec<&[usize]> = places.chunk_by(of_one).collect();
    let mut written: Vec<Option<Written>> = changes.iter().map(|_| None).collect();
    let mut slices: Vec<Vec<Stream<'_>>> = Vec::new();
    let of_one_shard = |left: &&[usize], right: &&[usize]| shard(left[0]) == shard(right[0]);
    for groups in groups
        .chunk_by(of_one_shard)
        .flat_map(|groups| groups.chunks(SLICE))
    {
        let streams = groups.iter();
        let streams = streams.map(|places| Stream::new(changes, places, key(places[0])));
        slices.push(streams.collect());
    }
    // One stream waits for nobody while it holds another, so it is looked for by its lock.
    if groups.len() > 1 {
        for streams in &mut slices {
            Spi::connect_mut(|client| make_missing(client, streams, now))?;
        }
    }
    for mut streams in slices {
        // A connection a slice: its rows are freed with it.
        Spi::connect_mut(|client| {
            lock(client, &mut streams, now)?;
            change(client, changes, &streams, now, &mut written)
        })?;
    }
    let gone = |place: usize| Written::Refused(no_such_run(&changes[place].run.id));
    let written = written.into_iter().enumerate();
    Ok(written
        .map(|(place, written)| written.unwrap_or_else(|| gone(place)))
        .collect())
}

fn no_such_run(id: &str) -> Refusal {
    Refusal::NoSuchRun { run: id.to_owned() }
}

/// A stream that is to be changed.
struct Stream<'a> {
    key: Key<'a>,
    /// The positions of its changes.
    places: &'a [usize],
    run_created_at: TimestampWithTimeZone,
    /// The run is locked against deletion.
    held: bool,
    gone: bool,
    /// This call made the row.
    made: bool,
    stored: Option<Stored>,
}

impl<'a> Stream<'a> {
    fn new(changes: &'a [Change<'_>], places: &'a [usize], key: Key<'a>) -> Self {
        // All of one statement's snapshot, or of a run that is locked: they agree.
        let run_created_at = changes[places[0]].run.created_at;
        Stream {
            key,
            places,
            run_created_at,
            held: false,
            gone: false,
            made: false,
            stored: None,
        }
    }

    /// Returns true if its row is locked and belongs to its run, or to an earlier one that is known to be gone.
    fn is_settled(&self) -> bool {
        let fits = |stored: &Stored| self.held || stored.run_created_at == self.run_created_at;
        self.gone || self.stored.as_ref().is_some_and(fits)
    }
}

/// Makes rows for those of the streams, which come in the order of their keys, that have none.
fn make_missing(
    client: &mut SpiClient<'_>,
    streams: &mut [Stream<'_>],
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    let keys: Vec<Key<'_>> = streams.iter().map(|stream| stream.key).collect();
    let existing = {
        let _owner = AsOwner::of_streams()?;
        stored::existing(client, &keys)?
    };
    let missing = streams.iter_mut().enumerate();
    let missing = missing.filter(|(position, _)| !existing.contains(position));
    make(client, missing.map(|(_, stream)| stream).collect(), now)
}

/// Locks the rows of streams, which come in the order of their keys, and makes those that are not there.
fn lock(
    client: &mut SpiClient<'_>,
    streams: &mut [Stream<'_>],
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    for _ in 0..TRIES {
        lock_left(client, streams)?;
        let left: Vec<&mut Stream<'_>> = streams
            .iter_mut()
            .filter(|stream| !stream.is_settled())
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        make(client, left, now)?;
    }
    lock_left(client, streams)?;
    match streams.iter().all(Stream::is_settled) {
        true => Ok(()),
        false => Err(Refusal::StreamNotStored),
    }
}

fn lock_left(client: &mut SpiClient<'_>, streams: &mut [Stream<'_>]) -> Result<(), Refusal> {
    let mut left: Vec<&mut Stream<'_>> = streams
        .iter_mut()
        .filter(|stream| !stream.gone && stream.stored.is_none())
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    let keys: Vec<Key<'_>> = left.iter().map(|stream| stream.key).collect();
    let _owner = AsOwner::of_streams()?;
    stored::lock(client, &keys, |position, stored| {
        if let Some(stream) = left.get_mut(position) {
            stream.stored = Some(stored);
        }
    })
}

/// Locks the runs of streams against deletion, and makes the rows that are not locked already.
fn make(
    client: &mut SpiClient<'_>,
    mut streams: Vec<&mut Stream<'_>>,
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    if streams.is_empty() {
        return Ok(());
    }
    let runs = streams.iter().map(|stream| (stream.key.0, stream.key.1));
    let held = hold(client, runs.collect())?;
    for stream in &mut streams {
        match held.binary_search_by(|run| run.id.as_str().cmp(stream.key.1)) {
            Ok(at) => (stream.held, stream.run_created_at) = (true, held[at].created_at),
            Err(_) => stream.gone = true,
        }
    }
    streams.retain(|stream| !stream.gone && stream.stored.is_none());
    let keys: Vec<Key<'_>> = streams.iter().map(|stream| stream.key).collect();
    let created = streams.iter().map(|stream| stream.run_created_at).collect();
    let _owner = AsOwner::of_streams()?;
    for position in stored::make(client, &keys, created, now)? {
        streams[position].made = true;
    }
    Ok(())
}

/// Has the changes of streams that are locked take effect, stores what comes of it, and has it announced.
fn change<'a>(
    client: &mut SpiClient<'_>,
    changes: &'a [Change<'_>],
    streams: &[Stream<'a>],
    now: TimestampWithTimeZone,
    written: &mut [Option<Written>],
) -> Result<(), Refusal> {
    let _owner = AsOwner::of_streams()?;
    let (mut rows, mut unstored) = (Rows::default(), Unstored::default());
    let mut announced = Vec::new();
    for stream in streams {
        check_for_interrupts();
        let Some(stored) = stream.stored.as_ref().filter(|_| !stream.gone) else {
            continue;
        };
        let is_earlier = stored.run_created_at != stream.run_created_at;
        let empty;
        let stored = match is_earlier {
            false => stored,
            true => {
                stored::forget_chunks(client, stream.key)?;
                empty = Stored::empty(stream.run_created_at);
                &empty
            }
        };
        let made = stream.made || is_earlier;
        let Some(draft) = Draft::of(stream, stored, changes, made, now, written) else {
            continue;
        };
        let (closed, error) = (draft.closed, draft.error);
        let mut tail = draft.store_chunks(stream.key, &stored.tail, &mut rows)?;
        if is_earlier {
            tail.get_or_insert_with(Jsonb::empty_array);
        }
        unstored.add(stream.key, &draft.stream, tail, error);
        announced.push((stream.key, draft.stream.chunks - 1, closed));
    }
    rows.insert()?;
    unstored.store(client, now)?;
    for ((root, id, name), last, closed) in announced {
        announce::streamed(&StreamEntry {
            root,
            id,
            name,
            last,
            closed,
        });
    }
    Ok(())
}

/// A stream through its changes.
struct Draft<'a> {
    /// As it is to be stored, but for its tail.
    stream: Stored,
    first: i64,
    appended: Vec<&'a Chunks<'a>>,
    closed: bool,
    error: Option<&'a str>,
}

impl<'a> Draft<'a> {
    /// Applies the changes of a stream, and fills in what became of each. `None` if nothing changes.
    fn of(
        stream: &Stream<'_>,
        stored: &Stored,
        changes: &'a [Change<'_>],
        made: bool,
        now: TimestampWithTimeZone,
        written: &mut [Option<Written>],
    ) -> Option<Draft<'a>> {
        let mut draft = Draft {
            stream: Stored {
                tail: Jsonb::empty_array(),
                ..*stored
            },
            first: stored.chunks,
            appended: Vec::new(),
            closed: false,
            error: None,
        };
        let (mut changed, mut made) = (made, made);
        for place in stream.places {
            let applied = draft.apply(&changes[*place], now);
            let last = draft.stream.chunks - 1;
            changed |= matches!(applied, Ok(true));
            let makes = std::mem::take(&mut made);
            written[*place] = Some(match applied {
                Ok(applied) if applied || makes => Written::Applied { last },
                Ok(_) => Written::Unchanged { last },
                Err(refusal) => Written::Refused(refusal),
            });
        }
        changed.then_some(draft)
    }

    fn apply(
        &mut self,
        change: &'a Change<'_>,
        now: TimestampWithTimeZone,
    ) -> Result<bool, Refusal> {
        let (run, chunks) = (&change.run, &change.chunks);
        let mut opened = false;
        if let (Some(closed_at), Some(attempt)) = (self.stream.closed_at, self.stream.attempt) {
            if run.attempt <= attempt {
                return match change.close.is_some() && chunks.given() == 0 {
                    true => Ok(false),
                    false => Err(Refusal::StreamClosed {
                        run: run.id.clone(),
                        stream: change.name.to_owned(),
                        closed_at,
                        attempt,
                    }),
                };
            }
            opened = true;
            (self.stream.closed_at, self.stream.attempt, self.error) = (None, None, None);
        }
        if chunks.count() > 0 {
            self.stream.chunks += i64::try_from(chunks.count()).unwrap_or(i64::MAX);
            self.appended.push(chunks);
        }
        if let Some(close) = change.close {
            self.stream.closed_at = Some(now);
            self.stream.attempt = Some(run.attempt);
            self.error = close.error.map(shortened);
            self.closed = true;
        }
        Ok(opened || chunks.count() > 0 || change.close.is_some())
    }

    /// Puts the chunks that were appended into the tail, or with the tail into rows. Returns the new tail, if there is one.
    fn store_chunks(
        &self,
        key: Key<'_>,
        tail: &Jsonb<'_>,
        rows: &mut Rows,
    ) -> Result<Option<Jsonb<'static>>, Refusal> {
        if self.appended.is_empty() {
            return Ok(None);
        }
        let bytes: usize = self.appended.iter().map(|chunks| chunks.bytes()).sum();
        let chunks = self.appended.iter().flat_map(|chunks| chunks.elements());
        if tail.memory() + bytes <= TAIL {
            // What is in the tail is copied as the bytes that it is.
            let mut grown = Node::View(tail.view());
            chunks.for_each(|chunk| grown.push(Node::View(chunk)));
            let grown = encode(&grown, tail.memory() + bytes);
            return grown.map(Some).map_err(|_| Refusal::TooManyBytes);
        }
        let View::Array(before) = tail.view() else {
            return Err(Refusal::StreamNotStored);
        };
        let count = i64::try_from(before.count()).unwrap_or(0);
        rows.add(key, self.first - count, before.elements().chain(chunks))?;
        Ok(Some(Jsonb::empty_array()))
    }
}

/// Returns the beginning of an error that is too long to be kept.
fn shortened(error: &str) -> &str {
    let end = error.len().min(MAXIMUM_ERROR_BYTES);
    let end = (0..=end).rev().find(|end| error.is_char_boundary(*end));
    &error[..end.unwrap_or(0)]
}
