//! A transaction that holds a run's row, and the client's other runs.

use std::time::Duration;

use runmeta_client::{Builder, NewRun};

use crate::harness::Database;

#[tokio::test(flavor = "multi_thread")]
async fn transaction_that_holds_a_runs_row_holds_up_no_other_run() {
    let database = Database::new().await;
    let client = Builder::url(&database.url())
        .interval(Duration::from_millis(1))
        // Half of this is how long a statement waits for a lock.
        .statement_timeout(Duration::from_millis(400))
        .connect()
        .await
        .unwrap();
    let mut runs = Vec::new();
    for id in 0..20 {
        let run = NewRun::new(format!("run {id}"));
        runs.push(client.start(run).await.unwrap());
    }
    let mut other = database.connect().await;
    let transaction = other.transaction().await.unwrap();
    transaction
        .batch_execute("SELECT runmeta.increment('run 7', 'n', 1000)")
        .await
        .unwrap();

    let (held, free) = (runs.remove(7), runs);
    held.metadata().increment("n", 1);
    for run in &free {
        run.metadata().increment("n", 1);
    }
    for run in &free {
        run.metadata().flush().await.unwrap();
    }
    held.metadata().increment("n", 1);
    // Neither do calls wait for it.
    let late = client.start(NewRun::new("late")).await.unwrap();
    late.finish().await.unwrap();
    assert!(client.metrics().retries >= 1);
    let before = tokio::time::timeout(Duration::from_millis(500), held.metadata().flush()).await;
    assert!(before.is_err(), "the row is held");

    transaction.commit().await.unwrap();
    held.metadata().flush().await.unwrap();
    held.metadata().refresh().await.unwrap();
    assert_eq!(held.metadata().get::<u32>("n"), Some(1002));
    client.shutdown(Duration::from_secs(60)).await.unwrap();
}
