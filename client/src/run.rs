//! A handle to a run.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use runmeta_core::status;
use runmeta_core::wire::{Part, Target};

use crate::buffer::Recorder;
use crate::buffer::state::{CommandKind, Completed, RunState};
use crate::client::answered;
use crate::new_run::check_text;
use crate::{Client, Error, Metadata, Unapplied, scope};

/// A handle to a run, cheap to clone.
#[derive(Clone)]
pub struct Run {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    /// Self, parent and root.
    family: [Arc<RunState>; 3],
    /// What this handle knows of each.
    reports: [Report; 3],
    /// The attempt that this handle works for.
    attempt: Option<i32>,
    write_only: bool,
}

/// What a handle recorded on a run, and what had no effect.
#[derive(Default)]
struct Report {
    /// True once something was recorded.
    recorded: AtomicBool,
    /// How many of the run's unapplied operations were reported.
    reported: AtomicU64,
}

impl Run {
    /// Returns a handle to the first of `family`: self, parent and root.
    pub(crate) fn new(
        client: Client,
        family: [Arc<RunState>; 3],
        attempt: Option<i32>,
        write_only: bool,
    ) -> Run {
        let reports = family.each_ref().map(|state| Report {
            recorded: AtomicBool::new(false),
            reported: AtomicU64::new(state.lock().unapplied.count()),
        });
        Run {
            inner: Arc::new(Inner {
                client,
                family,
                reports,
                attempt,
                write_only,
            }),
        }
    }

    /// Returns the run's id.
    pub fn id(&self) -> &str {
        &self.state(Target::Own).id
    }

    /// Returns the id of its parent: its own, if it has none.
    pub fn parent_id(&self) -> &str {
        &self.state(Target::Parent).id
    }

    /// Returns the id of the first run of its tree: its own, if it has no parent.
    pub fn root_id(&self) -> &str {
        &self.state(Target::Root).id
    }

    /// Returns the run's metadata, to be read and changed.
    pub fn metadata(&self) -> Metadata {
        Metadata::of(self.clone(), Target::Own)
    }

