//! The views `runmeta.task` and `runmeta.task_summary`: what they count, and that they read no more than they are asked for.

use crate::harness::{Database, rows};

#[tokio::test]
async fn tasks_are_those_that_have_runs() {
    let database = Database::new().await;
    let client = database.connect().await;
    assert_eq!(rows(&client, "SELECT * FROM runmeta.task").await, "");
    client
        .batch_execute(
            "INSERT INTO runmeta.run (root_id, id, task, created_at) VALUES
                ('a', 'a', 'mail', '2026-01-01 10:00Z'), ('b', 'b', 'mail', '2026-01-03 10:00Z'),
                ('c', 'c', 'import', '2026-01-02 10:00Z'), ('d', 'd', NULL, '2026-01-01 10:00Z')",
        )
        .await
        .unwrap();
    insta::assert_snapshot!(rows(&client, "SELECT task, oldest_at AT TIME ZONE 'UTC', newest_at AT TIME ZONE 'UTC' FROM runmeta.task ORDER BY task").await, @"
    import | 2026-01-02 10:00:00 | 2026-01-02 10:00:00
    mail | 2026-01-01 10:00:00 | 2026-01-03 10:00:00
    ");
}

#[tokio::test]
async fn runs_are_counted_by_task_and_hour() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "CREATE TEMP TABLE day AS SELECT date_bin('1 hour', now(), '2000-01-01 00:00Z') - interval '1 day' AS begun;
            INSERT INTO runmeta.run (root_id, id, task, status, attempt, created_at, started_at, finished_at)
            SELECT id, id, 'import', status, attempt, begun + at::interval, begun + at::interval + wait::interval,
                begun + at::interval + wait::interval + work::interval
            FROM day, (VALUES
                ('a', 'completed', 1, '10:00', '1 s', '60 s'),
                ('b', 'SUCCESS', 1, '10:59:59.999', '3 s', '20 s'),
                ('c', 'Failed', 3, '10:30', '1 h', '10 s'),
                ('d', 'canceled', 1, '10:30', NULL, NULL),
                ('e', 'skipped', 1, '11:00', '1 s', '1 s'),
                ('f', 'running', 1, '11:30', '1 s', NULL),
                ('g', 'queued', 2, '13:59', NULL, NULL)
            ) AS r (id, status, attempt, at, wait, work);
            UPDATE runmeta.run SET finished_at = created_at WHERE id = 'd'",
        )
        .await
        .unwrap();
    let counts = "SELECT hour - begun, runs, waiting, working, finished, succeeded, failed, cancelled, retried
        FROM runmeta.task_summary, day ORDER BY hour";
    insta::assert_snapshot!(rows(&client, counts).await, @"
    10:00:00 | 4 | 0 | 0 | 4 | 2 | 1 | 1 | 1
    11:00:00 | 2 | 0 | 1 | 1 | 0 | 0 | 0 | 0
    13:00:00 | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 1
    ");
    let times = "SELECT wait_median, wait_p95, duration_median, duration_p95, duration_longest, duration_sum
        FROM runmeta.task_summary ORDER BY hour";
    insta::assert_snapshot!(rows(&client, times).await, @"
    00:00:02 | 00:00:02.9 | 00:00:20 | 00:00:56 | 00:01:00 | 00:01:30
    00:00:01 | 00:00:01 | 00:00:01 | 00:00:01 | 00:00:01 | 00:00:01
    NULL | NULL | NULL | NULL | NULL | NULL
    ");
}

#[tokio::test]
async fn condition_on_the_hour_decides_how_much_is_read() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "INSERT INTO runmeta.run (root_id, id, task, created_at)
            SELECT i::text, i::text, 'task ' || i % 5, date_bin('1 hour', now(), '2000-01-01 00:00Z') - i * interval '1 minute'
            FROM generate_series(1, 10000) AS i;
            ANALYZE runmeta.run",
        )
        .await
        .unwrap();
    let newest = "SELECT max(hour) - interval '2 hours' FROM runmeta.task_summary";
    let hour = rows(&client, newest).await;
    let plan = format!(
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
        SELECT task, hour, failed FROM runmeta.task_summary WHERE hour >= '{hour}'"
    );
    let plan = rows(&client, &plan).await;
    assert!(!plan.contains("Seq Scan"), "{plan}");
    // Five tasks in each of three hours.
    assert!(plan.contains("loops=15)"), "{plan}");
}
