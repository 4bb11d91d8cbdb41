//! The client: one for a process, cheap to clone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use runmeta_core::wire::Outcome;
#[cfg(any(test, feature = "testing"))]
use tokio::runtime::Handle;

use crate::buffer::state::{CommandKind, Family, RunState};
use crate::buffer::waiter::{Awaited, Waiter};
use crate::buffer::{Buffer, Request, lock};
use crate::new_run::check_text;
use crate::watch::driver::Watching;
use crate::{Builder, Error, Group, Metrics, NewRun, Run};
#[cfg(any(test, feature = "testing"))]
use crate::{engine::driver, settings::Settings, wire::Transport};

/// A connection to the runs of one database, with a buffer of what is recorded and not sent yet.
///
/// Make one for the process and clone it: clones share everything. Its work is done on a thread of its own, so that it does
/// not depend on the runtime that made it. Call [`shutdown`](Client::shutdown) at the end of the process: what is still in the
/// buffer then is lost otherwise.
#[derive(Clone)]
pub struct Client {
    owner: Arc<Owner>,
    /// What limits the calls of those who have this handle.
    group: Option<Group>,
}

/// Held by every handle. When the last one goes, the engine sends what is left and ends.
struct Owner {
    buffer: Arc<Buffer>,
    /// How many unapplied operations [`Client::flush`] reported.
    reported: AtomicU64,
}

impl Drop for Owner {
    fn drop(&mut self) {
        let bytes = self.buffer.budget.used();
        if bytes > 0 && !self.buffer.closed.load(Relaxed) {
            tracing::warn!(
                bytes,
                "the client was dropped without shutdown: what is recorded is sent in the background, and lost if the process \
                 ends before"
            );
        }
        self.buffer.ask(Request::Close);
    }
}

impl Client {
    /// Connects to the database of this URL, with the settings of [`Builder`].
    ///
    /// # Errors
    ///
    /// If the URL cannot be read, the server cannot be reached, or it rejects the user.
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

    /// Begins to send over a transport that needs no connection, on the current runtime.
    ///
    /// # Panics
    ///
    /// Outside a runtime of tokio.
    #[cfg(any(test, feature = "testing"))]
    #[track_caller]
    pub(crate) fn here(settings: Settings, transport: Arc<dyn Transport>) -> Client {
        let buffer = Arc::new(Buffer::new(settings));
        let connect = Box::pin(async { Ok(()) });
        driver::start_on(&Handle::current(), buffer.clone(), transport, connect);
        Client::of(buffer)
    }

    /// Returns a client of a buffer whose engine was started.
    pub(crate) fn of(buffer: Arc<Buffer>) -> Client {
        let reported = AtomicU64::new(0);
        Client {
            owner: Arc::new(Owner { buffer, reported }),
            group: None,
        }
    }

    /// Returns the same client for a group of its callers: what they ask and send takes a part of its connections, however much it
    /// is. Watches and what is recorded are shared as before.
    pub fn within(&self, group: &Group) -> Client {
        Client {
            owner: self.owner.clone(),
            group: Some(group.clone()),
        }
    }

    pub(crate) fn group(&self) -> Option<&Group> {
        self.group.as_ref()
    }

    pub(crate) fn buffer(&self) -> &Buffer {
        &self.owner.buffer
    }

    pub(crate) fn watching(&self) -> &Watching {
        &self.owner.buffer.watching
    }

    /// Starts a run. A run that exists and has not finished stays as it is, and this returns a handle to it. With
    /// [`attempt`](NewRun::attempt), a job that is tried again can make the same call each time.
    ///
    /// Starts of many tasks at the same time travel together. If this future is dropped before the start is sent, the start is
    /// withdrawn; otherwise it takes place.
    ///
    /// # Errors
    ///
    /// - The run has finished and no attempt is given, or a newer attempt than the one given has begun: SQLSTATE 55000.
    /// - The parent does not exist: P0002.
    /// - An id, the task, a tag or the status is empty, longer than 255 bytes or has the character U+0000, or the metadata is no
    ///   object: 22023.
    /// - The metadata is too large: 54000; or cannot be serialised.
    /// - The server could not be reached for the [call timeout](Builder::call_timeout). The run may be started all the same, if
    ///   the start was under way then.
    pub async fn start(&self, run: NewRun) -> Result<Run, Error> {
        let start = run.check()?;
        let buffer = self.buffer();
        let write_only = start.write_only || buffer.settings.write_only;
        let state = buffer.run(&start.id);
        let command = CommandKind::Start {
            text: start.text,
            metadata: (!write_only).then_some(start.metadata),
        };
        let completed = answered(buffer.call(&state, command)).await?;
        if (completed.outcome, completed.version) == (Outcome::Applied, Some(1)) {
            // It is new: all but its root is known, and that if the parent is known.
            self.began(&state, start.parent.as_deref(), start.attempt);
            return self.handle(state, start.attempt, write_only).await;
        }
        // What this process knows of the run, if anything, is of another attempt or another run.
        answered(buffer.read(&state, !write_only)).await?;
        self.handle(state, start.attempt, write_only).await
    }

    /// Returns a handle to a run that exists.
    ///
    /// # Errors
    ///
    /// - There is no such run: SQLSTATE P0002.
    /// - The id is empty, longer than 255 bytes or has the character U+0000: 22023.
    /// - The server could not be reached for the [call timeout](Builder::call_timeout).
    pub async fn run(&self, id: &str) -> Result<Run, Error> {
        check_text("run id", id)?;
        let buffer = self.buffer();
        let write_only = buffer.settings.write_only;
        let state = buffer.run(id);
        answered(buffer.read(&state, !write_only)).await?;
        self.handle(state, None, write_only).await
    }

