//! `runmeta.prune`: what it deletes, and that no tree loses its head under a child that starts.

use tokio_postgres::Client;

use crate::harness::{Database, process, refusal, rows, until_waiting};

/// A database with a tree of two runs that finished.
async fn finished_tree() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('top'), runmeta.start('child', parent_run_id => 'top');
             SELECT runmeta.finish('child'), runmeta.finish('top');",
        )
        .await
        .unwrap();
    (database, client)
}

#[tokio::test]
async fn only_trees_of_which_every_run_finished_before_the_time_go() {
    let (_database, client) = finished_tree().await;
    client
        .batch_execute(
            "SELECT runmeta.start('unfinished child of finished'), runmeta.start('u', parent_run_id => 'unfinished child of finished'),
                runmeta.finish('unfinished child of finished');
             SELECT runmeta.start('unfinished'), runmeta.start('f', parent_run_id => 'unfinished'), runmeta.finish('f');
             SELECT runmeta.start('late child'), runmeta.start('l', parent_run_id => 'late child'), runmeta.finish('l'), runmeta.finish('late child');
             UPDATE runmeta.run SET finished_at = '2026-01-01' WHERE finished_at IS NOT NULL AND id <> 'l';
             UPDATE runmeta.run SET finished_at = '2026-02-01' WHERE id = 'l';",
        )
        .await
        .unwrap();
    assert_eq!(
        rows(&client, "SELECT runmeta.prune('2026-01-01')").await,
        "0"
    );
    assert_eq!(
        rows(&client, "SELECT runmeta.prune('2026-02-01')").await,
        "2"
    );
    let left = "SELECT string_agg(id, ', ' ORDER BY id) FROM runmeta.run";
    insta::assert_snapshot!(rows(&client, left).await, @"f, l, late child, u, unfinished, unfinished child of finished");
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.prune('2026-02-01 00:00:00.000001')"
        )
        .await,
        "2"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.prune('infinity'), runmeta.prune(NULL)"
        )
        .await,
        "0 | NULL"
    );
}

#[tokio::test]
async fn the_oldest_trees_go_first_and_so_many_at_a_time() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "INSERT INTO runmeta.run (root_id, id, finished_at)
             SELECT 'run ' || n, 'run ' || n, '2026-01-01'::timestamptz - n * interval '1 day' FROM generate_series(1, 9) AS n;
             INSERT INTO runmeta.run (root_id, id, parent_id, depth, finished_at)
             SELECT 'run 9', 'child ' || n, 'run 9', 1, '2025-01-01' FROM generate_series(1, 5) AS n",
        )
        .await
        .unwrap();
    assert_eq!(
        rows(&client, "SELECT runmeta.prune('infinity', 2)").await,
        "7"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT string_agg(id, ' ' ORDER BY id) FROM runmeta.run"
        )
        .await,
        "run 1 run 2 run 3 run 4 run 5 run 6 run 7"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.prune('infinity', max_trees => 100), runmeta.prune('infinity')"
        )
        .await,
        "7 | 0"
    );
    insta::assert_snapshot!(refusal(client.batch_execute("SELECT runmeta.prune('infinity', 0)").await), @"
    22023: max_trees is not positive
    HINT: Give a whole number from 1.
    ");
}

#[tokio::test]
async fn writers_not_seen_since_are_forgotten() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.flush('[]', '00000000-0000-4000-8000-000000000001', 1);
             UPDATE runmeta.writer SET updated_at = '2026-01-01';
             SELECT runmeta.flush('[]', '00000000-0000-4000-8000-000000000002', 1);
             SELECT runmeta.prune('2026-01-02')",
        )
        .await
        .unwrap();
    let left = "SELECT right(id::text, 1) FROM runmeta.writer";
    assert_eq!(rows(&client, left).await, "2");
    // A batch tells that its writer lives.
    client
        .batch_execute(
            "UPDATE runmeta.writer SET updated_at = '2026-01-01';
             SELECT runmeta.flush('[]', '00000000-0000-4000-8000-000000000002', 2);
             SELECT runmeta.prune('2026-01-02')",
        )
        .await
        .unwrap();
    assert_eq!(rows(&client, left).await, "2");
}

#[tokio::test]
async fn a_tree_that_a_child_is_joining_stays() {
    let (database, pruning) = finished_tree().await;
    let starting = database.connect().await;
    starting
        .batch_execute("BEGIN; SELECT runmeta.start('grandchild', parent_run_id => 'child')")
        .await
        .unwrap();
    assert_eq!(
        rows(&pruning, "SELECT runmeta.prune('infinity')").await,
        "0"
    );
    starting.batch_execute("COMMIT").await.unwrap();
    assert_eq!(
        rows(&pruning, "SELECT runmeta.prune('infinity')").await,
        "0"
    );
    assert_eq!(
        rows(&pruning, "SELECT count(*) FROM runmeta.tree('top')").await,
        "3"
    );
}

/// Starts a child while its tree is being pruned, and returns what came of it when the prune ended as told.
async fn child_during_prune(end: &str) -> Result<String, String> {
    let (database, pruning) = finished_tree().await;
    let starting = database.connect().await;
    let observer = database.connect().await;
    let waiting = process(&starting).await;
    pruning
        .batch_execute("BEGIN; SELECT runmeta.prune('infinity')")
        .await
        .unwrap();
    let start = tokio::spawn(async move {
        let start = starting
            .query_one(
                "SELECT runmeta.start('grandchild', parent_run_id => 'child')",
                &[],
            )
            .await;
        match start {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(Err::<(), _>(error))),
        }
    });
    until_waiting(&observer, waiting).await;
    pruning.batch_execute(end).await.unwrap();
    start.await.unwrap()?;
    Ok(rows(
        &observer,
        "SELECT string_agg(id, ' ') FROM runmeta.tree('top')",
    )
    .await)
}

#[tokio::test]
async fn a_child_of_a_tree_that_was_pruned_meanwhile_is_refused() {
    insta::assert_snapshot!(child_during_prune("COMMIT").await.unwrap_err(), @r#"
    P0002: no such parent run: "child"
    DETAIL: The run "grandchild" was to be started under it.
    HINT: Start the parent first, with runmeta.start, and commit it.
    "#);
}

#[tokio::test]
async fn a_child_of_a_tree_whose_prune_was_rolled_back_starts() {
    assert_eq!(
        child_during_prune("ROLLBACK").await.unwrap(),
        "top child grandchild"
    );
}
