//! Lists that wait: they are one insert without a lock, are seen by the next read, and are applied once, in their order.

use tokio_postgres::Client;

use crate::harness::{Database, rows};

mod admission;
mod flush;
mod folding;
mod isolation;
mod model;
mod reading;
mod rights;
mod unapplied;

/// Connects as the superuser, in a session that takes a worker to live and leaves folding to the tests.
async fn queueing(database: &Database) -> Client {
    let client = database.connect().await;
    queue(&client).await;
    client
}

/// Lets a session queue.
async fn queue(client: &Client) {
    client
        .batch_execute("SET runmeta.inbox = on")
        .await
        .unwrap();
}

/// Makes a database with a run `top`, its child `child` and another child `second`.
async fn family() -> (Database, Client) {
    let database = Database::new().await;
    let client = queueing(&database).await;
    client
        .batch_execute(
            r#"SELECT runmeta.start('top', '{"n": 0, "list": []}');
            SELECT runmeta.start('child', parent_run_id => 'top'), runmeta.start('second', parent_run_id => 'top');"#,
        )
        .await
        .unwrap();
    (database, client)
}

/// Queues an increment of `n` of the parent, once.
const COUNT: &str = "SELECT runmeta.increment('child', 'n', target => 'parent')";

/// Appends to the list of the parent.
fn append(value: &str) -> String {
    format!("SELECT runmeta.append('child', 'list', '{value}', 'parent')")
}

/// What the table has of the run `top`.
const STORED: &str = "SELECT metadata, version FROM runmeta.run WHERE id = 'top'";

/// What readers see of the run `top`.
const LIVE: &str = "SELECT metadata, version FROM runmeta.live_run WHERE id = 'top'";

async fn waiting(client: &Client) -> i64 {
    let row = client.query_one("SELECT count(*) FROM runmeta.inbox", &[]);
    row.await.unwrap().get(0)
}

async fn run(client: &Client, statement: &str) -> String {
    rows(client, statement).await
}