    /// Finishes a run with this status, after what was recorded on it before.
    ///
    /// # Errors
    ///
    /// As [`run`](Client::run) and [`Run::finish_as`].
    pub async fn finish(&self, id: &str, status: &str) -> Result<(), Error> {
        self.run(id).await?.finish_as(status).await
    }

    /// Waits until everything recorded before, on any run, is committed.
    ///
    /// # Errors
    ///
    /// - Operations had no effect since the last call; [`Error::unapplied`] lists the last twenty.
    /// - The server accepts nothing, and waiting does not help.
    pub async fn flush(&self) -> Result<(), Error> {
        let seen = self.owner.reported.load(Relaxed);
        let buffer = self.buffer();
        answered(buffer.flush(buffer.runs(), None)).await?;
        self.report(seen)
    }

    /// Waits until there is room in the buffer, or the client has ended. The buffer is at most [`buffer_bytes`](Builder::buffer_bytes). A producer that
    /// records faster than the server accepts calls this now and then, instead of losing operations.
    ///
    /// ```no_run
    /// # async fn example(client: runmeta_client::Client, run: runmeta_client::Run) {
    /// for row in 0..1_000_000 {
    ///     if row % 1000 == 0 {
    ///         client.ready().await;
    ///     }
    ///     run.metadata().append("rows", row);
    /// }
    /// # }
    /// ```
    pub async fn ready(&self) {
        self.buffer().budget.room().await;
    }

    /// Returns what this client has done and what waits.
    pub fn metrics(&self) -> Metrics {
        let buffer = self.buffer();
        buffer.meter.read(buffer.budget.used())
    }

    /// Stops recording, sends what waits, and ends.
    ///
    /// # Errors
    ///
    /// Operations had no effect since the last [`flush`](Client::flush), as [`Error::unapplied`] lists: with the reason
    /// `not_sent`, those that could not be sent in this time. If they were being sent, they may have been applied.
    pub async fn shutdown(&self, within: Duration) -> Result<(), Error> {
        let seen = self.owner.reported.load(Relaxed);
        let buffer = self.buffer();
        buffer.closed.store(true, Relaxed);
        let (waiter, ended) = Waiter::new();
        let within = within.min(crate::builder::LONGEST);
        buffer.ask(Request::Shutdown { within, waiter });
        answered(ended).await?;
        self.report(seen)
    }

    /// Reports what had no effect since then. Of two that flush at the same time, both report it.
    fn report(&self, seen: u64) -> Result<(), Error> {
        let unapplied = lock(&self.buffer().unapplied);
        let count = unapplied.count();
        self.owner.reported.fetch_max(count, Relaxed);
        let first: Vec<_> = unapplied.since(seen).cloned().collect();
        let more = (count - seen).saturating_sub(first.len() as u64);
        match first.is_empty() {
            true => Ok(()),
            false => Err(Error::unapplied_operations(first, more)),
        }
    }

    /// Notes where a run stands that this process began.
    fn began(&self, state: &Arc<RunState>, parent: Option<&str>, attempt: Option<i32>) {
        let parent = parent.map(|parent| self.buffer().run(parent));
        let root = match &parent {
            None => Some(state.id.clone()),
            Some(parent) => {
                let pending = parent.lock();
                pending.family.as_ref().map(|family| family.root.clone())
            }
        };
        let parent = parent.map(|parent| parent.id.clone());
        let mut pending = state.lock();
        pending.attempt = Some(attempt.unwrap_or(1));
        pending.family = root.map(|root| Family { root, parent });
    }

    /// Returns a handle to a run, of which the document was read or never will be.
    async fn handle(
        &self,
        state: Arc<RunState>,
        attempt: Option<i32>,
        write_only: bool,
    ) -> Result<Run, Error> {
        let buffer = self.buffer();
        if state.lock().family.is_none() {
            answered(buffer.read(&state, false)).await?;
        }
        let (family, newest) = {
            let pending = state.lock();
            (pending.family.clone(), pending.attempt)
        };
        let family = family.ok_or_else(|| Error::no_such_run(&state.id))?;
        let parent = match &family.parent {
            Some(parent) => buffer.run(parent),
            None => state.clone(),
        };
        let root = buffer.run(&family.root);
        let unread = [&parent, &root].into_iter().filter(|relative| {
            let is_known = write_only || relative.lock().document.is_some();
            !is_known && !Arc::ptr_eq(relative, &state)
        });
        let reads: Vec<_> = unread.map(|relative| buffer.read(relative, true)).collect();
        for read in reads {
            match answered(read).await {
                // It was removed; the run is there all the same.
                Err(error) if error.code() == Some("P0002") => {}
                read => read?,
            }
        }
        let family = [state, parent, root];
        Ok(Run::new(
            self.clone(),
            family,
            attempt.or(newest),
            write_only,
        ))
    }
}

/// Clones of one client are equal.
impl PartialEq for Client {
    fn eq(&self, other: &Client) -> bool {
        Arc::ptr_eq(&self.owner, &other.owner)
    }
}

impl Eq for Client {}

impl std::hash::Hash for Client {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.owner).hash(state);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("metrics", &self.metrics())
            .finish_non_exhaustive()
    }
}

/// Waits for the engine, which may have ended.
pub(crate) async fn answered<T>(awaited: Awaited<T>) -> Result<T, Error> {
    awaited.await.unwrap_or_else(|_| Err(Error::shut_down()))
}