    /// Runs a future in the scope of this run: inside, the functions of [`metadata`](crate::metadata) act on this run, also in
    /// tasks made with [`spawn`](crate::spawn) and [`spawn_blocking`](crate::spawn_blocking). Scopes nest; the innermost
    /// counts.
    ///
    /// Leaving the scope flushes, and waits for that no longer than the [scope timeout](crate::Builder::scope_timeout): a job
    /// does not fail because its metadata could not be sent. The next [`flush`](Metadata::flush) reports what had no effect. If
    /// the future panics, the flush comes first and the panic goes on. If it is dropped, what was recorded is sent in the
    /// background.
    ///
    /// ```no_run
    /// # async fn example(client: runmeta_client::Client) -> Result<(), runmeta_client::Error> {
    /// use runmeta_client::{NewRun, metadata};
    ///
    /// async fn load_users() {
    ///     metadata::append("log", "users loaded").increment("progress", 0.5);
    /// }
    ///
    /// let run = client.start(NewRun::new("import-42")).await?;
    /// run.scope(load_users()).await;
    /// run.finish().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        let output = scope::within(self.clone(), future).await;
        self.leave().await;
        output.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Runs a future in the [scope](Run::scope) of this run, and finishes the run by its result: `completed` for `Ok`, `failed`
    /// for `Err` and for a panic. An early `?` loses nothing that was recorded before.
    ///
    /// The result is returned as it is, even if the finish could not be sent within the
    /// [call timeout](crate::Builder::call_timeout); that is logged, and sending goes on in the background. A finish that is
    /// refused, because a newer attempt has begun, is not reported; [`finish`](Run::finish) reports it. If the future finished
    /// the run itself, with whatever status, that stays. If this future is dropped, the run is not finished: another worker may
    /// take it over.
    ///
    /// The error is not recorded. To show it, record it:
    ///
    /// ```no_run
    /// # async fn example(client: runmeta_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use runmeta_client::{NewRun, metadata};
    ///
    /// async fn import() -> Result<u64, std::io::Error> {
    ///     let text = std::fs::read_to_string("users.csv")?;
    ///     metadata::set("bytes", text.len());
    ///     Ok(text.lines().count() as u64)
    /// }
    ///
    /// let run = client.start(NewRun::new("import-42")).await?;
    /// let rows = run
    ///     .run_until(async {
    ///         let result = import().await;
    ///         if let Err(error) = &result {
    ///             metadata::set("error", error.to_string());
    ///         }
    ///         result
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run_until<T, E, F>(&self, future: F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let output = scope::within(self.clone(), future).await;
        let status = match output {
            Ok(Ok(_)) => "completed",
            Ok(Err(_)) | Err(_) => "failed",
        };
        // Sent together with what was recorded on the run; the flush also waits for its parent and root.
        let finish = self.command(CommandKind::Finish {
            status: status.to_owned(),
            attempt: self.inner.attempt,
        });
        self.leave().await;
        match finish.await {
            Ok(_) => {}
            // The future finished the run itself.
            Err(error) if error.is_closed() && !error.is_stale() => {}
            Err(error) => {
                tracing::warn!(run = self.id(), status, error = %error, "the run could not be finished");
                self.note_finish_without_effect(&error);
            }
        }
        output.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Runs a closure in the scope of this run, for a thread of your own. Leaving this scope does not wait: what was recorded
    /// is sent in the background.
    ///
    /// ```no_run
    /// # fn example(run: runmeta_client::Run) {
    /// use runmeta_client::metadata;
    ///
    /// std::thread::spawn(move || {
    ///     run.scope_sync(|| metadata::set("phase", "parsing"));
    /// });
    /// # }
    /// ```
    pub fn scope_sync<R>(&self, work: impl FnOnce() -> R) -> R {
        scope::within_sync(self.clone(), work)
    }

    /// Sets the status of the run, for instance to `running` after it was `queued`.
    ///
    /// It takes effect even if this future is dropped, and after what was recorded before on the run itself.
    ///
    /// # Errors
    ///
    /// - The run has finished, or a newer attempt has begun: SQLSTATE 55000.
    /// - The status means that a run has finished: 22023.
    /// - The run does not exist: P0002.
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout), or rejected it. After a timeout
    ///   it is still sent.
    pub async fn set_status(&self, status: &str) -> Result<(), Error> {
        check_text("status", status)?;
        if status::is_final(status) {
            return Err(Error::invalid(format!(
                "the status \"{status}\" means that a run has finished; use finish_as"
            )));
        }
        let status = CommandKind::Status {
            status: status.to_owned(),
            attempt: self.inner.attempt,
        };
        self.command(status).await.map(drop)
    }

    /// Finishes the run with the status `completed`, after what was recorded before on the run itself.
    ///
    /// # Errors
    ///
    /// As [`finish_as`](Run::finish_as).
    pub async fn finish(&self) -> Result<(), Error> {
        self.finish_as("completed").await
    }

