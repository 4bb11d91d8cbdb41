//! The server, as the engine sees it: one call is one transaction.
//!
//! [`Postgres`](postgres::Postgres) is the real one; `testing` has another that keeps everything in memory. What an error means
//! is decided in [`sqlstate`], how a URL is understood in [`address`], how connections are made in [`connect`], and how one listens
//! in [`listen`].

pub(crate) mod address;
mod cancel;
pub(crate) mod connect;
pub(crate) mod elsewhere;
mod host;
mod listen;
mod parameters;
#[doc(hidden)]
pub mod pooler;
pub(crate) mod postgres;
mod query;
pub(crate) mod session;
pub(crate) mod sqlstate;
pub(crate) mod streams;
#[cfg(feature = "_tls")]
pub mod tls;
pub(crate) mod watch;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub(crate) use runmeta_core::wire::{Outcome, Part, Target};
use uuid::Uuid;

use crate::Error;
use crate::query::runs::{Filter, Page};
use crate::query::task::{Bucket, TaskStatus};
use crate::query::tree::Tree;
use crate::stream::StreamInfo;
use crate::watch::Snapshot;
use streams::{FoundChunks, WantedChunks};
use watch::{Line, List, Listed, View};

/// The answer of a call, which may be dropped at any point.
pub(crate) type Call<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A server. Each call makes one attempt.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Sends a batch, which waits for each lock at most `lock_timeout`.
    fn flush(&self, batch: Flush) -> Call<Vec<Row>>;

    /// Finds out why a batch was not taken.
    fn diagnose(&self, writer: Uuid, runs: Vec<Arc<str>>) -> Call<Diagnosis>;

    /// Reads runs, over a connection of its own. Those that do not exist are missing from the answer.
    fn load(&self, wanted: Vec<Wanted>) -> Call<Vec<Loaded>>;

    /// Connects for watches, and begins to listen if notifications come through.
    fn listen(&self) -> Call<Line>;

    /// Closes the connection for watches.
    fn unlisten(&self);

    /// Reads which runs there are, and their versions, over the connection for watches.
    fn list(&self, list: List) -> Call<Vec<Listed>>;

    /// Reads the state of runs, over the same connection.
    fn view(&self, view: View) -> Call<Vec<Snapshot>>;

    /// Reads chunks of streams, over the same connection. The answer has an element for each, in their order.
    fn read_streams(&self, wanted: Vec<WantedChunks>) -> Call<Vec<FoundChunks>>;

    /// Returns the streams of a run, over the same connection.
    fn list_streams(&self, run: Arc<str>) -> Call<Vec<StreamInfo>>;

    /// Sends a batch of a caller's own, over one of a few connections for such batches. Those that `met_a_lock` before use half of
    /// them at most.
    fn send(&self, batch: Flush, met_a_lock: bool) -> Call<Vec<Row>> {
        let _ = met_a_lock;
        self.flush(batch)
    }

    /// Reads the state of runs, over one of a few connections for calls, as all below.
    fn read(&self, view: View) -> Call<Vec<Snapshot>> {
        self.view(view)
    }

    /// Lists a page of runs.
    fn runs(&self, _: Filter) -> Call<Page> {
        not_in_memory()
    }

    /// Returns a run and those below it, and whether there are more.
    fn tree(&self, _: Tree) -> Call<(Vec<Snapshot>, bool)> {
        not_in_memory()
    }

    /// Adds up the numbers at a key in the runs below a run, as JSON.
    fn rollup(&self, _: String, _: String, _: Option<i32>, _: Option<String>) -> Call<String> {
        not_in_memory()
    }

    /// Sets the contract of a task, or removes it. False if it was as it is.
    fn contract(&self, _: String, _: Option<String>, _: &'static str) -> Call<bool> {
        not_in_memory()
    }

    /// Counts the runs of each task and status.
    fn tasks(&self) -> Call<Vec<TaskStatus>> {
        not_in_memory()
    }

    /// Counts the runs of a task in spans of so many seconds.
    fn task(&self, _: String, _: SystemTime, _: f64, _: i32) -> Call<Vec<Bucket>> {
        not_in_memory()
    }
}

/// The answer of a server that keeps everything in memory to a question about many runs.
fn not_in_memory<T: Send + 'static>() -> Call<T> {
    Box::pin(std::future::ready(Err(Error::settings(
        "the server in memory answers no lists, trees and sums, and keeps no contracts",
        None,
    ))))
}

/// A batch to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Flush {
    /// The entries, as JSON.
    pub(crate) text: Arc<str>,
    pub(crate) writer: Uuid,
    pub(crate) sequence: i64,
    pub(crate) lock_timeout: Duration,
}

/// One row of the answer to a batch: what became of one part of an entry.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) run: String,
    pub(crate) part: Part,
    pub(crate) target: Target,
    /// The name of the stream that the part is for.
    pub(crate) stream: Option<String>,
    pub(crate) outcome: Outcome,
    pub(crate) version: Option<i64>,
    /// Positions of operations that did not fit the document, or of chunks, and why. For a part with the outcome `invalid`,
    /// one element whose position means nothing.
    pub(crate) unapplied: Vec<(usize, String)>,
    /// The detail of that element, in words.
    pub(crate) detail: Option<String>,
}

impl Row {
    /// Returns true if the part was refused because the document would not fit the contract of the run's task.
    pub(crate) fn is_contract_violation(&self) -> bool {
        let mut reasons = self.unapplied.iter().map(|(_, reason)| reason.as_str());
        self.outcome == Outcome::Invalid && reasons.next() == Some(crate::error::CONTRACT)
    }
}

/// A run to be read.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) id: Arc<str>,
    /// False if only its family and attempt are wanted.
    pub(crate) document: bool,
}

/// A run as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) id: String,
    pub(crate) root: String,
    pub(crate) parent: Option<String>,
    pub(crate) attempt: i32,
    pub(crate) version: i64,
    /// The document as JSON text. Empty if it was not wanted.
    pub(crate) document: String,
}

/// What stands in the way of a batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diagnosis {
    /// The last sequence of the writer that the server knows, 0 if none.
    pub(crate) last_sequence: i64,
    /// Of the runs asked about, those whose rows another transaction has locked now.
    pub(crate) locked: Vec<String>,
    /// Another transaction has, or waits for, a lock on a whole table of the schema that keeps writers out. Then the other
    /// fields may be unknown, and have their defaults.
    pub(crate) table_is_locked: bool,
    /// How full the queue of notifications is, from 0 to 1.
    pub(crate) notification_queue: f64,
}
