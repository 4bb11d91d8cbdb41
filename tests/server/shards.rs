//! What the functions do otherwise where Citus has distributed the tables, as far as one server can show it. `make test-citus` runs the
//! other tests there.

use runmeta_migrations::{Layout, distribute};

use crate::harness::{Database, rows};

const TREE: &str = r#"
    SELECT runmeta.start('top', '{"n": 1}', task => 'all'), runmeta.start('a', '{"n": 2.5}', parent_run_id => 'top', task => 'part'),
        runmeta.start('b', '{"n": "text"}', parent_run_id => 'top', task => 'part'), runmeta.start('c', parent_run_id => 'a'),
        runmeta.start('d', '{"n": 9e131071}', parent_run_id => 'c', task => 'part'), runmeta.start('e', '{"n": -4}', parent_run_id => 'd')"#;

#[tokio::test]
async fn rollup_of_one_tree_agrees_with_that_of_many() {
    let database = Database::new().await;
    let client = database.connect().await;
    client.batch_execute(TREE).await.unwrap();
    // Only the split layout finds the root of a run by itself.
    distribute(&mut database.connect().await, Layout::Split)
        .await
        .unwrap();
    let differing = "
        SELECT r.id, d.depth, t.task, i.is_own
        FROM (VALUES ('top'), ('a'), ('c'), ('e'), ('nobody')) AS r (id),
            (VALUES (NULL), (1), (2), (9)) AS d (depth), (VALUES (NULL), ('part'), ('none')) AS t (task),
            (VALUES (true), (false)) AS i (is_own)
        WHERE (SELECT o::text FROM runmeta._rollup_of(r.id, 'n', d.depth, t.task, i.is_own) AS o)
            IS DISTINCT FROM (SELECT (count, sum, min, max, average, missing, not_numbers)::text
                FROM runmeta.rollup_each(ARRAY[r.id], 'n', d.depth, t.task, i.is_own))";
    assert_eq!(rows(&client, differing).await, "");
    let some = "SELECT o::text FROM runmeta._rollup_of('top', 'n', NULL, NULL, true) AS o";
    assert_eq!(
        rows(&client, some).await,
        "(3,-0.5,-4,2.5,-0.16666666666666666667,1,2)"
    );
}

#[tokio::test]
async fn no_layout_of_one_server_is_taken_for_a_distributed_one() {
    let database = Database::new().await;
    let mut client = database.connect().await;
    for layout in [Layout::Split, Layout::Partitions(2), Layout::Plain] {
        distribute(&mut client, layout).await.unwrap();
        let found = rows(&client, "SELECT runmeta._is_distributed()").await;
        assert_eq!(found, "f", "{layout}");
    }
}

#[tokio::test]
async fn what_progress_shows_of_a_run_is_a_part_of_the_query() {
    let database = Database::new().await;
    let client = database.connect().await;
    let plan = rows(
        &client,
        "EXPLAIN (COSTS OFF) SELECT * FROM runmeta.progress WHERE id = 'top'",
    )
    .await;
    assert!(!plan.contains("Scan on _progress"), "{plan}");
    assert!(plan.contains("jsonb_each"), "{plan}");
}
