//! The client: one for a process, cheap to clone.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Relaxed, Release},
};
use std::time::Duration;

use serde_json::Value;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::batcher::Batcher;
use crate::buffer::Buffer;
use crate::call::call;
use crate::document::Document;
use crate::refusal::Refusal;
use crate::run_state::RunState;
use crate::transport::Transport;
use crate::{Builder, Error, Metrics, NewRun, Run, id};

/// A connection to the runs of one database, with a buffer of what was said and not yet sent.
///
/// Make one for the process and clone it: clones share everything. Call [`shutdown`](Client::shutdown) at the end; what is
/// still in the buffer when the runtime ends is lost.
#[derive(Clone)]
pub struct Client {
    owner: Arc<Owner>,
}

/// Held by every handle. When the last one goes, the batcher sends what is left and ends.
struct Owner {
    buffer: Arc<Buffer>,
    transport: Arc<dyn Transport>,
    batcher: AbortHandle,
    /// The number of the last refusal that [`Client::flush`] told of.
    told: AtomicU64,
}

impl Drop for Owner {
    fn drop(&mut self) {
        let weight = self.buffer.meter.weight.load(Relaxed);
        if weight > 0 && !self.buffer.closed.load(Relaxed) {
            tracing::warn!(
                "the client was dropped without shutdown(): operations of {weight} bytes are sent in the background, and \
                 lost if the runtime ends before"
            );
        }
        self.buffer.closing.store(true, Release);
        self.buffer.wake.notify_one();
    }
}

