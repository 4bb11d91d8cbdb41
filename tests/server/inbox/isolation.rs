//! Transactions with one snapshot, and those that are prepared.

use super::{COUNT, LIVE, append, family, queueing, run, waiting};
use crate::harness::refusal;

#[tokio::test]
async fn snapshot_shows_a_list_once_whoever_folds_meanwhile() {
    let (database, client) = family().await;
    run(&client, COUNT).await;
    let reader = queueing(&database).await;
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let before = run(&client, LIVE).await;
        reader
            .batch_execute(&format!("BEGIN ISOLATION LEVEL {level}; SELECT 1"))
            .await
            .unwrap();
        assert_eq!(run(&reader, LIVE).await, before);
        run(&client, &format!("SELECT runmeta.fold(); {COUNT}; {COUNT}")).await;
        assert_eq!(run(&reader, LIVE).await, before, "{level}");
        assert_eq!(
            run(&reader, "SELECT runmeta.get('top')").await,
            before.split(" | ").next().unwrap()
        );
        reader.batch_execute("COMMIT").await.unwrap();
    }
}

#[tokio::test]
async fn direct_write_with_an_old_snapshot_fails_if_the_run_was_folded_since() {
    let (database, client) = family().await;
    let old = queueing(&database).await;
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        run(&client, COUNT).await;
        old.batch_execute(&format!(
            "BEGIN ISOLATION LEVEL {level}; SELECT runmeta.get('top')"
        ))
        .await
        .unwrap();
        run(&client, "SELECT runmeta.fold()").await;
        let refused = refusal(
            old.simple_query("SELECT runmeta.set('top', 'n', '0')")
                .await,
        );
        assert!(refused.starts_with("40001"), "{refused}");
        old.batch_execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(run(&client, LIVE).await, r#"{"n": 2, "list": []} | 3"#);
}

/// Lists that an old snapshot does not show come after its own write.
#[tokio::test]
async fn direct_write_with_an_old_snapshot_leaves_later_lists_waiting() {
    let (database, client) = family().await;
    let old = queueing(&database).await;
    run(&client, &append("1")).await;
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .await
        .unwrap();
    run(&client, &append("3")).await;
    assert_eq!(
        run(&old, "SELECT runmeta.append('top', 'list', '2')").await,
        "3"
    );
    old.batch_execute("COMMIT").await.unwrap();
    assert_eq!(waiting(&client).await, 1);
    assert_eq!(
        run(&client, LIVE).await,
        r#"{"n": 0, "list": [1, 2, 3]} | 4"#
    );
}

#[tokio::test]
async fn queueing_with_an_old_snapshot_needs_no_retry() {
    let (database, client) = family().await;
    let old = queueing(&database).await;
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        old.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}; SELECT 1"))
            .await
            .unwrap();
        run(
            &client,
            "SELECT runmeta.set('top', 'x', to_jsonb(random()))",
        )
        .await;
        old.batch_execute(&format!("{COUNT}; COMMIT"))
            .await
            .unwrap();
    }
    assert_eq!(run(&client, "SELECT runmeta.get('top', 'n')").await, "2");
}

#[tokio::test]
async fn nothing_is_queued_in_a_read_only_transaction() {
    let (_database, client) = family().await;
    client.batch_execute("BEGIN READ ONLY").await.unwrap();
    assert!(refusal(client.simple_query(COUNT).await).starts_with("25006"));
    client.batch_execute("ROLLBACK").await.unwrap();
    run(&client, COUNT).await;
    client.batch_execute("BEGIN READ ONLY").await.unwrap();
    assert_eq!(run(&client, LIVE).await, r#"{"n": 1, "list": []} | 2"#);
}

/// A list that was accepted before the parent finished counts, whenever it is committed.
#[tokio::test]
async fn parent_that_finishes_meanwhile_gets_what_was_accepted() {
    let (database, client) = family().await;
    let child = queueing(&database).await;
    child
        .batch_execute(&format!("BEGIN; {COUNT}"))
        .await
        .unwrap();
    client
        .batch_execute("SET runmeta.update_window = 0; SELECT runmeta.finish('top')")
        .await
        .unwrap();
    child.batch_execute("COMMIT").await.unwrap();
    assert_eq!(run(&client, LIVE).await, r#"{"n": 1, "list": []} | 3"#);
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "1");
    let finished =
        "SELECT metadata -> 'n', status, finished_at IS NULL FROM runmeta.run WHERE id = 'top'";
    assert_eq!(run(&client, finished).await, "1 | completed | f");
}

/// prune leaves a tree for which a transaction may still have queued, and does not wait for it.
#[tokio::test]
async fn tree_is_not_pruned_under_a_transaction_that_queues() {
    let (database, client) = family().await;
    let child = queueing(&database).await;
    child
        .batch_execute(&format!("BEGIN; {COUNT}"))
        .await
        .unwrap();
    client
        .batch_execute("SELECT runmeta.finish(id) FROM unnest('{child,second,top}'::text[]) AS id")
        .await
        .unwrap();
    let prune = "SELECT runmeta.prune('infinity')";
    assert_eq!(run(&client, prune).await, "0");
    child.batch_execute("COMMIT").await.unwrap();
    assert_eq!(run(&client, LIVE).await, r#"{"n": 1, "list": []} | 3"#);
}

#[tokio::test]
async fn prepared_transaction_keeps_its_lists_until_it_is_committed() {
    let (_database, client) = family().await;
    let name = format!("runmeta-inbox-{}", std::process::id());
    let queue = format!(
        "SET runmeta.notify = off; BEGIN; {COUNT}; {}; PREPARE TRANSACTION '{name}'",
        append("1")
    );
    client.batch_execute(&queue).await.unwrap();
    assert_eq!(run(&client, LIVE).await, r#"{"n": 0, "list": []} | 1"#);
    assert_eq!(
        run(&client, "SELECT runmeta.set('top', 'x', '1')").await,
        "2"
    );
    client
        .batch_execute(&format!("COMMIT PREPARED '{name}'"))
        .await
        .unwrap();
    assert_eq!(
        run(&client, LIVE).await,
        r#"{"n": 1, "x": 1, "list": [1]} | 4"#
    );
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "2");
}
