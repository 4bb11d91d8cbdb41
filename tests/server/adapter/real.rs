//! Queues with their own workers, from npm and PyPI: after failures, retries, cancels and a worker that was killed, each run
//! is what its job's row is, and counters are those of the last attempt.

use std::process::Command;

use tokio::task::spawn_blocking;
use tokio_postgres::Client;

use crate::harness::{Database, Printing, merged_output, repository, rows, until};

/// Jobs of a queue: its worker is killed three times.
const JOBS: &str = "1000";
/// Jobs of a queue in an older version, whose worker is killed once.
const JOBS_OF_OLDER: &str = "200";

async fn run(script: &'static str) {
    let (output, status) =
        spawn_blocking(move || merged_output(Command::new(repository(script)), ""))
            .await
            .unwrap();
    assert!(status.success(), "{output}");
}

/// Returns a program of Node that new packages run on: 22 or later, or the one among the packages.
fn new_node() -> Command {
    let (version, _) = merged_output(
        {
            let mut node = Command::new("node");
            node.args(["-p", "Number(process.versions.node.split('.')[0]) >= 22"]);
            node
        },
        "",
    );
    match version.trim() == "true" {
        true => Command::new("node"),
        false => {
            let architecture = if cfg!(target_arch = "aarch64") {
                "arm64"
            } else {
                "x64"
            };
            let path = format!("target/node/node_modules/node-linux-{architecture}/bin/node");
            Command::new(repository(&path))
        }
    }
}

async fn npm(database: &Database, mut node: Command, queue: &str, package: &str, jobs: &str) {
    node.args([
        "--preserve-symlinks",
        "--preserve-symlinks-main",
        "tests/queue/race.mjs",
    ]);
    node.args([queue, package, jobs]).envs(database.variables());
    node.current_dir(repository("target/node"));
    finish(node).await;
}

async fn finish(command: Command) {
    let output = Printing::of(command).finish().await;
    assert!(output.contains("killed "), "{output}");
}

/// Asserts that runs agree with what a query returns of the jobs: id, status, attempt and times as far as the queue keeps them.
async fn assert_agreement(client: &Client, queue: &str, jobs: &str, number: &str) {
    until(client, "SELECT NOT EXISTS (SELECT FROM runmeta.transition)").await;
    let disagreeing = format!(
        "SELECT c.id, c.status, c.attempt, r.status, r.attempt, r.started_at, r.finished_at, r.metadata
        FROM ({jobs}) AS c
        FULL JOIN runmeta.run AS r ON r.id = '{queue}:' || c.id
        WHERE r.status IS DISTINCT FROM c.status
            -- procrastinate does not count the attempt at a job that was to be aborted and failed.
            OR r.attempt NOT IN (
                greatest(c.attempt, 1),
                c.attempt + ('{queue}' = 'procrastinate' AND c.status = 'failed')::int)
            OR (r.finished_at IS NULL) <> (c.status IN ('queued', 'running', 'retrying'))
            OR r.started_at <> c.started_at OR r.finished_at <> c.finished_at OR r.created_at <> c.created_at
            OR (c.status = 'completed' AND r.metadata->'rows' IS DISTINCT FROM '3')
            OR (c.status = 'failed' AND NOT r.metadata ? 'error' AND c.error IS NOT NULL)
        LIMIT 5"
    );
    assert_eq!(rows(client, &disagreeing).await, "");
    let all = format!(
        "SELECT (SELECT count(*) FROM ({jobs}) AS c), (SELECT count(*) FROM runmeta.run), (SELECT count(*) FROM runmeta.adapter_failure),
            (SELECT count(DISTINCT status) > 1 FROM runmeta.run), (SELECT max(attempt) > 1 FROM runmeta.run)"
    );
    assert_eq!(
        rows(client, &all).await,
        format!("{number} | {number} | 0 | t | t")
    );
}

/// Returns what the rows of a queue mean, as its adapter has it.
async fn meaning(client: &Client, queue: &str, jobs: &str) -> String {
    let query = format!(
        "SELECT runmeta._adapter_rows(row_list, '{jobs}') FROM runmeta._adapter_queue('{queue}', NULL, NULL, NULL, '', NULL)"
    );
    rows(client, &query).await
}

async fn pg_boss(package: &str, node: Command, number: &str) {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    npm(&database, node, "pg_boss", package, number).await;
    let jobs = meaning(&client, "pg-boss", "pgboss.job").await;
    assert_agreement(&client, "pg-boss", &jobs, number).await;
}

async fn graphile_worker(package: &str, node: Command, number: &str) {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    npm(&database, node, "graphile_worker", package, number).await;
    let there = meaning(&client, "graphile-worker", "graphile_worker._private_jobs").await;
    let deleted = meaning(&client, "graphile-worker", "public.deleted").await;
    let jobs = format!(
        "{there} UNION ALL SELECT d.id, CASE d.status WHEN 'failed' THEN d.status ELSE d.deleted END, d.deleted, d.attempt, d.error,
            d.task, d.parent_id, d.created_at, d.started_at, d.finished_at FROM ({deleted}) AS d"
    );
    assert_agreement(&client, "graphile-worker", &jobs, number).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_agree_with_the_jobs_of_pg_boss_10() {
    run("scripts/node-modules").await;
    pg_boss("pg-boss", Command::new("node"), JOBS_OF_OLDER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_agree_with_the_jobs_of_pg_boss_12() {
    run("scripts/node-modules").await;
    pg_boss("pg-boss-12", new_node(), JOBS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_agree_with_the_jobs_of_graphile_worker_17() {
    run("scripts/node-modules").await;
    graphile_worker("graphile-worker", Command::new("node"), JOBS_OF_OLDER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_agree_with_the_jobs_of_graphile_worker_18() {
    run("scripts/node-modules").await;
    graphile_worker("graphile-worker-18", new_node(), JOBS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_agree_with_the_jobs_of_procrastinate() {
    run("scripts/python-venv").await;
    let database = Database::with_worker().await;
    let client = database.connect().await;
    let mut python = Command::new(repository("target/venv/bin/python"));
    python.arg(repository("tests/python/procrastinate_race.py"));
    python.arg(JOBS).envs(database.variables());
    finish(python).await;
    let jobs = meaning(&client, "procrastinate", "public.procrastinate_jobs").await;
    assert_agreement(&client, "procrastinate", &jobs, JOBS).await;
}