    /// Finishes the run with this status, after what was recorded before on the run itself. It does not wait for what was
    /// recorded on its parent and root: [`flush`](Metadata::flush) does.
    ///
    /// It takes effect even if this future is dropped.
    ///
    /// # Errors
    ///
    /// - Operations on the run had no effect: it is finished all the same, and [`Error::unapplied`] lists them.
    /// - The run has finished with another status, or a newer attempt has begun: SQLSTATE 55000.
    /// - The status means that a run has not finished: 22023.
    /// - The run does not exist: P0002.
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout), or rejected it. After a timeout
    ///   it is still sent.
    pub async fn finish_as(&self, status: &str) -> Result<(), Error> {
        check_text("status", status)?;
        if status::is_unfinished(status) {
            return Err(Error::invalid(format!(
                "the status \"{status}\" means that a run has not finished; use set_status"
            )));
        }
        let seen = self.reported();
        let finish = CommandKind::Finish {
            status: status.to_owned(),
            attempt: self.inner.attempt,
        };
        self.command(finish).await?;
        self.report(seen, &[Target::Own])
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Returns the attempt that this handle works for, if it is known.
    pub(crate) fn attempt(&self) -> Option<i32> {
        self.inner.attempt
    }

    pub(crate) fn is_write_only(&self) -> bool {
        self.inner.write_only
    }

    #[inline]
    pub(crate) fn state(&self, target: Target) -> &Arc<RunState> {
        &self.inner.family[target as usize]
    }

    /// Returns the states of self, parent and root.
    pub(crate) fn family(&self) -> [&Arc<RunState>; 3] {
        self.inner.family.each_ref()
    }

    /// Returns what names this handle to the buffer, and notes that it records on that run.
    #[inline]
    pub(crate) fn recorder(&self, target: Target) -> Recorder<'_> {
        self.inner.reports[target as usize]
            .recorded
            .store(true, Relaxed);
        let run = &self.state(Target::Own).id;
        Recorder { run, target }
    }

    /// Returns the nearest target that is the same run: a run without a parent is its own.
    pub(crate) fn nearest(&self, target: Target) -> Target {
        let same = |nearer: &Target| Arc::ptr_eq(self.state(*nearer), self.state(target));
        let nearer = [Target::Own, Target::Parent];
        nearer.into_iter().find(same).unwrap_or(target)
    }

    /// Waits until everything recorded on the run, its parent and its root is committed, and reports what had no effect.
    pub(crate) async fn flush(self) -> Result<(), Error> {
        let seen = self.reported();
        answered(self.client().buffer().flush(self.members(), None)).await?;
        self.report(seen, &Target::ALL)
    }

    /// Flushes at the end of a scope, as far as that comes about in time.
    async fn leave(&self) {
        let buffer = self.client().buffer();
        let within = buffer.settings.scope_timeout;
        if let Err(error) = answered(buffer.flush(self.members(), Some(within))).await {
            tracing::warn!(run = self.id(), error = %error, "left a scope before its flush was over");
        }
    }

    /// Counts a finish that had no effect among what is reported.
    fn note_finish_without_effect(&self, error: &Error) {
        let state = self.state(Target::Own);
        let unapplied = Unapplied::part(&state.id, Part::Finish, error.reason());
        let buffer = self.client().buffer();
        buffer.note_unapplied(&mut state.lock(), unapplied);
        buffer.log_unapplied();
    }

    /// Sends a command. It is under way before the future is polled.
    fn command(&self, kind: CommandKind) -> impl Future<Output = Result<Completed, Error>> + use<> {
        answered(self.client().buffer().call(self.state(Target::Own), kind))
    }

    /// Returns the run, its parent and its root, each once.
    fn members(&self) -> Vec<Arc<RunState>> {
        let members = Target::ALL.into_iter();
        members
            .filter(|target| self.nearest(*target) == *target)
            .map(|target| self.state(target).clone())
            .collect()
    }

    /// Returns how many unapplied operations were reported of each target.
    fn reported(&self) -> [u64; 3] {
        self.inner
            .reports
            .each_ref()
            .map(|report| report.reported.load(Relaxed))
    }

    /// Reports what had no effect since then: on the run, and on its parent and root if this handle recorded on those. Of two
    /// that flush at the same time, both report it.
    fn report(&self, since: [u64; 3], targets: &[Target]) -> Result<(), Error> {
        let (mut first, mut count) = (Vec::new(), 0);
        for target in targets.iter().copied() {
            let report = &self.inner.reports[target as usize];
            let is_meant = target == Target::Own || report.recorded.load(Relaxed);
            if !is_meant || target != self.nearest(target) {
                continue;
            }
            let seen = since[target as usize];
            let pending = self.state(target).lock();
            let all = pending.unapplied.count();
            report.reported.fetch_max(all, Relaxed);
            first.extend(pending.unapplied.since(seen).cloned());
            count += all - seen;
        }
        let more = count.saturating_sub(first.len() as u64);
        match first.is_empty() {
            true => Ok(()),
            false => Err(Error::unapplied_operations(first, more)),
        }
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
