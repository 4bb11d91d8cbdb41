//! Batches whose entries start runs, set their status and finish them.

use tokio_postgres::Client;

use crate::harness::{Database, rows};

mod agreement;
mod attempts;
mod bounds;
mod families;
mod inbox;
mod order;
mod parts;
mod races;
mod replay;
mod rights;

async fn database() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    (database, client)
}

/// Makes a database in which these statements were run.
async fn after(statements: &str) -> (Database, Client) {
    let (database, client) = database().await;
    client.batch_execute(statements).await.unwrap();
    (database, client)
}

/// A flush of a batch that shows all but the target, and the details of what is invalid.
fn flush_of(batch: &str) -> String {
    format!(
        "SELECT run_id, part, outcome, version,
            CASE outcome WHEN 'invalid' THEN (SELECT jsonb_agg(e - 'detail') FROM jsonb_array_elements(unapplied) AS e) ELSE unapplied END
         FROM runmeta.flush('{batch}')"
    )
}

/// Flushes a batch and returns the rows of the answer.
async fn flush(client: &Client, batch: &str) -> String {
    rows(client, &flush_of(batch)).await
}

/// The runs, with their attempts and documents.
async fn runs(client: &Client) -> String {
    let runs = "SELECT id, attempt, status, version, started_at IS NOT NULL, finished_at IS NOT NULL, metadata
        FROM runmeta.run ORDER BY id";
    rows(client, runs).await
}
