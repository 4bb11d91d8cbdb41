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
/// One comparison may find, by chance, that a pooler gave a connection the same process again. A guess.
const COMPARISONS: usize = 3;

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
    let compared = async {
        for _ in 0..COMPARISONS {
            if compare(one, other).await? != Pooler::None {
                return Ok(Pooler::Transaction);
            }
        }
        Ok(Pooler::None)
    };
    match timeout(PATIENCE, compared).await {
        Ok(Ok(pooler)) => pooler,
        Ok(Err::<_, tokio_postgres::Error>(_)) => Pooler::Unknown,
        Err(_) => Pooler::Transaction,
    }
}

async fn compare(one: &Client, other: &Client) -> Result<Pooler, tokio_postgres::Error> {
    let before = process(one).await?;
    // Within a transaction, so that a pooler cannot lend the same process to the first connection meanwhile.
    other.batch_execute("BEGIN").await?;
    let result = match process(other).await {
        // A pooler lends the process that was returned last, or another one that is free.
        Ok(process) if process == before => Ok(Pooler::Transaction),
        Ok(_) => match process(one).await {
            Ok(after) if after == before => Ok(Pooler::None),
            Ok(_) => Ok(Pooler::Transaction),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    other.batch_execute("ROLLBACK").await?;
    result
}

async fn process(client: &Client) -> Result<i32, tokio_postgres::Error> {
    let none: [(&(dyn ToSql + Sync), Type); 0] = [];
    client.query_typed_one(PROCESS, &none).await?.try_get(0)
}
