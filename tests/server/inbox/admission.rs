//! A list that could be refused does not wait: it takes the direct way and is refused at the call.

use super::{COUNT, family, queueing, run, waiting};
use crate::harness::refusal;

#[tokio::test]
async fn list_that_would_make_the_document_too_large_is_refused_at_the_call() {
    let (_database, client) = family().await;
    client
        .batch_execute("SET runmeta.maximum_size = '200B'")
        .await
        .unwrap();
    let set = |bytes: usize| {
        format!("SELECT runmeta.set('child', 'text', to_jsonb(repeat('x', {bytes})), 'parent')")
    };
    let refused = refusal(client.simple_query(&set(190)).await);
    assert!(refused.starts_with("54000"), "{refused}");
    // Not clearly below the limit, so it is decided at once.
    assert_eq!(run(&client, &set(160)).await, "2");
    assert_eq!(waiting(&client).await, 0);
}

#[tokio::test]
async fn lists_admitted_at_the_same_time_go_over_the_limit_by_themselves_and_the_next_is_refused() {
    let (database, client) = family().await;
    client
        .batch_execute("SET runmeta.maximum_size = '2000B'")
        .await
        .unwrap();
    let append = "SELECT runmeta.append('child', 'list', to_jsonb(repeat('x', 1000)), 'parent')";
    let sessions = [queueing(&database).await, queueing(&database).await];
    for session in &sessions {
        let begin = format!("SET runmeta.maximum_size = '2000B'; BEGIN; {append}");
        session.batch_execute(&begin).await.unwrap();
    }
    for session in &sessions {
        session.batch_execute("COMMIT").await.unwrap();
    }
    let refused = refusal(sessions[0].simple_query(append).await);
    assert!(refused.starts_with("54000"), "{refused}");
    // The error is sent before the run is unlocked, and whoever folds leaves out a run that is locked.
    run(&sessions[0], "SELECT 1").await;
    run(&client, "SELECT runmeta.fold()").await;
    assert_eq!(
        run(
            &client,
            "SELECT runmeta.size(metadata), size_bound > 2000 FROM runmeta.run WHERE id = 'top'"
        )
        .await,
        "2022 | t"
    );
    assert!(refusal(client.simple_query(append).await).starts_with("54000"));
    // Smaller is always allowed.
    run(&client, "SELECT runmeta.del('child', 'list', 'parent')").await;
    assert_eq!(
        run(&client, "SELECT runmeta.get('top')").await,
        r#"{"n": 0}"#
    );
}

#[tokio::test]
async fn number_of_waiting_lists_is_bounded() {
    let (_database, client) = family().await;
    client
        .batch_execute("SET runmeta.maximum_size = '32MB'")
        .await
        .unwrap();
    let many = "SELECT count(*) FILTER (WHERE v IS NULL), min(v) FROM (
        SELECT runmeta.increment('child', 'n', target => 'parent') AS v FROM generate_series(1, 4097) OFFSET 0) AS c";
    assert_eq!(run(&client, many).await, "4096 | 4098");
    assert_eq!(waiting(&client).await, 0);
    assert_eq!(run(&client, "SELECT runmeta.get('top', 'n')").await, "4097");
}

#[tokio::test]
async fn bytes_of_waiting_lists_are_bounded() {
    let (_database, client) = family().await;
    client
        .batch_execute("SET runmeta.maximum_size = '32MB'")
        .await
        .unwrap();
    let many = "SELECT count(*) FILTER (WHERE v IS NULL) FROM (
        SELECT runmeta.set('child', 'text', to_jsonb(repeat('x', 60000)), 'parent') AS v FROM generate_series(1, 18) OFFSET 0) AS c";
    assert_eq!(run(&client, many).await, "17");
    // One that is large is not queued at all.
    let large =
        "SELECT runmeta.set('child', 'text', to_jsonb(repeat('x', 70000)), 'parent') IS NULL";
    assert_eq!(run(&client, large).await, "f");
}

#[tokio::test]
async fn run_that_is_closed_or_finished_long_ago_takes_no_lists() {
    let (_database, client) = family().await;
    client
        .batch_execute("SELECT runmeta.finish('top')")
        .await
        .unwrap();
    assert_eq!(run(&client, COUNT).await, "NULL");
    client
        .batch_execute(
            "UPDATE runmeta.run SET finished_at = finished_at - interval '40 min' WHERE id = 'top'",
        )
        .await
        .unwrap();
    // Still open, but prune may come before the list is committed.
    assert_eq!(run(&client, COUNT).await, "4");
    run(&client, "SET runmeta.update_window = '10min'").await;
    assert!(refusal(client.simple_query(COUNT).await).starts_with("55000"));
    // What was accepted is folded, whatever the window is now.
    client
        .batch_execute("SET runmeta.update_window = '1h'; UPDATE runmeta.run SET finished_at = now() WHERE id = 'top'")
        .await
        .unwrap();
    assert_eq!(run(&client, COUNT).await, "NULL");
    client
        .batch_execute("SET runmeta.update_window = 0")
        .await
        .unwrap();
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "1");
    assert_eq!(run(&client, "SELECT runmeta.get('top', 'n')").await, "3");
}

#[tokio::test]
async fn document_whose_size_is_not_known_is_measured_by_a_direct_write() {
    let (_database, client) = family().await;
    client
        .batch_execute("UPDATE runmeta.run SET size_bound = NULL WHERE id = 'top'")
        .await
        .unwrap();
    assert_eq!(run(&client, COUNT).await, "2");
    assert_eq!(run(&client, COUNT).await, "NULL");
}

#[tokio::test]
async fn bound_of_the_size_is_never_below_the_size() {
    let (_database, client) = family().await;
    let calls = [
        "SELECT runmeta.set('child', 'a', '\"\\u0001\\u0002\"', 'parent')",
        "SELECT runmeta.increment('child', 'n', 1e300, 'parent')",
        "SELECT runmeta.append('child', '$.x.y.\\u0001', '[1,2,{\"k\": null}]', 'parent')",
        "SELECT runmeta.merge('child', '{\"m\": {\"ключ\": \"\\n\"}}', 'parent')",
        "SELECT runmeta.set('top', 'b', '\"\\\"\\\\\"')",
        "SELECT runmeta.decrement('top', 'n', 0.000001)",
        "SELECT runmeta.replace('child', '{}', 'parent')",
        "SELECT runmeta.append('top', 'l', '1', keep => 2)",
        "SELECT runmeta.start('top', '{\"again\": 1}', attempt => 2)",
        "SELECT count(*) FROM runmeta.flush('[{\"run\": \"top\", \"operations\": [{\"type\": \"set\", \"key\": \"f\", \"value\": \"x\"}]}]')",
    ];
    for call in calls {
        run(&client, call).await;
        run(&client, "SELECT runmeta.fold()").await;
        let below = "SELECT id FROM runmeta.run WHERE size_bound IS NULL OR size_bound < runmeta.size(metadata)";
        assert_eq!(run(&client, below).await, "", "{call}");
    }
}
