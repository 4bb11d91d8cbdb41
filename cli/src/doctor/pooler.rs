//! Whether a pooler such as PgBouncer is between the program and the server.
//!
//! No pooler says so. But one that gives each transaction any of its connections to the server shows by the process that
//! runs a statement: two connections of ours that are both open have the same one, or one of them changes it.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::facts::Pooler;

const PROCESS: &str = "SELECT pg_catalog.pg_backend_pid()";
/// A server has no reason to let a session wait for its number. A pooler whose connections are all in use has.
const PATIENCE: Duration = Duration::from_secs(5);

/// Compares the processes behind two connections to the same address.
pub(crate) async fn detect(one: &Client, other: &Client) -> Pooler {
    match timeout(PATIENCE, compare(one, other)).await {
        Ok(Ok(pooler)) => pooler,
        Ok(Err(_)) => Pooler::Unknown,
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
    let none: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 0] = [];
    client.query_typed(PROCESS, &none).await?[0].try_get(0)
}