impl Client {
    /// Connects to the database of this URL, with the settings of [`Builder`].
    ///
    /// # Errors
    ///
    /// If the URL cannot be read, the server cannot be reached, or it refuses the user.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), runmeta_client::Error> {
    /// let client = runmeta_client::Client::connect("postgres://localhost/app").await?;
    /// client.shutdown(std::time::Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Client, Error> {
        Builder::url(url).connect().await
    }

    /// Returns a builder for a client of the database of this URL.
    pub fn builder(url: &str) -> Builder {
        Builder::url(url)
    }

    /// Begins to send over this transport.
    pub(crate) fn over(buffer: Arc<Buffer>, transport: Arc<dyn Transport>) -> Client {
        let batcher = Batcher::new(buffer.clone(), transport.clone());
        let batcher = tokio::spawn(batcher.run()).abort_handle();
        Client {
            owner: Arc::new(Owner {
                buffer,
                transport,
                batcher,
                told: AtomicU64::new(0),
            }),
        }
    }

    pub(crate) fn buffer(&self) -> &Buffer {
        &self.owner.buffer
    }

    /// Starts a run. Starting one again that has not finished changes nothing and gives a handle to it. With
    /// [`attempt`](NewRun::attempt), a job that is tried again can make the same call each time.
    ///
    /// # Errors
    ///
    /// - The run has finished and no attempt is given, or a newer attempt than the one given has begun: SQLSTATE 55000.
    /// - The parent does not exist: P0002.
    /// - An id is empty, longer than 255 bytes or has the character U+0000, or the metadata is no object: 22023.
    /// - The metadata has a key that begins with `$serde_json::private::`, which this crate could not read again: 22023.
    /// - The metadata is too large: 54000; or cannot be serialised.
    /// - The server could not be reached for the [call timeout](Builder::call_timeout).
    pub async fn start(&self, run: NewRun) -> Result<Run, Error> {
        run.check()?;
        let metadata = match &run.metadata {
            None => "{}".to_owned(),
            Some(Ok(metadata)) => metadata.to_string(),
            Some(Err(_)) => {
                let error = run.metadata.and_then(Result::err);
                return Err(match error {
                    Some(error) => Error::not_serializable("the metadata", error),
                    None => Error::unexpected("the metadata cannot be serialised"),
                });
            }
        };
        self.check_open()?;
        let owner = &self.owner;
        let version = call(&owner.buffer, "start", || {
            owner.transport.start(&run, &metadata)
        })
        .await?;
        // Another attempt changes the document, which this process may have read before.
        let state = self.open(&run.id).await?;
        let read = state.lock().document.as_ref().map(Document::version);
        if read.is_some_and(|read| read < version) {
            self.read(&state).await?;
        }
        self.run(&run.id).await
    }

    /// Returns a handle to a run that exists.
    ///
    /// # Errors
    ///
    /// - There is no such run: SQLSTATE P0002.
    /// - The id is empty, longer than 255 bytes or has the character U+0000: 22023.
    /// - The server could not be reached for the [call timeout](Builder::call_timeout).
    pub async fn run(&self, id: &str) -> Result<Run, Error> {
        id::check("run id", id)?;
        let me = self.open(id).await?;
        let family = me
            .family()
            .cloned()
            .ok_or_else(|| Error::unexpected("the run was read without its family"))?;
        let parent = match &family.parent {
            Some(parent) => self.open(parent).await?,
            None => me.clone(),
        };
        let root = self.open(&family.root).await?;
        Ok(Run::new(self.clone(), me, parent, root))
    }

    /// Sends what was said on a run and its family, then finishes it with this status.
    ///
    /// # Errors
    ///
    /// As [`run`](Client::run) and [`Run::finish_as`].
    pub async fn finish(&self, id: &str, status: &str) -> Result<(), Error> {
        self.run(id).await?.finish_as(status).await
    }

    pub(crate) async fn finish_now(&self, id: &str, status: &str) -> Result<(), Error> {
        let owner = &self.owner;
        call(&owner.buffer, "finish", || {
            owner.transport.finish(id, status)
        })
        .await
        .map(drop)
    }

    pub(crate) async fn set_status_now(&self, id: &str, status: &str) -> Result<(), Error> {
        let owner = &self.owner;
        call(&owner.buffer, "set_status", || {
            owner.transport.set_status(id, status)
        })
        .await
        .map(drop)
    }

    /// Waits until everything that was said on any run is committed.
    ///
    /// # Errors
    ///
    /// - Operations were refused since the last call; [`Error::refusals`] lists the last twenty.
    /// - The server cannot take anything, and waiting would not mend it.
    pub async fn flush(&self) -> Result<(), Error> {
        // Of two that flush at the same time, both are told.
        let seen = self.owner.told.load(Relaxed);
        self.settle(self.buffer().runs()).await?;
        let (refusals, count) = self.buffer().refusals_since(seen);
        self.owner.told.fetch_max(count, Relaxed);
        if count == seen {
            return Ok(());
        }
        let more = (count - seen).saturating_sub(refusals.len() as u64);
        Err(Error::refused(refusals, more))
    }

    /// Returns what this client has done and what waits.
    pub fn metrics(&self) -> Metrics {
        self.buffer().meter.read()
    }

    /// Takes no more operations, sends what waits, and ends.
    ///
    /// # Errors
    ///
    /// What could not be sent in this time, as [`refusals`](Error::refusals) with the reason `not_sent`, the first twenty
    /// of each run. A batch that was under way then may have arrived all the same.
    pub async fn shutdown(&self, deadline: Duration) -> Result<(), Error> {
        let buffer = self.buffer();
        buffer.closed.store(true, Relaxed);
        let runs = buffer.runs();
        // A lasting trouble ends the wait at once; both ways, what is still there is told.
        let settled = timeout(deadline, self.settle(runs.clone())).await;
        self.owner.batcher.abort();
        let (mut unsent, mut count) = (Vec::new(), 0);
        for state in runs {
            let pending = state.lock();
            let sent = pending
                .in_flight
                .iter()
                .flat_map(|sent| sent.iter().flatten().cloned());
            let operations: Vec<_> = sent.chain(pending.queue.operations()).collect();
            count += operations.len() as u64;
            unsent.extend(
                operations
                    .iter()
                    .take(20)
                    .map(|operation| Refusal::of(&state.id, operation, "not_sent")),
            );
        }
        buffer.tick();
        if count == 0 {
            return Ok(());
        }
        match settled {
            Ok(Err(error)) => {
                tracing::error!("the client ends with {count} operations unsent: {error}")
            }
            _ => tracing::error!("the client ends with {count} operations unsent"),
        }
        let more = count - unsent.len() as u64;
        Err(Error::refused(unsent, more))
    }

    fn check_open(&self) -> Result<(), Error> {
        match self.buffer().closed.load(Relaxed) {
            true => Err(Error::shut_down()),
            false => Ok(()),
        }
    }

    /// Returns what is known of a run, read from the server if this process has not yet done so.
    async fn open(&self, id: &str) -> Result<Arc<RunState>, Error> {
        let state = self.buffer().run(id);
        if state.lock().document.is_none() {
            self.read(&state).await?;
        }
        Ok(state)
    }

    /// Reads a run's document.
    pub(crate) async fn read(&self, state: &Arc<RunState>) -> Result<(), Error> {
        self.check_open()?;
        let buffer = self.buffer();
        let mut ticks = buffer.ticks.subscribe();
        let request = buffer.ask(state, &mut state.lock());
        let read = async {
            loop {
                ticks.borrow_and_update();
                {
                    let pending = state.lock();
                    if pending.fetch.made >= request {
                        return pending.fetch.failure.clone().map_or(Ok(()), Err);
                    }
                }
                if let Some(error) = buffer.lasting_trouble() {
                    return Err(error);
                }
                self.check_alive()?;
                let _ = ticks.changed().await;
            }
        };
        match timeout(buffer.settings.call_timeout, read).await {
            Ok(result) => result,
            Err(_) => Err(Error::timed_out("reading a run")),
        }
    }

    /// Returns the document of a run with everything said applied.
    pub(crate) fn look(&self, state: &Arc<RunState>) -> Option<Arc<Value>> {
        let mut pending = state.lock();
        let seen = pending.view();
        self.buffer().ask_if_outdated(state, &mut pending);
        seen
    }

    /// Waits until everything said on these runs is committed or refused.
    pub(crate) async fn settle(&self, states: Vec<Arc<RunState>>) -> Result<(), Error> {
        let buffer = self.buffer();
        let mut ticks = buffer.ticks.subscribe();
        let mut open: Vec<(Arc<RunState>, u64)> = Vec::new();
        for state in states {
            let said = state.lock().said;
            open.push((state, said));
        }
        loop {
            ticks.borrow_and_update();
            open.retain(|(state, said)| state.lock().settled < *said);
            if open.is_empty() {
                return Ok(());
            }
            if let Some(error) = buffer.lasting_trouble() {
                return Err(error);
            }
            self.check_alive()?;
            buffer.urge();
            let _ = ticks.changed().await;
        }
    }

    fn check_alive(&self) -> Result<(), Error> {
        match self.buffer().ended.load(Relaxed) {
            true => Err(Error::shut_down()),
            false => Ok(()),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("metrics", &self.metrics())
            .finish_non_exhaustive()
    }
}
