//! Histories of tracked numbers: samples are taken of every kind of write, bounded, and go with their runs.

use tokio_postgres::Client;

use crate::harness::{Database, refusal, rows};

mod bounds;
mod pruning;
mod reading;
mod restored;
mod rights;
mod taking;
mod tracking;

/// Makes a database in which the number `n` of the task `import` is tracked.
async fn tracked() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    run(&client, "SELECT runmeta.track('import', 'n')").await;
    (database, client)
}

/// Starts a run of that task, of which the number is 0.
async fn start(client: &Client, id: &str) {
    let start =
        format!("SELECT runmeta.start('{id}', '{{\"n\": 0, \"total\": 100}}', task => 'import')");
    run(client, &start).await;
}

/// Runs statements and returns their rows.
async fn run(client: &Client, sql: &str) -> String {
    rows(client, sql).await
}

/// Returns the error of a statement.
async fn refused(client: &Client, sql: &str) -> String {
    refusal(client.simple_query(sql).await)
}

/// The samples of the number `n` of a run.
async fn samples(client: &Client, id: &str) -> String {
    samples_of(client, id, "n").await
}

async fn samples_of(client: &Client, id: &str, key: &str) -> String {
    let samples = format!(
        "SELECT coalesce(string_agg(value::text, ' ' ORDER BY at), '') FROM runmeta.samples('{id}', '{key}')"
    );
    run(client, &samples).await
}

/// Makes the history of a run: samples that are so many minutes old.
async fn past(client: &Client, id: &str, minutes: &str, values: &str) {
    let insert = format!(
        "INSERT INTO runmeta.history (root_id, run_id, key, run_created_at, spacing, at, value)
         SELECT root_id, id, 'n', created_at, '10 seconds',
            ARRAY(SELECT now() - m * interval '1 minute' FROM unnest('{{{minutes}}}'::float8[]) WITH ORDINALITY AS a (m, o) ORDER BY o),
            '{{{values}}}'
         FROM runmeta.run WHERE id = '{id}'"
    );
    run(client, &insert).await;
}
