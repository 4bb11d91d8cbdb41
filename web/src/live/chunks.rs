//! The chunks of a stream as server-sent events.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use futures_util::FutureExt as _;
use runmeta_client::{Chunk, Chunks, Client, Error};
use serde_json::json;

use super::frame;
use super::{Source, Step};
use crate::budget::Budget;
use crate::{Caller, Problem};

/// Bytes of events that are written at once if so many chunks are there. A guess: more than a socket takes.
const MOST_BYTES: usize = 64 * 1024;

/// What an event has beside its chunk, about.
const EVENT: usize = 32;

/// How chunks are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The plain API's: an event for each chunk, and then an event `end` with the error of the stream, if there is one.
    Plain,
    /// Trigger.dev's first: as above without the end, since readers take any event for a chunk. An error of the stream
    /// cannot be sent.
    V1,
    /// Trigger.dev's second: an event `batch` for several chunks.
    V2,
}

/// The chunks of one stream for one reader.
#[derive(Debug)]
pub struct ChunkFrames {
    chunks: Chunks,
    style: Style,
    /// Of which its frames are made, and of which the chunks are that the client reads ahead.
    budget: Budget,
    /// What was taken and not sent yet.
    next: Option<Option<Result<Chunk, Error>>>,
}

impl ChunkFrames {
    /// Reads a stream of a run for this caller, from the chunk of this number, and writes it in this style.
    ///
    /// # Errors
    ///
    /// - 503 if there is no memory for events.
    /// - As [`Client::read_stream`].
    pub async fn read(
        caller: &Caller,
        client: &Client,
        (run, stream): (&str, &str),
        from: u64,
        style: Style,
    ) -> Result<ChunkFrames, Problem> {
        let budget = caller.memory().events.clone();
        let full = |_| Problem::busy("the event streams that are open take all memory for events");
        budget.check().map_err(full)?;
        let share = budget.take(0).map_err(full)?;
        let chunks = client.read_stream_within(run, stream, from, Box::new(share));
        Ok(ChunkFrames {
            chunks: chunks.await?,
            style,
            budget,
            next: None,
        })
    }

    /// Returns true if it is known by now that nothing follows.
    pub fn has_ended(&mut self) -> bool {
        if self.next.is_none() {
            self.next = self.chunks.next().now_or_never();
        }
        matches!(self.next, Some(None))
    }

    /// Takes all chunks that are there, up to a size, behind the first.
    fn take_more(&mut self, first: Chunk) -> Vec<Chunk> {
        let mut bytes = first.json().len();
        let mut taken = vec![first];
        while bytes < MOST_BYTES {
            match self.chunks.next().now_or_never() {
                Some(Some(Ok(chunk))) => {
                    bytes += chunk.json().len();
                    taken.push(chunk);
                }
                next => {
                    self.next = next;
                    break;
                }
            }
        }
        taken
    }

    fn end(&self, error: Option<&Error>) -> Step {
        // A client that was shut down has an error without either: the gateway ends, and readers are to come back. So has one that
        // has no memory for what comes next.
        if let Some(error) = error
            && error.stream_error().is_none()
            && error.code().is_none()
        {
            return match error.is_retryable() {
                true => Step::Full,
                false => Step::Break,
            };
        }
        match self.style {
            Style::Plain => {
                let text = error.map(|error| match error.stream_error() {
                    Some(text) => text.to_owned(),
                    None => error.to_string(),
                });
                let data = json!({"error": text}).to_string();
                Step::Last(frame::event(Some("end"), None, &data))
            }
            Style::V1 | Style::V2 => Step::End,
        }
    }
}

impl Source for ChunkFrames {
    async fn next(&mut self) -> Step {
        let next = match self.next.take() {
            Some(next) => next,
            None => self.chunks.next().await,
        };
        match next {
            Some(Ok(first)) => {
                let chunks = self.take_more(first);
                let frame = || match self.style {
                    Style::Plain | Style::V1 => one_by_one(&chunks),
                    Style::V2 => batch(&chunks),
                };
                let bytes = chunks.iter().map(|chunk| chunk.json().len() + EVENT).sum();
                let frame = self.budget.text(bytes, frame);
                frame.map_or(Step::Full, Step::Frame)
            }
            Some(Err(error)) => self.end(Some(&error)),
            None => self.end(None),
        }
    }
}

fn one_by_one(chunks: &[Chunk]) -> Bytes {
    let events = chunks.iter().map(|chunk| {
        let id = i64::try_from(chunk.number()).ok();
        frame::event(None, id, chunk.json())
    });
    events.collect::<Vec<_>>().concat().into()
}

/// Writes an event of Trigger.dev's second version. The id in a record is the same whenever the chunk is sent: readers drop what
/// they have seen.
fn batch(chunks: &[Chunk]) -> Bytes {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let timestamp = now.unwrap_or_default().as_millis() as u64;
    let records = chunks.iter().map(|chunk| {
        let number = chunk.number();
        let body = format!(r#"{{"data":{},"id":"{number}"}}"#, chunk.json());
        json!({"body": body, "seq_num": number, "timestamp": timestamp})
    });
    let data = json!({"records": records.collect::<Vec<_>>()}).to_string();
    let last = chunks
        .last()
        .and_then(|chunk| i64::try_from(chunk.number()).ok());
    frame::event(Some("batch"), last, &data)
}
