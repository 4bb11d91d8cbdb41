//! A server in memory, for tests of code that uses this crate: no Postgres is needed.
//!
//! [`Database`] means what `runmeta.flush` means: documents, attempts, versions, limits, and a batch that takes effect once. A
//! paused clock works, since nothing but the client waits:
//!
//! ```
//! use runmeta_client::testing::Database;
//! use runmeta_client::{NewRun, metadata};
//! use serde_json::json;
//!
//! async fn import() {
//!     metadata::set("progress", 1).append("log", "done");
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), runmeta_client::Error> {
//! let database = Database::new();
//! let client = database.client();
//!
//! let run = client.start(NewRun::new("import-42")).await?;
//! run.scope(import()).await;
//! run.finish().await?;
//!
//! assert_eq!(database.document("import-42"), Some(json!({"progress": 1, "log": ["done"]})));
//! assert_eq!(database.status("import-42").as_deref(), Some("completed"));
//! # Ok(())
//! # }
//! ```

mod batch;
#[cfg(test)]
pub(crate) mod faults;
mod run;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod watch;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runmeta_core::parse_list;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use crate::metadata::serialize::{Unfit, to_json};
use crate::metadata::typed::value;
use crate::settings::Settings;
use crate::stream::StreamInfo;
use crate::wire::streams::{FoundChunks, WantedChunks};
use crate::wire::watch::{Line, List, Listed, View};
use crate::wire::{Call, Diagnosis, Flush, Loaded, Row, Transport, Wanted};
use crate::{Builder, Client, Error};

pub(crate) use state::State;

/// A server in memory; clones share it. Each client that it makes is a process of its own to it.
#[derive(Clone, Debug, Default)]
pub struct Database {
    state: Arc<Mutex<State>>,
}

/// A run as a reader sees it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its id.
    pub id: String,
    /// The id of its parent, if it has one.
    pub parent: Option<String>,
    /// The id of the first run of its tree: its own, if it has no parent.
    pub root: String,
    /// The name of the job.
    pub task: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The status of its newest attempt.
    pub status: String,
    /// The number of its newest attempt, from 1.
    pub attempt: i32,
    /// True once that attempt has finished.
    pub is_finished: bool,
    /// Its document.
    pub metadata: Value,
    /// The number of changes, from 1.
    pub version: i64,
}

impl Database {
    /// Makes a database without runs, with the limits that a server has by default.
    pub fn new() -> Database {
        Database::default()
    }

