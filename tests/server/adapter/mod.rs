//! Runs that follow the jobs of a queue.
//!
//! The statements on the queue are those of graphile-worker's workers, on tables as its migrations make them.

mod adopting;
mod again;
mod attacked;
mod command;
mod following;
mod keeping;
mod limits;
mod missed;
mod pg_boss;
mod queues_gone;
mod real;
mod recording;
mod removing;
mod tables;
mod trouble;

use tokio_postgres::Client;

use crate::harness::{Database, Role, refusal, rows};

const TABLES: &str = include_str!("graphile_worker.sql");
const ENQUEUE: &str = "INSERT INTO graphile_worker._private_jobs (task_id) VALUES (1)";
const CLAIM: &str = "UPDATE graphile_worker._private_jobs
    SET attempts = attempts + 1, locked_by = 'worker', locked_at = now() WHERE locked_at IS NULL";
const FAIL: &str = "UPDATE graphile_worker._private_jobs SET last_error = 'boom', locked_by = NULL, locked_at = NULL";
const COMPLETE: &str = "DELETE FROM graphile_worker._private_jobs WHERE locked_at IS NOT NULL";
const RUNS: &str = "SELECT id, task, status, attempt, metadata, version, started_at IS NOT NULL, finished_at IS NOT NULL
    FROM runmeta.run ORDER BY id";
const LEFT: &str = "SELECT (SELECT count(*) FROM runmeta.transition), (SELECT count(*) FROM runmeta.adapter_failure)";

async fn adapted(client: &Client) {
    let adapt =
        "SELECT runmeta.adapt('graphile-worker', prefix => 'job:', metadata => '{\"rows\": 0}')";
    client.batch_execute(TABLES).await.unwrap();
    client.batch_execute(adapt).await.unwrap();
}

async fn execute(client: &Client, statements: &[&str]) {
    for statement in statements {
        if let Err(error) = client.batch_execute(statement).await {
            panic!("{statement}: {error:?}");
        }
    }
}

async fn runs_after(client: &Client, statements: &[&str]) -> String {
    execute(client, statements).await;
    execute(client, &["SELECT runmeta.follow()"]).await;
    rows(client, RUNS).await
}

