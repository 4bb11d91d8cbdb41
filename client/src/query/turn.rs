//! Whose turn it is to change a run.
//!
//! The server lets one transaction at a time change a run, so that a second batch for the same run can only wait. It waits here,
//! where it costs nothing, and not over a connection that batches for other runs need.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::sync::OwnedMutexGuard;

use crate::buffer::lock;

/// The runs that batches of callers change now, or wait to change.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<Arc<str>, Line>>);

/// Whoever has the turn has locked it. Others get it in the order in which they came.
type Line = Arc<tokio::sync::Mutex<()>>;

/// A turn, or a wait for one.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    run: Arc<str>,
    line: Line,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for the turn to change a run. It ends when it is dropped.
    pub(crate) async fn wait(self: Arc<Turns>, run: Arc<str>) -> Turn {
        let line = lock(&self.0).entry(run.clone()).or_default().clone();
        // Made before the wait: whoever gives up waiting drops it.
        let mut turn = Turn {
            turns: self,
            run,
            line,
            held: None,
        };
        turn.held = Some(turn.line.clone().lock_owned().await);
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.held = None;
        let mut turns = lock(&self.turns.0);
        // One is the map's, and one this: both change only under the lock.
        if Arc::strong_count(&self.line) == 2 {
            turns.remove(&self.run);
        }
    }
}

/// The entry of a batch, without what does not tell whether it locks its run. Chunks of streams lock only their stream, and lists
/// for parents and roots may wait in the inbox.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    run: Cow<'a, str>,
    start: Option<IgnoredAny>,
    operations: Option<IgnoredAny>,
    status: Option<IgnoredAny>,
    finish: Option<IgnoredAny>,
}

/// Returns the run that a batch locks, if it has one entry. One with several runs waits for no turn: with those that it has it
/// would hold up the others.
pub(super) fn only_run(batch: &str) -> Option<Arc<str>> {
    let [entry]: [Entry<'_>; 1] = serde_json::from_str(batch).ok()?;
    let parts = [entry.start, entry.operations, entry.status, entry.finish];
    parts
        .iter()
        .any(Option::is_some)
        .then(|| entry.run.as_ref().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_of_a_batch_is_known_if_it_is_one_and_is_locked() {
        for (batch, run) in [
            (
                r#"[{"run":"a","operations":[{"type":"delete","key":"k"}]}]"#,
                Some("a"),
            ),
            (r#"[{"run":"\u0061\n","status":"asleep"}]"#, Some("a\n")),
            (r#"[{"run":"a","start":{}}]"#, Some("a")),
            (r#"[{"run":"a","finish":{"status":"failed"}}]"#, Some("a")),
            (r#"[{"run":"a","streams":{"s":{"chunks":[1]}}}]"#, None),
            (r#"[{"run":"a","parentOperations":[]}]"#, None),
            (
                r#"[{"run":"a","status":"x"},{"run":"b","status":"x"}]"#,
                None,
            ),
            ("[]", None),
            ("{", None),
        ] {
            assert_eq!(only_run(batch).as_deref(), run, "{batch}");
        }
    }

    #[tokio::test]
    async fn turns_are_taken_one_after_another_and_leave_nothing() {
        let turns = Arc::<Turns>::default();
        let wait = |run: &str| turns.clone().wait(run.into());
        let first = wait("a").await;
        let other = wait("b").await;
        let mut second = Box::pin(wait("a"));
        tokio::select! {
            biased;
            _ = &mut second => panic!("it is the turn of the first"),
            () = tokio::task::yield_now() => {}
        }
        let given_up = Box::pin(wait("a"));
        drop(given_up);
        drop(first);
        drop((second.await, other));
        assert!(lock(&turns.0).is_empty());
    }
}
