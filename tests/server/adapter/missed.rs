//! Changes of jobs that no trigger saw, and those that were taken back.

use super::tables::{ADAPT_OWN, OWN};
use super::{CLAIM, ENQUEUE, FAIL, TABLES, adapted, execute, runs_after};
use crate::harness::{Database, rows};

const FOLLOW: &str = "SELECT runmeta.follow()";

/// Executes a statement while the triggers of a table are disabled.
fn unseen(table: &str, statement: &str) -> String {
    format!(
        "ALTER TABLE {table} DISABLE TRIGGER USER; {statement}; ALTER TABLE {table} ENABLE TRIGGER USER"
    )
}

#[tokio::test]
async fn run_of_a_job_that_nobody_saw_arrive_has_its_task_and_parent_from_its_claim() {
    let database = Database::new().await;
    let client = database.connect().await;
    let adapt = "SELECT runmeta.adapt('graphile-worker', prefix => 'job:', parent => 'j.payload->>''parent''')";
    let enqueue = unseen(
        "graphile_worker._private_jobs",
        "INSERT INTO graphile_worker._private_jobs (task_id, payload, created_at) VALUES (2, '{\"parent\": \"nightly\"}', '2026-01-01')",
    );
    let parent = "SELECT runmeta.start('nightly')";
    execute(&client, &[TABLES, adapt, parent, &enqueue, CLAIM, FOLLOW]).await;
    let run =
        "SELECT id, parent_id, task, status, created_at::date FROM runmeta.run WHERE depth = 1";
    assert_eq!(
        rows(&client, run).await,
        "job:1 | nightly | mail | running | 2026-01-01"
    );
}

#[tokio::test]
async fn run_of_a_job_of_ones_own_table_has_them_from_any_change() {
    let database = Database::new().await;
    let client = database.connect().await;
    let parent = "INSERT INTO job (key) VALUES ('00000000-0000-0000-0000-000000000001')";
    let insert = unseen(
        "job",
        "INSERT INTO job (kind, parent) VALUES ('mail', '00000000-0000-0000-0000-000000000001')",
    );
    let break_it = "UPDATE job SET state = 'broken' WHERE kind = 'mail'";
    execute(
        &client,
        &[OWN, ADAPT_OWN, parent, &insert, break_it, FOLLOW],
    )
    .await;
    let run = "SELECT right(parent_id, 1), task, status FROM runmeta.run WHERE depth = 1";
    assert_eq!(rows(&client, run).await, "1 | mail | failed");
}

#[tokio::test]
async fn change_that_is_rolled_back_was_never_made() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    adapted(&client).await;
    let claim = format!(
        "BEGIN; SAVEPOINT a; {CLAIM}; SAVEPOINT b; {FAIL}; ROLLBACK TO b; RELEASE b; ROLLBACK TO a; {CLAIM}; COMMIT"
    );
    insta::assert_snapshot!(runs_after(&client, &[ENQUEUE, &claim]).await, @r#"job:1 | import | running | 1 | {"rows": 0} | 1 | t | f"#);
    let undone = format!(
        "DO $$ BEGIN
            BEGIN
                UPDATE graphile_worker._private_jobs SET locked_at = NULL, attempts = 3;
                RAISE 'no';
            EXCEPTION WHEN OTHERS THEN {FAIL};
            END;
        END $$",
        FAIL = FAIL.replace('\'', "''").replace("''boom''", "'boom'")
    );
    insta::assert_snapshot!(runs_after(&client, &[&undone]).await, @r#"job:1 | import | retrying | 1 | {"rows": 0, "error": "boom", "errors": [{"text": "boom", "attempt": 1}]} | 2 | t | f"#);
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.transition").await,
        "0"
    );
}

