//! A handle to a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use tokio::time::timeout;

use crate::answer::Target;
use crate::buffer::Voice;
use crate::run_state::RunState;
use crate::{Client, Error, Metadata, scope};

/// A handle to a run, cheap to clone.
#[derive(Clone)]
pub struct Run {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    me: Arc<RunState>,
    parent: Arc<RunState>,
    root: Arc<RunState>,
    /// What this handle said and was told, in the order self, parent, root.
    ears: [Ear; 3],
}

#[derive(Default)]
struct Ear {
    /// True once something was said.
    spoke: AtomicBool,
    /// The number of the last refusal that a flush told of.
    told: AtomicU64,
}

impl Run {
    pub(crate) fn new(
        client: Client,
        me: Arc<RunState>,
        parent: Arc<RunState>,
        root: Arc<RunState>,
    ) -> Run {
        let ear = |state: &RunState| Ear {
            spoke: AtomicBool::new(false),
            told: AtomicU64::new(state.lock().refusals.count()),
        };
        let ears = [ear(&me), ear(&parent), ear(&root)];
        Run {
            inner: Arc::new(Inner {
                client,
                me,
                parent,
                root,
                ears,
            }),
        }
    }

    /// Returns the run's id.
    pub fn id(&self) -> &str {
        &self.inner.me.id
    }

    /// Returns the id of its parent: its own, if it has none.
    pub fn parent_id(&self) -> &str {
        &self.inner.parent.id
    }

    /// Returns the id of the first run of its tree: its own, if it has no parent.
    pub fn root_id(&self) -> &str {
        &self.inner.root.id
    }

    /// Returns the run's metadata, to be read and changed.
    pub fn metadata(&self) -> Metadata {
        Metadata::of(self.clone(), Target::Own)
    }

    /// Runs a future in the scope of this run: the functions of [`metadata`](crate::metadata) mean this run wherever they
    /// are called from there, and in tasks made with [`spawn`](crate::spawn). Scopes nest; the innermost counts.
    ///
    /// Leaving the scope flushes, and waits for that at most the [scope timeout](crate::Builder::scope_timeout): a job does
    /// not fail because its metadata could not be sent. What was refused is told by the next call of
    /// [`flush`](Metadata::flush). If the future is dropped or panics, what was said is sent all the same.
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
        let inner = &self.inner;
        match timeout(
            inner.client.buffer().settings.scope_timeout,
            inner.client.settle(self.family()),
        )
        .await
        {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(run = self.id(), "left a scope without its flush: {error}")
            }
            Err(_) => tracing::warn!(run = self.id(), "left a scope before its flush was over"),
        }
        output
    }

    /// Sets the status of the run, for instance to `running` after it was `queued`. It does not wait for operations.
    ///
    /// # Errors
    ///
    /// - The run has finished: SQLSTATE 55000. The status means that it has: 22023.
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout), or refused.
    pub async fn set_status(&self, status: &str) -> Result<(), Error> {
        self.inner.client.set_status_now(self.id(), status).await
    }

    /// Sends what was said, then finishes the run with the status `completed`.
    ///
    /// # Errors
    ///
    /// As [`finish_as`](Run::finish_as).
    pub async fn finish(&self) -> Result<(), Error> {
        self.finish_as("completed").await
    }

    /// Sends what was said, then finishes the run with this status.
    ///
    /// # Errors
    ///
    /// - Operations were refused: the run is finished all the same, and [`Error::refusals`] lists them.
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout), or refused.
    pub async fn finish_as(&self, status: &str) -> Result<(), Error> {
        let (client, told) = (&self.inner.client, self.told());
        let limit = client.buffer().settings.call_timeout;
        timeout(limit, client.settle(self.family()))
            .await
            .map_err(|_| Error::timed_out("finish"))??;
        client.finish_now(self.id(), status).await?;
        self.tell(told)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    #[inline]
    pub(crate) fn state(&self, target: Target) -> &Arc<RunState> {
        match target {
            Target::Own => &self.inner.me,
            Target::Parent => &self.inner.parent,
            Target::Root => &self.inner.root,
        }
    }

    /// Tells who says something through this handle.
    #[inline]
    pub(crate) fn voice(&self, target: Target) -> Voice<'_> {
        let run = &self.inner.me.id;
        Voice { run, target }
    }

    /// Returns the shortest way to the same run: who has no parent is its own.
    pub(crate) fn normal(&self, target: Target) -> Target {
        let nearer = [Target::Own, Target::Parent];
        let same = |nearer: &Target| Arc::ptr_eq(self.state(*nearer), self.state(target));
        nearer.into_iter().find(same).unwrap_or(target)
    }

    /// Notes that something is said.
    #[inline]
    pub(crate) fn speak(&self, target: Target) {
        self.inner.ears[target as usize].spoke.store(true, Relaxed);
    }

    /// Waits until everything said on the run, its parent and its root is committed, and tells what was refused.
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        let told = self.told();
        self.inner.client.settle(self.family()).await?;
        self.tell(told)
    }

    /// Returns the runs that this handle speaks of: itself, its parent and its root. Other handles of this process speak of
    /// them, too, and a flush of one is a flush of all.
    fn family(&self) -> Vec<Arc<RunState>> {
        let mut family: Vec<Arc<RunState>> = Vec::new();
        for target in Target::ALL {
            let state = self.state(target);
            if !family.iter().any(|known| Arc::ptr_eq(known, state)) {
                family.push(state.clone());
            }
        }
        family
    }

    /// Returns the number of the last refusal that was told, of each target.
    fn told(&self) -> [u64; 3] {
        Target::ALL.map(|target| self.inner.ears[target as usize].told.load(Relaxed))
    }

    /// Tells what was refused since then: of the run, and of its parent and root if this handle spoke of them. Of two who
    /// flush at the same time, both are told.
    fn tell(&self, since: [u64; 3]) -> Result<(), Error> {
        let (mut refusals, mut more) = (Vec::new(), 0);
        for target in Target::ALL {
            let ear = &self.inner.ears[target as usize];
            let pending = self.state(target).lock();
            let count = pending.refusals.count();
            let told = since[target as usize];
            ear.told.fetch_max(count, Relaxed);
            let speaks =
                target == self.normal(target) && (target == Target::Own || ear.spoke.load(Relaxed));
            if speaks && count > told {
                let before = refusals.len() as u64;
                refusals.extend(pending.refusals.since(told).cloned());
                more += (count - told) - (refusals.len() as u64 - before);
            }
        }
        match refusals.is_empty() {
            true => Ok(()),
            false => Err(Error::refused(refusals, more)),
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
