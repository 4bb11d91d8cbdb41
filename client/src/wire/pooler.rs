//! Whether a pooler such as PgBouncer is between the program and the server.
//!
//! No pooler says so. But one that gives each transaction any of its connections to the server shows by the process that
//! runs a statement: two connections of ours that are both open have the same one, or one of them changes it.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

const PROCESS: &str = include_str!("sql/process.sql");
/// A server has no reason to let a session wait for its number. A pooler whose connections are all in use has.
const PATIENCE: Duration = Duration::from_secs(5);
/// A pooler may give both connections the same two processes again by chance: at worst one time in four, when it has two that
/// others use as well. With three comparisons, one watch in some thirty never polled and saw nothing (the machine busy);
/// twelve leave one in 10⁷, and cost a client 48 round trips, once.
const COMPARISONS: usize = 12;

/// Whether a pooler is between the program and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooler {
    /// Each connection keeps its process.
    None,
    /// Transactions of a connection run in different processes.
    Transaction,
    /// It could not be found out.
    Unknown,
}

/// Compares the processes behind two connections to the same address.
pub async fn detect(one: &Client, other: &Client) -> Pooler {
    match timeout(PATIENCE, compare(one, other)).await {
        Ok(Ok(pooler)) => pooler,
        Ok(Err(_)) => Pooler::Unknown,
        Err(_) => Pooler::Transaction,
    }
}

async fn compare(one: &Client, other: &Client) -> Result<Pooler, tokio_postgres::Error> {
    let first = process(one).await?;
    let mut second = None;
    for _ in 0..COMPARISONS {
        // Within a transaction, so that a pooler cannot lend the same process to the first connection meanwhile.
        other.batch_execute("BEGIN").await?;
        let kept = is_kept_during(one, other, first, &mut second).await;
        other.batch_execute("ROLLBACK").await?;
        let is_kept = kept? && process(one).await? == first;
        if !is_kept {
            return Ok(Pooler::Transaction);
        }
    }
    Ok(Pooler::None)
}

/// Looks at both processes while a transaction of `other` is open.
async fn is_kept_during(
    one: &Client,
    other: &Client,
    first: i32,
    second: &mut Option<i32>,
) -> Result<bool, tokio_postgres::Error> {
    let process_of_other = process(other).await?;
    // A pooler with a single process has none left for the first connection, which would wait.
    Ok(process_of_other != first
        && *second.get_or_insert(process_of_other) == process_of_other
        && process(one).await? == first)
}

async fn process(client: &Client) -> Result<i32, tokio_postgres::Error> {
    let none: [(&(dyn ToSql + Sync), Type); 0] = [];
    client.query_typed_one(PROCESS, &none).await?.try_get(0)
}
