//! A queue of pg-boss that goes with all its jobs.

use super::execute;
use crate::harness::{Database, rows, until};

const TABLES: &str = include_str!("pg_boss.sql");
const FOLLOW: &str = "SELECT runmeta.follow()";
const RUNS: &str = "SELECT ltrim(right(id, 12), '0'), status FROM runmeta.run ORDER BY id";
/// As createQueue() of versions 10 and 12 makes one with a partition of its own.
const CREATE: &str = "CREATE TABLE pgboss.j1 (LIKE pgboss.job INCLUDING DEFAULTS);
    ALTER TABLE pgboss.job ATTACH PARTITION pgboss.j1 FOR VALUES IN ('apart'); INSERT INTO pgboss.queue (name) VALUES ('apart')";
/// As version 10 deletes it, and version 12 the other way about.
const DELETE: &str =
    "BEGIN; DELETE FROM pgboss.queue WHERE name = 'apart'; DROP TABLE pgboss.j1; COMMIT";
const ADAPT: &str = "SELECT runmeta.adapt('pg-boss', prefix => '')";

fn insert(ids: &str, queue: &str) -> String {
    format!(
        "INSERT INTO pgboss.job (id, name) SELECT ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, '{queue}' FROM {ids} AS i"
    )
}

#[tokio::test]
async fn queue_is_deleted_without_a_look_at_its_runs() {
    let database = Database::new().await;
    let (client, job) = (database.connect().await, database.connect().await);
    let jobs = [
        insert("generate_series(1, 3)", "apart"),
        insert("generate_series(4, 5)", "plain"),
    ];
    execute(
        &client,
        &[TABLES, CREATE, ADAPT, &jobs[0], FOLLOW, &jobs[1]],
    )
    .await;
    let write = "SELECT runmeta.set('00000000-0000-0000-0000-000000000001', 'a', '1')";
    execute(&job, &["BEGIN", write]).await;
    execute(&client, &[DELETE]).await;
    // One row, and what was there before is there.
    let recorded =
        "SELECT run_id = '', task, count(*) FROM runmeta.transition GROUP BY 1, 2 ORDER BY 1";
    insta::assert_snapshot!(rows(&client, recorded).await, @r"
    f | plain | 2
    t | apart | 1
    ");
    execute(&client, &[FOLLOW]).await;
    insta::assert_snapshot!(rows(&client, RUNS).await, @r"
    1 | queued
    2 | cancelled
    3 | cancelled
    4 | queued
    5 | queued
    ");
    execute(&job, &["COMMIT"]).await;
    execute(&client, &[FOLLOW]).await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.transition").await,
        "0"
    );
    insta::assert_snapshot!(rows(&client, RUNS).await, @r"
    1 | cancelled
    2 | cancelled
    3 | cancelled
    4 | queued
    5 | queued
    ");
}

#[tokio::test]
async fn queue_that_is_made_anew_under_the_same_name_keeps_its_jobs() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(
        &client,
        &[
            TABLES,
            CREATE,
            ADAPT,
            &insert("generate_series(1, 2)", "apart"),
            FOLLOW,
        ],
    )
    .await;
    let claim = "UPDATE pgboss.job SET state = 'active', started_on = now()";
    // One that has no run yet, and one whose run would seem to have finished.
    let before = [
        "UPDATE pgboss.job SET state = 'failed', completed_on = now() WHERE id::text LIKE '%1'",
        FOLLOW,
        "UPDATE pgboss.job SET state = 'retry' WHERE id::text LIKE '%1'",
        &insert("generate_series(3, 3)", "apart"),
        claim,
    ];
    execute(&client, &before).await;
    execute(
        &client,
        &[
            DELETE,
            CREATE,
            &insert("generate_series(4, 5)", "apart"),
            claim,
        ],
    )
    .await;
    // Whoever writes a run has it follow, before anybody looks at the queue that is gone.
    execute(
        &client,
        &[
            "SELECT runmeta.set('00000000-0000-0000-0000-000000000005', 'a', '1')",
            FOLLOW,
        ],
    )
    .await;
    insta::assert_snapshot!(rows(&client, RUNS).await, @r"
    1 | cancelled
    2 | cancelled
    3 | cancelled
    4 | running
    5 | running
    ");
    assert_eq!(rows(&client, super::LEFT).await, "0 | 0");
}

#[tokio::test]
async fn worker_cancels_all_of_a_large_queue() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    let jobs = insert("generate_series(1, 5000)", "apart");
    let running =
        "SELECT runmeta.start('00000000-0000-0000-0000-000000000001/part', task => 'apart')";
    execute(&client, &[TABLES, CREATE, ADAPT, &jobs, running]).await;
    until(&client, "SELECT count(*) = 5001 FROM runmeta.run").await;
    execute(&client, &[DELETE]).await;
    until(
        &client,
        "SELECT NOT EXISTS (SELECT FROM runmeta.transition)",
    )
    .await;
    let statuses = "SELECT status, count(*) FROM runmeta.run GROUP BY 1 ORDER BY 1";
    assert_eq!(
        rows(&client, statuses).await,
        "cancelled | 5000\nrunning | 1"
    );
}
