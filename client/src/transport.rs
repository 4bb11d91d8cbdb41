//! What the client asks of a server. There is one in Postgres, and a model of it in the tests.

use std::pin::Pin;
use std::time::Duration;

use uuid::Uuid;

use crate::answer::{Answer, Loaded};
use crate::{Error, NewRun};

pub(crate) type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A run to be read, and its root if that is known.
pub(crate) type Wanted = (String, Option<String>);

/// A server. Each call is one transaction of its own and makes one attempt.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Sends a batch, which may wait that long for each lock.
    fn flush<'a>(
        &'a self,
        batch: &'a str,
        writer: Uuid,
        sequence: i64,
        patience: Duration,
    ) -> Reply<'a, Vec<Answer>>;

    /// Reads runs. Those that do not exist are missing from the answer.
    fn load<'a>(&'a self, wanted: &'a [Wanted]) -> Reply<'a, Vec<Loaded>>;

    /// Starts a run, or finds that it was started already.
    fn start<'a>(&'a self, run: &'a NewRun, metadata: &'a str) -> Reply<'a, i64>;

    /// Sets the status of a run that has not finished.
    fn set_status<'a>(&'a self, run: &'a str, status: &'a str) -> Reply<'a, i64>;

    /// Finishes a run.
    fn finish<'a>(&'a self, run: &'a str, status: &'a str) -> Reply<'a, i64>;
}
