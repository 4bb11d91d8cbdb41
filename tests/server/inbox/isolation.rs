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
