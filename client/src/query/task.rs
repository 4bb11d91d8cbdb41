//! What became of the runs of tasks.

use std::time::{Duration, SystemTime};

use crate::new_run::check_text;
use crate::{Client, Error};

/// How many runs of a task have a status.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskStatus {
    /// The task.
    pub task: String,
    /// The status.
    pub status: String,
    /// True if it is that of finished runs.
    pub is_finished: bool,
    /// How many runs have it.
    pub runs: i64,
    /// When the newest of them was started.
    pub last: SystemTime,
}

/// What became of the runs of a task in a span of time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Bucket {
    /// When it begins.
    pub at: SystemTime,
    /// Runs that were started in it.
    pub started: i64,
    /// Runs that finished in it with the status `completed`.
    pub completed: i64,
    /// Runs that finished in it with another.
    pub failed: i64,
    /// How long half of those that finished in it took at most; `None` if there are none.
    pub median_seconds: Option<f64>,
    /// How long 95 of 100 took at most.
    pub p95_seconds: Option<f64>,
}

/// A chart has no more points than this.
const MOST_BUCKETS: u32 = 1_000;

impl Client {
    /// Returns, for each task and status, how many runs there are. Reads all runs: 100,000 take some 50 ms.
    ///
    /// # Errors
    ///
    /// As [`runs`](Client::runs).
    pub async fn tasks(&self) -> Result<Vec<TaskStatus>, Error> {
        self.ask(|server| server.tasks()).await
    }

    /// Returns what became of the runs of a task, in up to 1,000 spans of this length from a time on.
    ///
    /// # Errors
    ///
    /// As [`runs`](Client::runs); and there are no spans, too many, or they have no length: SQLSTATE 22023.
    pub async fn task(
        &self,
        name: &str,
        since: SystemTime,
        span: Duration,
        spans: u32,
    ) -> Result<Vec<Bucket>, Error> {
        check_text("task", name)?;
        if span.is_zero() || !(1..=MOST_BUCKETS).contains(&spans) {
            return Err(Error::invalid(format!(
                "there may be 1 to {MOST_BUCKETS} spans of some length"
            )));
        }
        let (name, seconds, spans) = (name.to_owned(), span.as_secs_f64(), spans as i32);
        self.ask(move |server| server.task(name.clone(), since, seconds, spans))
            .await
    }
}