#[tokio::test]
async fn a_run_is_queued_runs_is_tried_again_and_completes_with_its_job() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    insta::assert_snapshot!(runs_after(&client, &[ENQUEUE]).await, @r#"job:1 | import | queued | 1 | {"rows": 0} | 1 | f | f"#);
    insta::assert_snapshot!(runs_after(&client, &[CLAIM]).await, @r#"job:1 | import | running | 1 | {"rows": 0} | 2 | t | f"#);
    execute(&client, &["SELECT runmeta.set('job:1', 'rows', '7')"]).await;
    insta::assert_snapshot!(runs_after(&client, &[FAIL]).await, @r#"job:1 | import | retrying | 1 | {"rows": 7, "error": "boom", "errors": [{"text": "boom", "attempt": 1}]} | 4 | t | f"#);
    insta::assert_snapshot!(runs_after(&client, &[CLAIM]).await, @r#"job:1 | import | running | 2 | {"rows": 0, "errors": [{"text": "boom", "attempt": 1}]} | 5 | t | f"#);
    insta::assert_snapshot!(runs_after(&client, &[COMPLETE]).await, @r#"job:1 | import | completed | 2 | {"rows": 0, "errors": [{"text": "boom", "attempt": 1}]} | 6 | t | t"#);
    assert_eq!(rows(&client, LEFT).await, "0 | 0");
}

#[tokio::test]
async fn what_happened_meanwhile_is_followed_in_one_go() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let all = [ENQUEUE, CLAIM, FAIL, CLAIM, FAIL, CLAIM, FAIL];
    insta::assert_snapshot!(runs_after(&client, &all).await, @r#"job:1 | import | failed | 3 | {"rows": 0, "error": "boom", "errors": [{"text": "boom", "attempt": 1}, {"text": "boom", "attempt": 2}, {"text": "boom", "attempt": 3}]} | 1 | t | t"#);
}

#[tokio::test]
async fn a_job_that_is_deleted_while_it_waits_is_cancelled_and_one_that_gave_up_stays_failed() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let give_up = "UPDATE graphile_worker._private_jobs SET attempts = max_attempts WHERE id = 2";
    let statements = [ENQUEUE, ENQUEUE, ENQUEUE, give_up];
    execute(&client, &statements).await;
    execute(&client, &["SELECT runmeta.follow()"]).await;
    let statements = [
        "DELETE FROM graphile_worker._private_jobs WHERE id < 3",
        "TRUNCATE graphile_worker._private_jobs",
        "SELECT runmeta.follow()",
    ];
    execute(&client, &statements).await;
    let statuses = "SELECT id, status FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, statuses).await, @r"
    job:1 | cancelled
    job:2 | failed
    job:3 | cancelled
    ");
}

#[tokio::test]
async fn jobs_that_exist_already_have_runs_and_only_those_of_the_tasks_that_are_named() {
    let database = Database::new().await;
    let client = database.connect().await;
    let adapt = "SELECT runmeta.adapt('graphile-worker', tasks => '{mail}')";
    let mail = "INSERT INTO graphile_worker._private_jobs (task_id) VALUES (2)";
    execute(
        &client,
        &[TABLES, ENQUEUE, mail, adapt, ENQUEUE, mail, CLAIM],
    )
    .await;
    execute(&client, &["SELECT runmeta.follow()"]).await;
    let ids = "SELECT id, task, status FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, ids).await, @r"
    graphile-worker:2 | mail | running
    graphile-worker:4 | mail | running
    ");
}

#[tokio::test]
async fn a_run_that_is_locked_holds_up_neither_its_queue_nor_other_runs() {
    let database = Database::new().await;
    let (client, holder) = (database.connect().await, database.connect().await);
    adapted(&client).await;
    execute(&client, &[ENQUEUE, ENQUEUE, "SELECT runmeta.follow()"]).await;
    execute(
        &holder,
        &["BEGIN", "SELECT runmeta.set('job:1', 'rows', '5')"],
    )
    .await;
    execute(&client, &[CLAIM, "SELECT runmeta.follow()"]).await;
    let statuses = "SELECT id, status FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, statuses).await, @r"
    job:1 | queued
    job:2 | running
    ");
    execute(&holder, &["COMMIT"]).await;
    execute(&client, &["SELECT runmeta.follow()"]).await;
    insta::assert_snapshot!(rows(&client, statuses).await, @r"
    job:1 | running
    job:2 | running
    ");
}

#[tokio::test]
async fn a_queue_goes_on_whatever_is_wrong_with_its_adapter() {
    let role = Role::new();
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let name = role.quoted();
    let grants = format!(
        "GRANT USAGE ON SCHEMA graphile_worker TO {name};
        GRANT ALL ON ALL TABLES IN SCHEMA graphile_worker TO {name}"
    );
    execute(&client, &[&grants]).await;

    // Without rights on what is ours.
    let worker = database.connect_as(role.name()).await;
    execute(&worker, &[ENQUEUE]).await;
    assert_eq!(rows(&client, LEFT).await, "0 | 0");

    // With those of a writer it reads nothing of what others recorded, and cannot pretend to be another role.
    execute(&client, &[&format!("GRANT runmeta_writer TO {name}")]).await;
    execute(&worker, &[ENQUEUE]).await;
    assert_eq!(rows(&client, LEFT).await, "1 | 0");
    let forged = "INSERT INTO runmeta.transition (run_id, adapter, status, role) VALUES ('job:1', 1, 'queued', 'postgres')";
    assert!(refusal(worker.batch_execute(forged).await).starts_with("42501"));

    // A column that the queue's own migrations have renamed.
    let rename = "ALTER TABLE graphile_worker._private_jobs RENAME COLUMN last_error TO error";
    execute(&client, &[rename]).await;
    execute(&worker, &[ENQUEUE]).await;
    let failures = "SELECT operation, jobs, sqlstate, message FROM runmeta.adapter_failure";
    insta::assert_snapshot!(rows(&client, failures).await, @"INSERT | {3} | 42703 | column j.last_error does not exist");
}

#[tokio::test]
async fn whoever_may_not_write_a_run_gains_nothing_by_changing_a_job() {
    let role = Role::new();
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let name = role.quoted();
    let grant = format!("GRANT runmeta_writer TO {name}");
    let policy = format!("CREATE POLICY own ON runmeta.run TO {name} USING (false)");
    let protect = [
        ENQUEUE,
        "SELECT runmeta.follow()",
        &grant,
        "ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY",
        &policy,
    ];
    execute(&client, &protect).await;
    let worker = database.connect_as(role.name()).await;
    let finish =
        "INSERT INTO runmeta.transition (run_id, adapter, status) VALUES ('job:1', 1, 'completed')";
    execute(&worker, &[finish]).await;
    execute(&client, &["SELECT runmeta.follow()"]).await;
    assert_eq!(
        rows(&client, "SELECT status FROM runmeta.run").await,
        "queued"
    );
    let failures = format!(
        "SELECT operation, jobs, sqlstate, role = '{}' FROM runmeta.adapter_failure",
        role.name()
    );
    insta::assert_snapshot!(rows(&client, &failures).await, @"follow | {job:1} | 42501 | t");
}

#[tokio::test]
async fn unadapt_leaves_nothing_behind() {
    let objects = "SELECT (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_proc WHERE pronamespace = 'graphile_worker'::regnamespace),
        (SELECT count(*) FROM runmeta.adapter)";
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[TABLES]).await;
    let before = rows(&client, objects).await;
    let dry_run = rows(
        &client,
        "SELECT runmeta.adapt('graphile-worker', dry_run => true)",
    )
    .await;
    assert_eq!(rows(&client, objects).await, before);
    assert_eq!(
        rows(&client, "SELECT runmeta.adapt('graphile-worker')").await,
        dry_run
    );
    // A second time it makes nothing new.
    execute(&client, &["SELECT runmeta.adapt('graphile-worker')"]).await;
    execute(&client, &["SELECT runmeta.unadapt('graphile-worker')"]).await;
    assert_eq!(rows(&client, objects).await, before);
    execute(&client, &[ENQUEUE]).await;
    assert_eq!(rows(&client, LEFT).await, "0 | 0");
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_refused() {
    let database = Database::new().await;
    let client = database.connect().await;
    let refused = [
        "SELECT runmeta.adapt('sidekiq')",
        "SELECT runmeta.adapt('pg-boss', 'elsewhere')",
    ];
    let mut refusals = Vec::new();
    for statement in refused {
        refusals.push(refusal(client.batch_execute(statement).await));
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    22023: queue "sidekiq" is not known
    HINT: Known are pg-boss, graphile-worker, procrastinate, river, oban, pgmq, dbos, and table for one of your own.
    42P01: there is no table "elsewhere"."job"
    DETAIL: It is where pg-boss keeps its jobs.
    HINT: Have the queue make its tables first, and name its schema if it is another one.
    "#);
}
