//! The view `runmeta.stuck_run`: which runs somebody should look at, and for what reason.

use tokio_postgres::Client;

use crate::harness::{Database, rows};

/// A run that works and was last written to two hours ago.
async fn silent(client: &Client, id: &str, parent: Option<&str>) {
    let parent = parent.map_or("NULL".to_owned(), |parent| format!("'{parent}'"));
    client
        .batch_execute(&format!(
            "SELECT runmeta.start('{id}', '{{\"rows\": 0}}', {parent}, 'import');
            UPDATE runmeta.run SET created_at = now() - interval '3 hours', started_at = now() - interval '3 hours',
                updated_at = now() - interval '2 hours' WHERE id = '{id}'"
        ))
        .await
        .unwrap();
}

async fn stuck(client: &Client) -> String {
    let shown = "SELECT id, reason, date_trunc('hour', lasts), permitted FROM runmeta.stuck_run ORDER BY id";
    rows(client, shown).await
}

async fn setting(client: &Client, values: &str) {
    client
        .batch_execute(&format!(
            "DELETE FROM runmeta.task_setting;
            INSERT INTO runmeta.task_setting (task, silent_limit, wait_limit, time_limit) VALUES ('import', {values})"
        ))
        .await
        .unwrap();
}

#[tokio::test]
async fn run_without_a_write_is_stuck_until_it_is_written_to() {
    let database = Database::new().await;
    let client = database.connect().await;
    silent(&client, "a", None).await;
    assert_eq!(stuck(&client).await, "a | silent | 02:00:00 | 01:00:00");
    setting(&client, "'3 hours', NULL, NULL").await;
    assert_eq!(stuck(&client).await, "");
    setting(&client, "'90 minutes', NULL, NULL").await;
    assert_eq!(stuck(&client).await, "a | silent | 02:00:00 | 01:30:00");
    client
        .batch_execute("SELECT runmeta.increment('a', 'rows')")
        .await
        .unwrap();
    assert_eq!(stuck(&client).await, "");
}

#[tokio::test]
async fn counting_child_is_a_write_to_its_parent() {
    let database = Database::new().await;
    let client = database.connect().await;
    silent(&client, "a", None).await;
    client
        .batch_execute(
            "SET runmeta.inbox = on; SELECT runmeta.start('a/1', parent_run_id => 'a');
            SELECT runmeta.increment('a/1', 'rows', target => 'parent'), runmeta.finish('a/1')",
        )
        .await
        .unwrap();
    let waiting = "SELECT count(*) FROM runmeta.inbox";
    assert_eq!(rows(&client, waiting).await, "1");
    assert_eq!(stuck(&client).await, "");
}

#[tokio::test]
async fn of_runs_that_wait_for_each_other_the_last_one_is_stuck() {
    let database = Database::new().await;
    let client = database.connect().await;
    silent(&client, "a", None).await;
    silent(&client, "a/1", Some("a")).await;
    silent(&client, "a/1/1", Some("a/1")).await;
    silent(&client, "a/2", Some("a")).await;
    client
        .batch_execute("SELECT runmeta.finish('a/2')")
        .await
        .unwrap();
    assert_eq!(stuck(&client).await, "a/1/1 | silent | 02:00:00 | 01:00:00");
    client
        .batch_execute("SELECT runmeta.finish('a/1/1')")
        .await
        .unwrap();
    assert_eq!(stuck(&client).await, "a/1 | silent | 02:00:00 | 01:00:00");
}

#[tokio::test]
async fn run_that_pauses_or_waits_or_has_finished_is_not_silent() {
    let database = Database::new().await;
    let client = database.connect().await;
    for status in ["paused", "WAITING", "retrying", "queued", "rendering"] {
        silent(&client, status, None).await;
        let set = format!("UPDATE runmeta.run SET status = '{status}' WHERE id = '{status}'");
        client.batch_execute(&set).await.unwrap();
    }
    client
        .batch_execute("UPDATE runmeta.run SET started_at = NULL WHERE id = 'queued'")
        .await
        .unwrap();
    assert_eq!(
        stuck(&client).await,
        "rendering | silent | 02:00:00 | 01:00:00"
    );
    client
        .batch_execute("SELECT runmeta.finish('rendering')")
        .await
        .unwrap();
    assert_eq!(stuck(&client).await, "");
}

#[tokio::test]
async fn limits_of_a_task_find_runs_that_wait_or_work_for_too_long() {
    let database = Database::new().await;
    let client = database.connect().await;
    silent(&client, "waits", None).await;
    silent(&client, "works", None).await;
    client
        .batch_execute(
            "UPDATE runmeta.run SET started_at = NULL, status = 'queued' WHERE id = 'waits';
            SELECT runmeta.set('works', 'step', '1')",
        )
        .await
        .unwrap();
    assert_eq!(stuck(&client).await, "");
    setting(&client, "NULL, '4 hours', '4 hours'").await;
    assert_eq!(stuck(&client).await, "");
    setting(&client, "NULL, '2 hours', '2 hours'").await;
    insta::assert_snapshot!(stuck(&client).await, @"
    waits | waiting | 03:00:00 | 02:00:00
    works | overdue | 03:00:00 | 02:00:00
    ");
}