    /// Returns a client with the default settings on the current runtime, whose clock may be paused.
    ///
    /// # Panics
    ///
    /// Outside a runtime of tokio; there, connect with [`builder`](Database::builder).
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::here(Settings::default(), Arc::new(self.clone()))
    }

    /// Returns a builder for a client of this database with other settings. Its client runs on a thread of its own, unless
    /// [`runtime`](Builder::runtime) is called.
    pub fn builder(&self) -> Builder {
        Builder::transport(Arc::new(self.clone()))
    }

    /// Returns the document of a run, or `None` if there is no such run. Numbers beyond a float are texts in it:
    /// [`document_text`](Database::document_text) is exact.
    pub fn document(&self, id: &str) -> Option<Value> {
        Some(value(self.state().document(id)?))
    }

    /// Returns the document of a run as compact JSON.
    pub fn document_text(&self, id: &str) -> Option<String> {
        Some(self.state().document(id)?.to_string())
    }

    /// Returns the status of a run, or `None` if there is no such run.
    pub fn status(&self, id: &str) -> Option<String> {
        Some(self.run(id)?.status)
    }

    /// Returns a run, or `None` if there is none of this id.
    pub fn run(&self, id: &str) -> Option<Snapshot> {
        self.state().snapshot(id)
    }

    /// Returns the chunks of a stream as compact JSON, or `None` if there is no such stream.
    pub fn chunks(&self, id: &str, stream: &str) -> Option<Vec<Arc<str>>> {
        Some(self.state().stream(id, stream)?.chunks.clone())
    }

    /// Returns the error with which a stream was closed, if it was closed with one; the outer `None` if it is open, or there is no
    /// such stream.
    pub fn stream_end(&self, id: &str, stream: &str) -> Option<Option<String>> {
        let state = self.state();
        let stream = state.stream(id, stream)?;
        stream.is_closed().then(|| stream.error.clone())
    }

    /// Changes the document of a run as another process would. `operations` are as `runmeta.apply` takes them, such as
    /// `json!([{"type": "set", "key": "cancel", "value": true}])`.
    ///
    /// # Errors
    ///
    /// - There is no such run: SQLSTATE P0002. It has finished and takes no more updates: 55000.
    /// - An operation could not be applied: 22023. The others were.
    /// - The document would be too large: 54000.
    pub fn write(&self, id: &str, operations: impl Serialize) -> Result<(), Error> {
        let operations = to_json(&operations).map_err(|unfit| match unfit {
            Unfit::TooDeep => Error::invalid("the operations nest too deep"),
            Unfit::NotSerializable(error) => Error::not_serializable("the operations", error),
        })?;
        let list = parse_list(&operations).map_err(|error| Error::invalid(error.to_string()))?;
        self.state().write(id, &list, Instant::now())
    }

    /// Finishes a run, if it has not finished, and lets it take no more updates, as when the window is over.
    pub fn close(&self, id: &str) {
        self.state().close(id, Instant::now());
    }

    /// Removes a run, as `runmeta.prune` does with old ones.
    pub fn remove(&self, id: &str) {
        self.state().remove(id);
    }

    /// Removes a stream, as `runmeta.prune_streams` does with old ones.
    pub fn remove_stream(&self, id: &str, stream: &str) {
        self.state().remove_stream(id, stream);
    }

    /// Sets how many bytes a document may have, as `runmeta.maximum_size` does: 262,144 by default.
    pub fn set_maximum_size(&self, bytes: usize) {
        self.state().maximum_size = bytes;
    }

    /// Sets how long a finished run takes updates, as `runmeta.update_window` does: an hour by default.
    pub fn set_update_window(&self, window: Duration) {
        self.state().update_window = window;
    }

    /// Cuts the connections of all clients and accepts none while this is false. Clients retry with backoff, as they do with
    /// a server that cannot be reached.
    pub fn set_reachable(&self, reachable: bool) {
        let mut state = self.state();
        state.is_unreachable = !reachable;
        if !reachable {
            state.listeners.cut();
        }
    }

    /// Takes a batch as `runmeta.flush` does, and returns its rows: run, part, target, outcome, whether there is a version, and
    /// unapplied operations. For the test that compares this server with the real one.
    #[doc(hidden)]
    pub fn flush(&self, batch: &str, writer: u128, sequence: i64) -> Result<Vec<String>, Error> {
        let rows = self.take(&Flush {
            text: batch.into(),
            writer: Uuid::from_u128(writer),
            sequence,
            lock_timeout: Duration::ZERO,
        })?;
        let line = |row: &Row| {
            let (part, target, outcome) = (row.part.name(), row.target.name(), row.outcome.name());
            let (version, unapplied) = (row.version.is_some(), &row.unapplied);
            let stream = row.stream.iter().map(|stream| format!(" {stream}"));
            let stream: String = stream.collect();
            format!(
                "{} {part} {target}{stream} {outcome} {version} {unapplied:?}",
                row.run
            )
        };
        Ok(rows.iter().map(line).collect())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.state();
        match state.is_unreachable {
            true => Err(Error::lost()),
            false => Ok(state),
        }
    }

    /// Takes a batch, without a wait: the answer of [`Transport::flush`].
    pub(crate) fn take(&self, batch: &Flush) -> Result<Vec<Row>, Error> {
        let entries = batch::read(&batch.text)?;
        let (writer, sequence) = (batch.writer, batch.sequence);
        self.reached()?
            .take(&entries, writer, sequence, Instant::now())
    }

    /// Returns the answer of [`Transport::diagnose`].
    pub(crate) fn diagnosis(&self, writer: Uuid) -> Result<Diagnosis, Error> {
        Ok(Diagnosis {
            last_sequence: self.reached()?.last_sequence(writer),
            ..Diagnosis::default()
        })
    }

    /// Returns the answer of [`Transport::load`].
    pub(crate) fn read(&self, wanted: &[Wanted]) -> Result<Vec<Loaded>, Error> {
        let state = self.reached()?;
        Ok(wanted.iter().filter_map(|run| state.load(run)).collect())
    }
}

impl Transport for Database {
    fn flush(&self, batch: Flush) -> Call<Vec<Row>> {
        let database = self.clone();
        after_a_moment(move || database.take(&batch))
    }

    fn diagnose(&self, writer: Uuid, _: Vec<Arc<str>>) -> Call<Diagnosis> {
        let database = self.clone();
        after_a_moment(move || database.diagnosis(writer))
    }

    fn load(&self, wanted: Vec<Wanted>) -> Call<Vec<Loaded>> {
        let database = self.clone();
        after_a_moment(move || database.read(&wanted))
    }

    fn listen(&self) -> Call<Line> {
        let database = self.clone();
        after_a_moment(move || Ok(database.reached()?.listen()))
    }

    fn unlisten(&self) {}

    fn list(&self, list: List) -> Call<Vec<Listed>> {
        let database = self.clone();
        after_a_moment(move || Ok(database.reached()?.list(&list)))
    }

    fn view(&self, view: View) -> Call<Vec<crate::Snapshot>> {
        let database = self.clone();
        after_a_moment(move || Ok(database.reached()?.view(&view)))
    }

    fn read_streams(&self, wanted: Vec<WantedChunks>) -> Call<Vec<FoundChunks>> {
        let database = self.clone();
        after_a_moment(move || Ok(database.reached()?.read_streams(&wanted)))
    }

    fn list_streams(&self, run: Arc<str>) -> Call<Vec<StreamInfo>> {
        let database = self.clone();
        after_a_moment(move || Ok(database.reached()?.list_streams(&run)))
    }
}

/// Yields before and after the work, so that callers can record something while a statement is under way.
fn after_a_moment<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Call<T> {
    Box::pin(async move {
        tokio::task::yield_now().await;
        let result = work();
        tokio::task::yield_now().await;
        result
    })
}
