//! Runs of a queue that are kept for a time: the worker prunes those that finished longer ago.

use tokio_postgres::Client;

use super::execute;
use crate::harness::{Database, Listener, rows, until, until_worker_runs};

const TABLE: &str = "CREATE TABLE job (id int PRIMARY KEY, state text, above int)";
const ADAPT: &str = r#"SELECT runmeta.adapt('table', table_name => 'job', keep => '7 days', parent => '''job:'' || j.above',
    mapping => '{"id": "id", "status": "state"}')"#;
const JOBS: &str = "INSERT INTO job VALUES (1, 'completed', NULL), (2, 'failed', 1), (3, 'completed', NULL), (4, 'running', 3),
    (5, 'completed', NULL), (6, 'completed', 5), (7, 'completed', NULL)";
/// All but the second family and the last job finished long ago; so did runs that are of no queue, and came before.
const AGE: &str = "UPDATE runmeta.run SET finished_at = now() - interval '8 days' WHERE id <> 'job:6' AND id <> 'job:7' AND finished_at IS NOT NULL;
    INSERT INTO runmeta.run (root_id, id, status, finished_at)
    SELECT id, id, 'completed', now() - interval '9 days' FROM generate_series(1, 1500) AS n, concat('own-', n) AS id;
    INSERT INTO runmeta.run (root_id, id, parent_id, depth, status, finished_at)
    SELECT 'own-1', 'job:0', 'own-1', 1, 'completed', now() - interval '9 days'";
const LEFT: &str = "SELECT string_agg(id, ' ' ORDER BY id) FILTER (WHERE id LIKE 'job:%'), count(*) FILTER (WHERE id LIKE 'own-%')
    FROM runmeta.run";

/// Lets a worker serve the database, which looks for what is to be pruned when it begins.
async fn have_a_worker(database: &Database, client: &Client) {
    let reset =
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET ALL', current_database()); END $$";
    execute(client, &[reset]).await;
    until_worker_runs(&database.connect().await).await;
}

#[tokio::test]
async fn families_of_a_queue_are_pruned_as_a_whole_when_all_of_them_finished_long_enough_ago() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(
        &client,
        &[TABLE, ADAPT, JOBS, "SELECT runmeta.follow()", AGE],
    )
    .await;
    let mut listener = Listener::new(&database).await;
    have_a_worker(&database, &client).await;
    until(
        &client,
        "SELECT NOT EXISTS (SELECT FROM runmeta.run WHERE root_id = 'job:1')",
    )
    .await;
    listener
        .until(r#"{"runs":[{"id":"job:1","root":"job:1"},{"id":"job:2","root":"job:1"}]}"#)
        .await;
    // Another child of 5 finished too late, 4 works, 7 is new, and 0 is under a run that is of no queue.
    assert_eq!(
        rows(&client, LEFT).await,
        "job:0 job:3 job:4 job:5 job:6 job:7 | 1500"
    );
}

#[tokio::test]
async fn more_than_a_step_deletes_go_in_several() {
    let database = Database::new().await;
    let client = database.connect().await;
    let jobs = "INSERT INTO job SELECT n, 'running', NULL FROM generate_series(1, 2500) AS n; UPDATE job SET state = 'completed'";
    let age = "UPDATE runmeta.run SET finished_at = now() - interval '8 days'";
    execute(
        &client,
        &[TABLE, ADAPT, jobs, "SELECT runmeta.follow(10000)", age],
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.run").await,
        "2500"
    );
    have_a_worker(&database, &client).await;
    until(&client, "SELECT NOT EXISTS (SELECT 1 FROM runmeta.run)").await;
}

#[tokio::test]
async fn queue_whose_prefix_begins_with_that_of_another_keeps_its_runs() {
    let database = Database::new().await;
    let client = database.connect().await;
    let other = r#"CREATE TABLE mail (id int PRIMARY KEY, state text);
        SELECT runmeta.adapt('table', table_name => 'mail', prefix => 'job:mail:', mapping => '{"id": "id", "status": "state"}');
        INSERT INTO mail VALUES (1, 'completed')"#;
    let job = "INSERT INTO job VALUES (1, 'completed', NULL)";
    let age = "UPDATE runmeta.run SET finished_at = now() - interval '8 days'";
    let statements = [TABLE, ADAPT, other, job, "SELECT runmeta.follow()", age];
    execute(&client, &statements).await;
    have_a_worker(&database, &client).await;
    let pruned = "SELECT NOT EXISTS (SELECT 1 FROM runmeta.run WHERE id = 'job:1')";
    until(&client, pruned).await;
    assert_eq!(
        rows(&client, "SELECT id FROM runmeta.run").await,
        "job:mail:1"
    );
}

#[tokio::test]
async fn how_long_runs_are_kept_stays_until_a_negative_interval_is_given() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[TABLE, ADAPT]).await;
    for (given, expected) in [
        ("NULL", "7 days"),
        ("'0'", "00:00:00"),
        ("'-1'", "NULL"),
        ("NULL", "NULL"),
    ] {
        let again = format!("SELECT runmeta.adapt('table', table_name => 'job', keep => {given})");
        execute(&client, &[&again]).await;
        assert_eq!(
            rows(&client, "SELECT keep FROM runmeta.adapter").await,
            expected
        );
    }
}
