//! Appending chunks of a request's body to a stream, each exactly once.
//!
//! The database remembers the last sequence of each writer, and a batch has the next one. An [`Appender`] that a request can
//! resume sends each chunk as a batch, so that the sequence is the number of chunks that its writer has appended: a request that
//! was cut goes on, at any gateway, where the one before ended. That is a commit for each chunk. What comes faster than they
//! take waits in the socket of its sender.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use runmeta_client::{Client, Sent};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::api::nesting::check_nesting;
use crate::api::operations::batch;
use crate::{Caller, Gateway, Problem};

/// The member of a batch's entry with the streams of a run, of its parent or of its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The run's own.
    Own,
    /// Those of its parent.
    Parent,
    /// Those of the first run of its tree.
    Root,
}

/// A stream, and a writer that appends to it.
#[derive(Debug)]
pub struct Appender {
    client: Client,
    run: String,
    target: Target,
    stream: String,
    writer: Uuid,
    /// The sequence of the last batch.
    sequence: i64,
}

/// The entry of a batch. Chunks are passed on as they were written, so that numbers stay exact.
#[derive(Serialize)]
struct Entry<'a> {
    run: &'a str,
    #[serde(flatten)]
    streams: BTreeMap<&'static str, BTreeMap<&'a str, Part<'a>>>,
}

/// What a batch does to a stream: the member is named as the variant.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Part<'a> {
    Chunks(&'a [Box<RawValue>]),
    Closed(bool),
}

impl Target {
    fn member(self) -> &'static str {
        match self {
            Target::Own => "streams",
            Target::Parent => "parentStreams",
            Target::Root => "rootStreams",
        }
    }
}

impl Appender {
    /// Appends to a stream as a writer that has sent nothing yet.
    pub fn new(client: Client, run: &str, target: Target, stream: &str, writer: Uuid) -> Appender {
        Appender {
            client,
            run: run.to_owned(),
            target,
            stream: stream.to_owned(),
            writer,
            sequence: 0,
        }
    }

    /// Goes on behind the batch of this sequence.
    pub fn resume(&mut self, sequence: i64) {
        self.sequence = sequence;
    }

    /// Returns the sequence of the last batch that the database has of this writer, 0 if it has none.
    ///
    /// # Errors
    ///
    /// 503 if it could not be reached for the call timeout.
    pub async fn last_sequence(&self) -> Result<i64, Problem> {
        Ok(self.client.last_sequence(self.writer).await?)
    }

    /// Appends chunks as the next batch. If the database has that batch already, nothing happens, and it returns false.
    ///
    /// # Errors
    ///
    /// - 404: the run does not exist, or has no such relative.
    /// - 409: it has finished, or the stream was closed; or a batch before this one is missing.
    /// - 413: a chunk is too large. The others of the batch were appended.
    /// - 503: the database could not be reached for the call timeout.
    pub async fn append(&mut self, chunks: &[Box<RawValue>]) -> Result<bool, Problem> {
        self.send(Part::Chunks(chunks)).await
    }

    /// Closes the stream, as the next batch.
    ///
    /// # Errors
    ///
    /// As [`append`](Appender::append).
    pub async fn close(&mut self) -> Result<(), Problem> {
        self.send(Part::Closed(true)).await.map(|_| ())
    }

    async fn send(&mut self, part: Part<'_>) -> Result<bool, Problem> {
        self.sequence += 1;
        let streams = BTreeMap::from([(&*self.stream, part)]);
        let batch = batch(&[Entry {
            run: &self.run,
            streams: BTreeMap::from([(self.target.member(), streams)]),
        }])?;
        let sent = self.client.send(&batch, self.writer, self.sequence).await?;
        if let Some(refusal) = sent.iter().find_map(Sent::refusal) {
            return Err(refusal.clone().into());
        }
        let skipped = sent.iter().flat_map(|part| &part.unapplied).next();
        match skipped {
            Some((position, reason)) if reason == "too_large" => {
                Err(too_large(&format!("the chunk at position {position}")))
            }
            Some((position, reason)) => Err(Problem::invalid(format!(
                "the chunk at position {position} was not appended: {reason}"
            ))),
            None => Ok(sent.iter().all(|part| part.outcome != "duplicate")),
        }
    }
}

/// Does something that lasts as long as the sender of a body likes, on one of its key's connections.
///
/// # Errors
///
/// - 429 if the key has too many connections.
/// - 401 if the caller's right ends meanwhile.
/// - 503 if the gateway stops: sent again, with the same key or number, the request goes on at another one.
pub async fn while_allowed<T>(
    gateway: &Gateway,
    caller: &Caller,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let _permit = caller.connection()?;
    tokio::select! {
        biased;
        () = caller.ended() => Err(Problem::unauthorized("the token has expired")),
        result = work => result,
        () = gateway.stopping().cancelled_owned() => {
            let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the gateway stops");
            problem.retry_after = Some(Duration::from_secs(1));
            Err(problem)
        }
    }
}

fn too_large(what: &str) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large")
        .detail(format!("{what} is larger than the database takes"))
        .sqlstate("54000")
}

/// Reads a chunk.
///
/// # Errors
///
/// 400 if it is no JSON, or nests too deep.
pub fn chunk(text: &str) -> Result<Box<RawValue>, Problem> {
    check_nesting(text.as_bytes())?;
    let invalid = |error| Problem::invalid(format!("a chunk is no JSON: {error}"));
    serde_json::from_str(text).map_err(invalid)
}
