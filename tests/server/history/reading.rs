//! What reports make of histories.

use super::{past, run, start, tracked};

const PROGRESS: &str = "SELECT id, round(rate, 2), time_left FROM runmeta.progress ORDER BY id";
const STUCK: &str =
    "SELECT id, reason, date_trunc('minute', lasts), permitted FROM runmeta.stuck_run ORDER BY id";

/// A run that has worked for 100 minutes, and has 50 of 100.
async fn long(client: &tokio_postgres::Client, id: &str) {
    start(client, id).await;
    run(
        client,
        &format!(
            "ALTER TABLE runmeta.run DISABLE TRIGGER USER;
            UPDATE runmeta.run SET created_at = now() - interval '100 minutes', started_at = now() - interval '100 minutes',
                metadata = '{{\"n\": 50, \"total\": 100}}' WHERE id = '{id}';
            ALTER TABLE runmeta.run ENABLE TRIGGER USER"
        ),
    )
    .await;
}

#[tokio::test]
async fn time_left_goes_by_the_rate_of_the_last_quarter() {
    let (_database, client) = tracked().await;
    run(&client, "BEGIN; INSERT INTO runmeta.task_setting (task, done_key, total_key) VALUES ('import', 'n', 'total')").await;
    long(&client, "average").await;
    long(&client, "faster").await;
    past(&client, "faster", "90,25.1,20,10,0", "0,20,30,40,50").await;
    // Nothing for long before the window, whose first sample then is that of its beginning.
    long(&client, "late").await;
    past(&client, "late", "100,20,10", "0,25,50").await;
    long(&client, "still").await;
    past(&client, "still", "100,60", "0,50").await;
    long(&client, "again").await;
    past(&client, "again", "100,50,10,5", "0,90,40,45").await;
    long(&client, "fell").await;
    past(&client, "fell", "100,50", "0,90").await;
    assert_eq!(
        run(&client, PROGRESS).await,
        "again | 0.02 | 00:50:00\naverage | 0.01 | 01:40:00\nfaster | 0.02 | 00:41:50\nfell | 0.01 | 01:40:00\nlate | 0.03 | 00:25:10\nstill | 0.00 | NULL"
    );
}

#[tokio::test]
async fn number_that_was_found_by_its_name_has_a_history_too() {
    let (_database, client) = tracked().await;
    run(
        &client,
        r#"SELECT runmeta.track('import', '$.stats.doneRows'); BEGIN;
        SELECT runmeta.start('a', '{"stats": {"doneRows": 10, "totalRows": 20}}', task => 'import');
        UPDATE runmeta.run SET started_at = now() - interval '1 hour';
        INSERT INTO runmeta.history SELECT root_id, id, '$.stats.doneRows', created_at, '10 seconds', ARRAY[now() - interval '5 minutes'], '{0}' FROM runmeta.run"#,
    )
    .await;
    assert_eq!(run(&client, PROGRESS).await, "a | 0.03 | 00:05:00");
}

#[tokio::test]
async fn run_of_which_all_numbers_stand_still_is_stuck_though_it_is_written_to() {
    let (_database, client) = tracked().await;
    run(&client, "SELECT runmeta.track('import', 'other'); BEGIN").await;
    long(&client, "a").await;
    past(&client, "a", "95,90", "0,50").await;
    assert_eq!(
        run(&client, STUCK).await,
        "a | stalled | 01:30:00 | 01:00:00"
    );
    // The number has changed since the last sample.
    run(&client, "UPDATE runmeta.history SET value = '{0,49}'").await;
    assert_eq!(run(&client, STUCK).await, "");
    run(&client, "UPDATE runmeta.history SET value = '{0,50}'; INSERT INTO runmeta.task_setting (task, stall_limit) VALUES ('import', '2 hours')").await;
    assert_eq!(run(&client, STUCK).await, "");
    run(
        &client,
        "UPDATE runmeta.task_setting SET stall_limit = '10 minutes'",
    )
    .await;
    assert_eq!(
        run(&client, STUCK).await,
        "a | stalled | 01:30:00 | 00:10:00"
    );
    // Another number has changed.
    run(
        &client,
        r#"SELECT runmeta.set('a', 'other', '1');
        INSERT INTO runmeta.history SELECT root_id, id, 'other', created_at, '10 seconds', ARRAY[now() - interval '5 minutes'], '{1}' FROM runmeta.run
        ON CONFLICT (root_id, run_id, key) DO UPDATE SET at = EXCLUDED.at"#,
    )
    .await;
    assert_eq!(run(&client, STUCK).await, "");
}

#[tokio::test]
async fn run_that_waits_or_has_working_children_or_is_tracked_no_longer_is_not_stalled() {
    let (_database, client) = tracked().await;
    run(&client, "BEGIN").await;
    for id in ["child", "paused"] {
        long(&client, id).await;
        past(&client, id, "95,90", "0,50").await;
    }
    run(&client, "SELECT runmeta.start('child/1', parent_run_id => 'child'), runmeta.set_status('paused', 'paused')").await;
    assert_eq!(run(&client, STUCK).await, "");
    run(&client, "SELECT runmeta.finish('child/1')").await;
    assert_eq!(
        run(&client, STUCK).await,
        "child | stalled | 01:30:00 | 01:00:00"
    );
    run(&client, "SELECT runmeta.untrack('import')").await;
    assert_eq!(run(&client, STUCK).await, "");
}
