//! The streams of a batch: `"streams":{"logs":["first","second"]}`, or with more than chunks
//! `"streams":{"logs":{"chunks":["last"],"closed":true,"error":"broken pipe","attempt":1}}`, likewise `parentStreams` and
//! `rootStreams`. A writer that works for an attempt is refused when a newer one has begun, so that it does not close its stream.
//!
//! A chunk that cannot be appended is skipped, and costs the others nothing.
//!
//! A batch with three chunks for each of 1,000 streams takes 20 ms, the `INSERT` of the same 3,000 chunks as rows of a bare table
//! 16, and a bare `UPDATE` that concatenates them to 1,000 arrays 6.8 (a busy machine).

use pgrx::datetime::clock_timestamp;
use pgrx::prelude::*;
use runmeta_core::wire::{self, MAXIMUM_TEXT_BYTES, Target, fits_text};

use super::batch::{Part, bad, unknown};
use super::change;
use super::family::{Addressed, SLICE};
use super::outcome::Outcome;
use crate::jsonb::{Jsonb, Node, View, check_for_interrupts, encode_array, from_index};
use crate::owner;
use crate::refusal::Refusal;
use crate::run::check_open;
use crate::stream::{self, Change, Chunks, Close, Holder, Skipped, Written};

/// What an entry is to do to a stream.
pub struct Stream<'a> {
    /// Whose stream it is.
    pub target: Target,
    /// Its name.
    pub name: &'a str,
    /// The chunks that it gets.
    pub chunks: Chunks<'a>,
    /// It is closed after that.
    pub close: Option<Close<'a>>,
    /// The attempt at the run that the writer works for.
    pub attempt: Option<i32>,
}

/// A stream of the batch, and the run that it belongs to.
pub struct Placed {
    /// The position of the part.
    pub place: usize,
    /// The run as it is at this place of the batch.
    pub run: Holder,
}

/// Reads streams of an entry.
///
/// # Errors
///
/// [`Refusal::BadBatch`] with the place of the first fault.
pub fn read<'a>(
    target: Target,
    streams: View<'a>,
    place: &impl Fn() -> String,
) -> Result<Vec<Stream<'a>>, Refusal> {
    let View::Object(streams) = streams else {
        return Err(bad(place(), "there is no object"));
    };
    let mut read = Vec::with_capacity(streams.count());
    for (name, stream) in streams.members() {
        check_for_interrupts();
        let name = std::str::from_utf8(name).unwrap_or_default();
        if !fits_text(name) {
            let problem = format!("a name has not 1 to {MAXIMUM_TEXT_BYTES} bytes");
            return Err(bad(place(), &problem));
        }
        let stream = read_stream(stream, &|| format!("{}.{name}", place()))?;
        read.push(Stream {
            target,
            name,
            ..stream
        });
    }
    Ok(read)
}

/// Reads all but the name and the target.
fn read_stream<'a>(stream: View<'a>, place: &impl Fn() -> String) -> Result<Stream<'a>, Refusal> {
    let mut read = Stream {
        target: Target::Own,
        name: "",
        chunks: Chunks::default(),
        close: None,
        attempt: None,
    };
    let View::Object(members) = stream else {
        read.chunks = read_chunks(stream, place, "there is no array or object")?;
        return Ok(read);
    };
    let (mut closed, mut error) = (false, None);
    for (name, value) in members.members() {
        let at = || format!("{}.{}", place(), String::from_utf8_lossy(name));
        match (name, value) {
            (b"chunks" | b"closed" | b"error" | b"attempt", View::Null) => {}
            (b"chunks", value) => read.chunks = read_chunks(value, &at, "there is no array")?,
            (b"attempt", value) => match change::attempt(value, &at)? {
                attempt if attempt > 0 => read.attempt = Some(attempt),
                _ => return Err(bad(at(), "there is no whole number from 1")),
            },
            (b"closed", View::Boolean(value)) => closed = value,
            (b"closed", _) => return Err(bad(at(), "there is no boolean")),
            (b"error", value) => {
                let text = value.as_str();
                error = Some(text.ok_or_else(|| bad(at(), "there is no text"))?);
            }
            _ => return Err(unknown(place(), &String::from_utf8_lossy(name))),
        }
    }
    read.close = (closed || error.is_some()).then_some(Close { error });
    Ok(read)
}

