//! Streams: chunks that are appended to a run, numbered from 0 without gaps, and read from any number on.

use tokio_postgres::Client;

use crate::harness::{Database, refusal, rows};

mod announcing;
mod appending;
mod closing;
mod flush;
mod memory;
mod pruning;
mod reading;
mod restored;
mod rights;
mod writers;

/// Makes a database with a run `top` and its child `child`.
async fn family() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('top'); SELECT runmeta.start('child', parent_run_id => 'top')",
        )
        .await
        .unwrap();
    (database, client)
}

/// Runs statements and returns their rows.
async fn run(client: &Client, sql: &str) -> String {
    rows(client, sql).await
}

/// Returns the error of a statement.
async fn refused(client: &Client, sql: &str) -> String {
    refusal(client.simple_query(sql).await)
}

/// Appends chunks to a stream of the run `top`, and returns the number of the last one.
async fn append(client: &Client, stream: &str, chunks: &str) -> String {
    let append = format!("SELECT runmeta.stream_append('top', '{stream}', '{chunks}')");
    run(client, &append).await
}

/// All chunks of a stream of the run `top`, each with its number.
async fn chunks(client: &Client, stream: &str) -> String {
    let read = format!(
        "SELECT string_agg(number || ' ' || chunk, ', ' ORDER BY number)
         FROM runmeta.stream_read('top', '{stream}', max => 1000000)"
    );
    run(client, &read).await
}

/// How many chunks are in rows and how many in the tail of a stream of the run `top`.
async fn placement(client: &Client, stream: &str) -> String {
    let placement = format!(
        "SELECT (SELECT string_agg(first || '+' || count, ' ' ORDER BY first) FROM runmeta.stream_chunk AS k
             WHERE k.run_id = s.run_id AND k.stream = s.name), jsonb_array_length(tail)
         FROM runmeta.stream AS s WHERE run_id = 'top' AND name = '{stream}'"
    );
    run(client, &placement).await
}
