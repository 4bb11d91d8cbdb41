//! Batches that follow one which Citus has answered and a node has still to commit, since it was lost just then.

use tokio_postgres::Client;

use crate::harness::{Database, is_citus, rows, until};

const WRITER: &str = "00000000-0000-4000-8000-000000000001";

/// Returns a session on the node that has the writer's row, and the name of the shard there.
async fn node_of_the_writer(database: &Database, client: &Client) -> (Client, String) {
    let query = format!(
        "SELECT 'runmeta.writer_' || get_shard_id_for_distribution_column('runmeta.writer', '{WRITER}'::uuid)"
    );
    let shard = rows(client, &query).await;
    for node in database.connect_to_nodes().await {
        if rows(&node, &format!("SELECT to_regclass('{shard}') IS NOT NULL")).await == "t" {
            let setting = "SET citus.enable_manual_changes_to_shards = on";
            node.batch_execute(setting).await.unwrap();
            return (node, shard);
        }
    }
    panic!("no node has {shard}");
}

/// Returns what becomes of a batch: the outcome of its only list, or the SQLSTATE.
async fn flush(client: &Client, sequence: i64) -> String {
    let batch = r#"[{"run": "a", "operations": [{"type": "increment", "key": "n"}]}]"#;
    let flush = format!("SELECT outcome FROM runmeta.flush('{batch}', '{WRITER}', {sequence})");
    match client.query_one(&flush, &[]).await {
        Ok(row) => row.get(0),
        Err(error) => error.code().unwrap().code().to_owned(),
    }
}

/// Has a node prepare the change of the writer's row, and a batch sent that follows. Asserts what becomes of it after that ends.
async fn assert_outcome(change: &str, sequence: i64, end: &str, outcome: &str) {
    let database = Database::new().await;
    let client = database.connect().await;
    rows(&client, "SELECT runmeta.start('a')").await;
    if sequence > 2 {
        assert_eq!(flush(&client, 1).await, "applied");
    }
    let (node, shard) = node_of_the_writer(&database, &client).await;
    let prepared = rows(&client, "SELECT current_database()").await;
    let prepare = format!(
        "BEGIN; {}; PREPARE TRANSACTION '{prepared}'",
        change.replace("SHARD", &shard)
    );
    node.batch_execute(&prepare).await.unwrap();
    let waiter = database.connect().await;
    let follows = tokio::spawn(async move { flush(&waiter, sequence).await });
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";
    until(&node, waits).await;
    node.batch_execute(&format!("{end} PREPARED '{prepared}'"))
        .await
        .unwrap();
    assert_eq!(follows.await.unwrap(), outcome, "{change}, {end}");
    let again = match end {
        "COMMIT" => "duplicate",
        _ => outcome,
    };
    assert_eq!(flush(&client, sequence).await, again, "{change}, {end}");
}

#[tokio::test]
async fn batch_waits_for_the_one_before_it_that_a_node_has_still_to_commit() {
    if !is_citus() {
        return;
    }
    let first = format!("INSERT INTO SHARD (id, last_sequence) VALUES ('{WRITER}', 1)");
    let second = format!("UPDATE SHARD SET last_sequence = 2 WHERE id = '{WRITER}'");
    assert_outcome(&first, 2, "COMMIT", "applied").await;
    assert_outcome(&first, 2, "ROLLBACK", "55000").await;
    assert_outcome(&second, 3, "COMMIT", "applied").await;
    assert_outcome(&second, 3, "ROLLBACK", "55000").await;
}