fn read_chunks<'a>(
    chunks: View<'a>,
    place: &impl Fn() -> String,
    problem: &str,
) -> Result<Chunks<'a>, Refusal> {
    Chunks::read(chunks).map_err(|error| match error {
        Refusal::NotChunks => bad(place(), problem),
        other => other,
    })
}

/// Leaves streams only with runs that the batch starts, sets or finishes, where their place in the batch matters. The others
/// need no lock of the run.
pub fn set_apart(parts: &[Part<'_>], runs: &mut Vec<Addressed>) {
    for run in runs.iter_mut() {
        let mut places = run.parts.iter();
        if !places.any(|place| parts[*place as usize].changes_state()) {
            run.parts
                .retain(|place| parts[*place as usize].stream().is_none());
        }
    }
    runs.retain(|run| !run.parts.is_empty());
}

/// Appends to the streams of a batch and closes them, and fills in what became of each part. The runs of those that are not
/// placed are looked up.
///
/// # Errors
///
/// What concerns the whole batch. Errors of Postgres are raised.
pub fn write(
    parts: &[Part<'_>],
    mut placed: Vec<Placed>,
    outcomes: &mut [Option<Outcome>],
) -> Result<(), Refusal> {
    if parts.iter().all(|part| part.stream().is_none()) {
        return Ok(());
    }
    owner::check_may_write();
    find(parts, &mut placed, outcomes)?;
    // In the order of the batch.
    placed.sort_by_key(|placed| placed.place);
    let (mut places, mut changes) = (Vec::new(), Vec::new());
    for Placed { place, run } in placed {
        check_for_interrupts();
        if let Some(stream) = parts[place].stream() {
            if let Some(attempt) = stream.attempt.filter(|attempt| *attempt < run.attempt) {
                let stale = Refusal::StaleAttempt {
                    run: run.id,
                    attempt,
                    current: run.attempt,
                };
                outcomes[place] = Some(Outcome::refused(stale, None)?);
                continue;
            }
            places.push((place, stream));
            changes.push(Change {
                run,
                name: stream.name,
                chunks: stream.chunks.clone(),
                close: stream.close,
            });
        }
    }
    let written = stream::write(&changes, clock_timestamp())?;
    for ((place, stream), written) in places.into_iter().zip(written) {
        check_for_interrupts();
        let word = match written {
            Written::Applied { .. } => wire::Outcome::Applied,
            Written::Unchanged { .. } => wire::Outcome::Unchanged,
            Written::Refused(refusal) => {
                outcomes[place] = Some(Outcome::refused(refusal, None)?);
                continue;
            }
        };
        outcomes[place] = Some(Outcome {
            unapplied: skipped_list(stream.chunks.skipped())?,
            ..Outcome::bare(word)
        });
    }
    Ok(())
}

/// Finds the runs of streams of which nothing is known yet. Those of runs that take no writes are closed.
fn find(
    parts: &[Part<'_>],
    placed: &mut Vec<Placed>,
    outcomes: &mut [Option<Outcome>],
) -> Result<(), Refusal> {
    let left: Vec<(usize, (&str, Target))> = (0..parts.len())
        .filter(|place| outcomes[*place].is_none())
        .filter_map(|place| Some((place, (parts[place].run, parts[place].stream()?.target))))
        .collect();
    for left in left.chunks(SLICE) {
        Spi::connect_mut(|client| {
            let from: Vec<(&str, Target)> = left.iter().map(|(_, from)| *from).collect();
            for (position, run) in stream::find_many(client, &from)? {
                check_for_interrupts();
                let place = left[position].0;
                match check_open(&run.id, run.finished_at) {
                    Ok(()) => placed.push(Placed { place, run }),
                    Err(refusal) => outcomes[place] = Some(Outcome::refused(refusal, None)?),
                }
            }
            Ok::<_, Refusal>(())
        })?;
    }
    Ok(())
}

/// Returns what is reported of chunks that were skipped: `[{"index":3,"reason":"too_large"}]`.
fn skipped_list(skipped: &[Skipped]) -> Result<Option<Jsonb<'static>>, Refusal> {
    if skipped.is_empty() {
        return Ok(None);
    }
    let elements = skipped.iter().map(|skipped| {
        Node::of_members([
            Some(("index", Node::Sum(from_index(skipped.index).into()))),
            Some(("reason", Node::text(skipped.code()))),
        ])
    });
    encode_array(elements)
        .map(Some)
        .map_err(|_| Refusal::TooManyBytes)
}
