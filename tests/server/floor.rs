//! Folding and reading begin behind what the worker has folded: nothing is missed by it, and nothing gets slower.

use tokio_postgres::Client;

use crate::harness::{Database, process, rows, until};

const GET: &str = "SELECT runmeta.get('parent', 'n')";
const INCREMENT: &str = "SELECT runmeta.increment('child', 'n', 1, 'parent')";

async fn start() -> (Database, Client) {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    client
        .batch_execute("SELECT runmeta.start('parent', '{\"n\": 0}'), runmeta.start('child', parent_run_id => 'parent')")
        .await
        .unwrap();
    (database, client)
}

/// Returns once the worker has folded lists so many times more.
async fn count_and_fold(client: &Client, times: u32) {
    for _ in 0..times {
        client.batch_execute(INCREMENT).await.unwrap();
        until(client, "SELECT NOT EXISTS (SELECT FROM runmeta.inbox)").await;
    }
}

/// Returns how many entries of the inbox's index a read of the parent passes while a list waits for it.
async fn entries(client: &Client) -> i64 {
    let passed = "SELECT pg_stat_get_xact_tuples_returned('runmeta.inbox_pkey'::regclass)";
    client
        .batch_execute(&format!("BEGIN; {INCREMENT}"))
        .await
        .unwrap();
    let before: i64 = rows(client, passed).await.parse().unwrap();
    client.batch_execute(GET).await.unwrap();
    let after: i64 = rows(client, passed).await.parse().unwrap();
    client.batch_execute("ROLLBACK").await.unwrap();
    after - before
}

#[tokio::test]
async fn lists_that_are_committed_late_are_folded() {
    let (database, client) = start().await;
    let late = database.connect().await;
    late.batch_execute(&format!("BEGIN; {INCREMENT}"))
        .await
        .unwrap();
    let prepared = format!("late-{}", process(&client).await);
    database
        .connect()
        .await
        .batch_execute(&format!(
            "BEGIN; {INCREMENT}; PREPARE TRANSACTION '{prepared}'"
        ))
        .await
        .unwrap();
    count_and_fold(&client, 20).await;
    assert_eq!(rows(&client, GET).await, "20");
    late.batch_execute("COMMIT").await.unwrap();
    assert_eq!(rows(&client, GET).await, "21");
    count_and_fold(&client, 20).await;
    client
        .batch_execute(&format!("COMMIT PREPARED '{prepared}'"))
        .await
        .unwrap();
    assert_eq!(rows(&client, GET).await, "42");
    let folded = "SELECT metadata->'n' = '42' FROM runmeta.run WHERE id = 'parent'";
    until(&client, folded).await;
}

#[tokio::test]
async fn an_older_snapshot_sees_the_lists_that_waited_then() {
    let (database, client) = start().await;
    count_and_fold(&client, 5).await;
    // The worker leaves out who is locked.
    let holder = database.connect().await;
    holder
        .batch_execute("BEGIN; SELECT FROM runmeta.run WHERE id = 'parent' FOR UPDATE")
        .await
        .unwrap();
    for _ in 0..5 {
        client.batch_execute(INCREMENT).await.unwrap();
    }
    let reader = database.connect().await;
    reader
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        .await
        .unwrap();
    assert_eq!(rows(&reader, GET).await, "10");
    holder.batch_execute("COMMIT").await.unwrap();
    until(&client, "SELECT NOT EXISTS (SELECT FROM runmeta.inbox)").await;
    count_and_fold(&client, 20).await;
    assert_eq!(rows(&client, GET).await, "30");
    assert_eq!(rows(&reader, GET).await, "10");
    let live = "SELECT metadata->'n', version FROM runmeta.live_run WHERE id = 'parent'";
    assert_eq!(rows(&reader, live).await, "10 | 11");
    reader.batch_execute("COMMIT").await.unwrap();
    assert_eq!(rows(&reader, live).await, "30 | 31");
}

#[tokio::test]
async fn reads_pass_few_lists_that_an_open_transaction_keeps() {
    let (database, client) = start().await;
    for held in ["SELECT txid_current()", "SELECT 1"] {
        let holder = database.connect().await;
        holder
            .batch_execute(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ; {held}"))
            .await
            .unwrap();
        let many = INCREMENT.replace("runmeta.increment", "count(runmeta.increment")
            + ") FROM generate_series(1, 2000)";
        client.batch_execute(&many).await.unwrap();
        while entries(&client).await > 100 {
            count_and_fold(&client, 1).await;
        }
    }
}

#[tokio::test]
async fn lists_are_folded_after_ids_were_set_back() {
    let (_database, client) = start().await;
    count_and_fold(&client, 20).await;
    client
        .batch_execute("SELECT setval('runmeta.inbox_id_seq', 1)")
        .await
        .unwrap();
    count_and_fold(&client, 5).await;
    assert_eq!(rows(&client, GET).await, "25");
}