/// Ids are given out again: the run is the same one, which works anew.
#[tokio::test]
async fn id_that_is_given_out_again_is_the_same_run() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let truncate = "TRUNCATE graphile_worker._private_jobs RESTART IDENTITY";
    insta::assert_snapshot!(runs_after(&client, &[ENQUEUE, CLAIM, truncate]).await, @r#"job:1 | import | cancelled | 1 | {"rows": 0} | 1 | t | t"#);
    insta::assert_snapshot!(runs_after(&client, &[ENQUEUE]).await, @r#"job:1 | import | queued | 1 | {"rows": 0} | 2 | f | f"#);
    insta::assert_snapshot!(runs_after(&client, &[CLAIM]).await, @r#"job:1 | import | running | 1 | {"rows": 0} | 3 | t | f"#);
}

#[tokio::test]
async fn job_whose_partition_is_detached_is_gone_until_that_is_attached_again() {
    let database = Database::new().await;
    let client = database.connect().await;
    let tables = "CREATE TABLE job (id int PRIMARY KEY, state text) PARTITION BY RANGE (id);
        CREATE TABLE job_1 PARTITION OF job FOR VALUES FROM (0) TO (10);
        CREATE TABLE job_2 PARTITION OF job FOR VALUES FROM (10) TO (20)";
    let adapt = r#"SELECT runmeta.adapt('table', table_name => 'job', mapping => '{"id": "id", "status": "state"}')"#;
    let insert = "INSERT INTO job VALUES (1, 'queued'), (2, 'completed'), (11, 'queued')";
    let runs = "SELECT id, status FROM runmeta.run ORDER BY id";
    execute(
        &client,
        &[
            tables,
            adapt,
            insert,
            "ALTER TABLE job DETACH PARTITION job_1",
            FOLLOW,
        ],
    )
    .await;
    // Nothing has happened to the jobs, and nobody looks.
    insta::assert_snapshot!(rows(&client, runs).await, @r"
    job:1 | queued
    job:11 | queued
    job:2 | completed
    ");
    execute(&client, &[adapt, FOLLOW]).await;
    insta::assert_snapshot!(rows(&client, runs).await, @r"
    job:1 | cancelled
    job:11 | queued
    job:2 | completed
    ");
    let attach = "ALTER TABLE job ATTACH PARTITION job_1 FOR VALUES FROM (0) TO (10)";
    execute(&client, &[attach, adapt, FOLLOW]).await;
    insta::assert_snapshot!(rows(&client, runs).await, @r"
    job:1 | queued
    job:11 | queued
    job:2 | completed
    ");
    // Each change is recorded once, whether it names the partition or not.
    execute(
        &client,
        &[
            "UPDATE job_1 SET state = 'running' WHERE id = 1",
            "UPDATE job SET state = 'running' WHERE id = 11",
        ],
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.transition").await,
        "2"
    );
    execute(&client, &["DROP TABLE job_2", adapt, FOLLOW]).await;
    insta::assert_snapshot!(rows(&client, runs).await, @r"
    job:1 | running
    job:11 | cancelled
    job:2 | completed
    ");
}

/// Workers go on while the queue is adapted again and again.
#[tokio::test]
async fn queue_that_is_adapted_while_its_jobs_change_loses_none_of_them() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    adapted(&client).await;
    let worker = |client: tokio_postgres::Client| {
        tokio::spawn(async move {
            for _ in 0..100 {
                let steps =
                    "INSERT INTO graphile_worker._private_jobs (task_id) VALUES (1) RETURNING id";
                let id: i64 = client.query_one(steps, &[]).await.unwrap().get(0);
                let claim = format!(
                    "UPDATE graphile_worker._private_jobs SET attempts = attempts + 1, locked_at = now() WHERE id = {id}"
                );
                let fail = format!(
                    "UPDATE graphile_worker._private_jobs SET locked_at = NULL, last_error = 'boom' WHERE id = {id}"
                );
                let complete = format!("DELETE FROM graphile_worker._private_jobs WHERE id = {id}");
                execute(&client, &[&claim, &fail, &claim, &complete]).await;
            }
        })
    };
    let workers = [
        worker(database.connect().await),
        worker(database.connect().await),
    ];
    while !workers.iter().all(tokio::task::JoinHandle::is_finished) {
        execute(&client, &["SELECT runmeta.adapt('graphile-worker')"]).await;
    }
    for worker in workers {
        worker.await.unwrap();
    }
    crate::harness::until(
        &client,
        "SELECT NOT EXISTS (SELECT FROM runmeta.transition)",
    )
    .await;
    let ends = "SELECT task, status, attempt, count(*) FROM runmeta.run GROUP BY 1, 2, 3";
    assert_eq!(rows(&client, ends).await, "import | completed | 2 | 200");
}
