//! What is tracked, and how sessions know of it.

use super::{refused, run, samples, samples_of, start, tracked};
use crate::harness::Database;

const TRIGGERS: &str =
    "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'runmeta.run'::regclass AND NOT tgisinternal";

#[tokio::test]
async fn trigger_is_there_as_long_as_a_number_is_tracked() {
    let database = Database::new().await;
    let client = database.connect().await;
    assert_eq!(run(&client, TRIGGERS).await, "0");
    run(&client, "SELECT runmeta.track('import', 'n'), runmeta.track('import', 'm'), runmeta.track('export', 'n')").await;
    assert_eq!(run(&client, TRIGGERS).await, "1");
    let untrack = "SELECT runmeta.untrack('import', 'n'), runmeta.untrack('import', 'n'), runmeta.untrack('import')";
    assert_eq!(run(&client, untrack).await, "1 | 0 | 1");
    assert_eq!(run(&client, TRIGGERS).await, "1");
    assert_eq!(run(&client, "SELECT runmeta.untrack('export')").await, "1");
    assert_eq!(run(&client, TRIGGERS).await, "0");
}

#[tokio::test]
async fn sessions_learn_what_is_tracked_and_what_no_longer() {
    let (database, client) = tracked().await;
    let other = database.connect().await;
    start(&other, "a").await;
    run(&other, "SELECT runmeta.increment('a', 'm')").await;
    run(&client, "SELECT runmeta.track('import', 'm')").await;
    run(&other, "SELECT runmeta.increment('a', 'm')").await;
    assert_eq!(samples_of(&other, "a", "m").await, "1 2");
    run(&client, "SELECT runmeta.untrack('import', 'n')").await;
    run(
        &other,
        "SELECT runmeta.increment('a', 'n', 5), runmeta.finish('a')",
    )
    .await;
    assert_eq!(samples(&other, "a").await, "0");
}

/// Its snapshot does not see what is tracked by now, which must not be kept for the next transaction.
#[tokio::test]
async fn session_learns_it_after_a_transaction_with_one_snapshot() {
    let (database, client) = tracked().await;
    let other = database.connect().await;
    start(&other, "a").await;
    run(
        &other,
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM runmeta.run",
    )
    .await;
    run(&client, "SELECT runmeta.track('import', 'm')").await;
    run(&other, "SELECT runmeta.increment('a', 'm'); COMMIT").await;
    run(&other, "SELECT runmeta.increment('a', 'm')").await;
    assert_eq!(samples_of(&other, "a", "m").await, "1 2");
}

#[tokio::test]
async fn tracking_that_is_rolled_back_never_was() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    run(
        &client,
        "BEGIN; SELECT runmeta.track('import', 'm'); SELECT runmeta.increment('a', 'm'); ROLLBACK;
        SELECT runmeta.increment('a', 'm'), runmeta.finish('a')",
    )
    .await;
    assert_eq!(
        run(
            &client,
            "SELECT count(*) FROM runmeta.history WHERE key = 'm'"
        )
        .await,
        "0"
    );
}

#[tokio::test]
async fn ten_thousand_tasks_are_tracked() {
    let (database, client) = tracked().await;
    run(
        &client,
        "SELECT count(*) FROM (SELECT runmeta.track('task ' || i, 'n') FROM generate_series(1, 10000) AS i) AS t",
    )
    .await;
    run(
        &client,
        r#"SELECT runmeta.start('a', '{"n": 0}', task => 'task 7777'), runmeta.increment('a', 'n', 3)"#,
    )
    .await;
    assert_eq!(samples(&client, "a").await, "0 3");
    // A session reads those of the tasks that it writes.
    let other = database.connect().await;
    run(&other, "BEGIN; SELECT runmeta.increment('a', 'n', 3)").await;
    let read = "SELECT COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0) <= 1 FROM pg_stat_xact_user_tables WHERE relname = 'tracked'; COMMIT";
    assert_eq!(run(&other, read).await, "t");
    let untracked =
        "SELECT sum(runmeta.untrack(task)) FROM (SELECT DISTINCT task FROM runmeta.tracked) AS t";
    assert_eq!(run(&client, untracked).await, "10001");
    assert_eq!(run(&client, TRIGGERS).await, "0");
}

#[tokio::test]
async fn wrong_arguments_are_refused() {
    let (_database, client) = tracked().await;
    for (call, error) in [
        ("track(NULL, 'n')", "22004: task is null"),
        ("track('import', NULL)", "22004: key is null"),
        ("track('', 'n')", "22023: task has 0 bytes"),
        ("track('import', '')", "22023: key has 0 bytes"),
        (
            "track('import', repeat('x', 256))",
            "22023: key has 256 bytes",
        ),
        ("track('import', '$.a..b')", "22023: bad path: \"$.a..b\""),
        (
            "track('import', 'n', '999 milliseconds')",
            "22023: every is out of range",
        ),
        (
            "track('import', 'n', '-1 day')",
            "22023: every is out of range",
        ),
        (
            "track('import', 'n', '25 hours')",
            "22023: every is out of range",
        ),
        (
            "track('import', 'n', '200000 years')",
            "22023: every is out of range",
        ),
        (
            "track('import', 'n', keep => 3)",
            "22023: keep is out of range",
        ),
        (
            "track('import', 'n', keep => 1001)",
            "22023: keep is out of range",
        ),
        ("untrack(NULL)", "22004: task is null"),
    ] {
        let refused = refused(&client, &format!("SELECT runmeta.{call}")).await;
        assert_eq!(refused.lines().next(), Some(error), "{call}");
    }
    let many = "SELECT runmeta.track('import', 'n' || i) FROM generate_series(1, 32) AS i";
    assert!(
        refused(&client, many)
            .await
            .starts_with("54000: too many numbers of task \"import\"")
    );
    assert_eq!(
        run(&client, "SELECT count(*) FROM runmeta.tracked").await,
        "1"
    );
}
