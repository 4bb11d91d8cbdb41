//! The client and a cluster that lost batches.

use runmeta_client::{Client, NewRun};
use serde_json::{Value, json};

use crate::harness::{Database, is_citus};

#[tokio::test]
async fn batches_that_a_cluster_lost_are_found_out_and_sent_again() {
    if !is_citus() {
        return;
    }
    let database = Database::new().await;
    let client = Client::connect(&database.url()).await.unwrap();
    let run = client.start(NewRun::new("a")).await.unwrap();
    for value in 1..=3 {
        run.metadata().append("log", value).flush().await.unwrap();
    }
    let server = database.connect().await;
    // As if a standby of a node had been promoted that had not got the last batch.
    for lost in [
        "UPDATE runmeta.run SET metadata = '{\"log\": [1, 2]}', version = 3 WHERE root_id = 'a'",
        "UPDATE runmeta.writer SET last_sequence = 3",
    ] {
        server.batch_execute(lost).await.unwrap();
    }
    run.metadata().append("log", 4).flush().await.unwrap();
    let query = "SELECT runmeta.get('a', 'log')";
    let log: Value = server.query_one(query, &[]).await.unwrap().get(0);
    assert_eq!(log, json!([1, 2, 3, 4]));
    assert_eq!(client.metrics().lost_batches, 0);
}
