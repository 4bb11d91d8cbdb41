//! Which run the code here works for.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;

use tokio::task::JoinHandle;

use crate::Run;

tokio::task_local! {
    static CURRENT: Run;
}

/// What a panic carries.
pub(crate) type Panic = Box<dyn Any + Send>;

/// Runs a future for a run. A panic is caught, so that the caller can still send what was recorded before.
pub(crate) async fn within<F: Future>(run: Run, future: F) -> Result<F::Output, Panic> {
    let mut future = pin!(CURRENT.scope(run, future));
    std::future::poll_fn(move |context| {
        // Nothing of the future is seen after a panic: it is dropped.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// Runs a closure for a run.
pub(crate) fn within_sync<R>(run: Run, work: impl FnOnce() -> R) -> R {
    CURRENT.sync_scope(run, work)
}

/// Returns the run of the innermost scope.
pub(crate) fn current() -> Option<Run> {
    CURRENT.try_with(Run::clone).ok()
}

/// Notes that something was recorded outside a run: once in a process, since code that reports progress may well be called
/// without one, but a task or thread that was meant to have a run should be found.
#[cold]
pub(crate) fn recorded_outside(kind: &'static str, key: Option<&str>) {
    static NOTED: Once = Once::new();
    NOTED.call_once(|| {
        tracing::info!(
            kind,
            key,
            "metadata was recorded outside a run and has no effect; in tasks and threads, use runmeta_client::spawn, \
             spawn_blocking or Run::scope_sync"
        );
    });
}

/// Spawns a task in the current scope; without one, it is [`tokio::spawn`]. A plain `tokio::spawn` leaves the scope.
///
/// Leaving the scope does not wait for the task. What the task records later is sent in the background.
///
/// # Panics
///
/// Outside a runtime of tokio.
///
/// # Examples
///
/// ```no_run
/// # async fn example(run: runmeta_client::Run) {
/// use runmeta_client::{metadata, spawn};
///
/// run.scope(async {
///     let half = spawn(async { metadata::increment("progress", 0.5); });
///     metadata::increment("progress", 0.5);
///     half.await.ok();
/// }).await;
/// # }
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match current() {
        Some(run) => tokio::spawn(CURRENT.scope(run, future)),
        None => tokio::spawn(future),
    }
}

/// Runs blocking work in the current scope; without one, it is [`tokio::task::spawn_blocking`]. For a thread of your own, see
/// [`Run::scope_sync`].
///
/// # Panics
///
/// Outside a runtime of tokio.
///
/// # Examples
///
/// ```no_run
/// # async fn example(run: runmeta_client::Run) {
/// use runmeta_client::{metadata, spawn_blocking};
///
/// run.scope(async {
///     let rows = spawn_blocking(|| {
///         metadata::set("phase", "parsing");
///         1000
///     });
///     metadata::set("rows", rows.await.unwrap_or(0));
/// }).await;
/// # }
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(work: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    match current() {
        Some(run) => tokio::task::spawn_blocking(move || within_sync(run, work)),
        None => tokio::task::spawn_blocking(work),
    }
}
