//! Histories go with their runs.

use crate::harness::by_hand;

use super::{run, samples, start, tracked};

const COUNT: &str = "SELECT count(*) FROM runmeta.history";

#[tokio::test]
async fn prune_deletes_histories_with_their_runs() {
    let (_database, client) = tracked().await;
    for id in ["a", "b"] {
        start(&client, id).await;
        run(
            &client,
            &format!("SELECT runmeta.increment('{id}', 'n'), runmeta.finish('{id}')"),
        )
        .await;
    }
    run(
        &client,
        "UPDATE runmeta.run SET finished_at = now() - interval '2 hours' WHERE id = 'a'",
    )
    .await;
    assert_eq!(
        run(&client, "SELECT runmeta.prune(now() - interval '1 hour')").await,
        "1"
    );
    assert_eq!(
        run(&client, "SELECT run_id FROM runmeta.history").await,
        "b"
    );
    // Also where nothing is tracked any more.
    run(&client, "SELECT runmeta.untrack('import'); UPDATE runmeta.run SET finished_at = now() - interval '2 hours'").await;
    assert_eq!(
        run(&client, "SELECT runmeta.prune(now() - interval '1 hour')").await,
        "1"
    );
    assert_eq!(run(&client, COUNT).await, "0");
}

#[tokio::test]
async fn run_that_is_deleted_by_hand_takes_its_histories_along() {
    let (_database, client) = tracked().await;
    by_hand(&client).await;
    for id in ["a", "b"] {
        start(&client, id).await;
        run(&client, &format!("SELECT runmeta.increment('{id}', 'n')")).await;
    }
    run(&client, "DELETE FROM runmeta.run WHERE id = 'a'").await;
    assert_eq!(
        run(&client, "SELECT run_id FROM runmeta.history").await,
        "b"
    );
    // By hand after a prune too.
    run(
        &client,
        "SELECT runmeta.prune(now()); DELETE FROM runmeta.run",
    )
    .await;
    assert_eq!(run(&client, COUNT).await, "0");
}

/// Nothing was tracked when the earlier one was deleted.
#[tokio::test]
async fn run_of_the_same_id_has_nothing_of_an_earlier_one() {
    let (_database, client) = tracked().await;
    by_hand(&client).await;
    start(&client, "a").await;
    run(
        &client,
        "SELECT runmeta.increment('a', 'n', 5); SELECT runmeta.untrack('import'); DELETE FROM runmeta.run;
        SELECT runmeta.track('import', 'n')",
    )
    .await;
    assert_eq!(run(&client, COUNT).await, "1");
    start(&client, "a").await;
    assert_eq!(samples(&client, "a").await, "");
    run(
        &client,
        "SELECT runmeta.increment('a', 'n', 7), runmeta.finish('a')",
    )
    .await;
    assert_eq!(samples(&client, "a").await, "0 7");
}

#[tokio::test]
async fn history_stays_readable_when_its_number_is_no_longer_tracked() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    run(&client, "SELECT runmeta.increment('a', 'n'); SELECT runmeta.untrack('import'); SELECT runmeta.set('a', 'n', '9')").await;
    assert_eq!(samples(&client, "a").await, "0 1");
}
