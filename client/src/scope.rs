//! Which run the code here works for.

use tokio::task::JoinHandle;

use crate::Run;

tokio::task_local! {
    static CURRENT: Run;
}

/// Runs a future for a run.
pub(crate) async fn within<F: Future>(run: Run, future: F) -> F::Output {
    CURRENT.scope(run, future).await
}

/// Returns the run of the innermost scope.
pub(crate) fn current() -> Option<Run> {
    CURRENT.try_with(Run::clone).ok()
}

/// Spawns a task in the scope that this is called in, as [`tokio::spawn`] does without one: a plain `tokio::spawn` does not
/// take the run along.
///
/// Leaving the scope does not wait for the task. What it says later is sent in the background.
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
