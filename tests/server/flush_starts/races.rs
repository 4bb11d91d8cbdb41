//! Batches beside other sessions that finish, delete or lock the same runs, and at other levels of isolation.

use tokio_postgres::Client;

use super::{after, flush, flush_of, runs};
use crate::harness::{by_hand_sql, process, refusal, rows, until_waiting};

const ONE: &str = r#"[{"type": "increment", "key": "n"}]"#;

/// Flushes while another session has made a change that it does not commit before the flush waits for it. Returns the answer
/// and the runs.
async fn beside(setup: &str, change: &str, batch: &str) -> (String, String) {
    let (database, other) = after(setup).await;
    let client = database.connect().await;
    let observer = database.connect().await;
    let waiting = process(&client).await;
    other.batch_execute("BEGIN").await.unwrap();
    other.batch_execute(change).await.unwrap();
    let batch = batch.to_owned();
    let flushing = tokio::spawn(async move { flush(&client, &batch).await });
    until_waiting(&observer, waiting).await;
    other.batch_execute("COMMIT").await.unwrap();
    (flushing.await.unwrap(), runs(&observer).await)
}

#[tokio::test]
async fn parts_are_decided_by_the_run_as_another_session_left_it() {
    for (change, batch, answer, run) in [
        (
            "SELECT runmeta.finish('a', 'failed')",
            r#"[{"run": "a", "finish": "done"}]"#,
            "a | finish | closed | 2 | NULL",
            "a | 1 | failed | 2 | t | t | {}",
        ),
        (
            "SELECT runmeta.finish('a', 'done')",
            r#"[{"run": "a", "finish": "done"}]"#,
            "a | finish | unchanged | 2 | NULL",
            "a | 1 | done | 2 | t | t | {}",
        ),
        (
            "SELECT runmeta.start('a', attempt => 2)",
            r#"[{"run": "a", "status": {"status": "x", "attempt": 1}, "finish": {"attempt": 1}}]"#,
            "a | status | stale | 2 | NULL\na | finish | stale | 2 | NULL",
            "a | 2 | running | 2 | t | f | {}",
        ),
        (
            "SELECT runmeta.start('a', attempt => 3)",
            r#"[{"run": "a", "start": {"attempt": 2}, "operations": [{"type": "increment", "key": "n"}], "finish": {}}]"#,
            "a | start | stale | 2 | NULL\na | operations | stale | 2 | NULL\na | finish | stale | 2 | NULL",
            "a | 3 | running | 2 | t | f | {}",
        ),
        (
            "SELECT runmeta.set('a', 'n', '41')",
            r#"[{"run": "a", "operations": [{"type": "increment", "key": "n"}], "finish": {}}]"#,
            "a | operations | applied | 3 | NULL\na | finish | applied | 4 | NULL",
            "a | 1 | completed | 4 | t | t | {\"n\": 42}",
        ),
        (
            "DELETE FROM runmeta.run WHERE id = 'a'",
            r#"[{"run": "a", "operations": [{"type": "increment", "key": "n"}], "finish": {}}]"#,
            "a | operations | not_found | NULL | NULL\na | finish | not_found | NULL | NULL",
            "",
        ),
        // The run that was found is gone, so it is made anew.
        (
            "DELETE FROM runmeta.run WHERE id = 'a'",
            r#"[{"run": "a", "start": {"attempt": 7}, "operations": [{"type": "increment", "key": "n"}]}]"#,
            "a | start | applied | 1 | NULL\na | operations | applied | 2 | NULL",
            "a | 7 | running | 2 | t | f | {\"n\": 1}",
        ),
    ] {
        let start = format!("SELECT runmeta.start('a'); {}", by_hand_sql());
        let (seen, left) = beside(&start, change, batch).await;
        assert_eq!((seen.as_str(), left.as_str()), (answer, run), "{change}");
    }
}

#[tokio::test]
async fn a_run_that_another_session_is_starting_is_found() {
    let (answer, runs) = beside(
        "",
        "SELECT runmeta.start('b', '{\"n\": 5}')",
        &format!(r#"[{{"run": "a", "start": {{}}}}, {{"run": "b", "start": {{"metadata": {{"n": 7}}}}, "operations": {ONE}}}, {{"run": "c", "start": {{}}, "finish": {{}}}}]"#),
    )
    .await;
    assert_eq!(
        answer,
        "a | start | applied | 1 | NULL\nb | start | unchanged | 1 | NULL\nb | operations | applied | 2 | NULL\nc | start | applied | 1 | NULL\nc | finish | applied | 2 | NULL"
    );
    assert_eq!(
        runs,
        "a | 1 | running | 1 | t | f | {}\nb | 1 | running | 2 | t | f | {\"n\": 6}\nc | 1 | completed | 2 | t | t | {}"
    );
}

#[tokio::test]
async fn a_start_that_finds_its_run_waits_for_nobody() {
    let (database, other) = after("SELECT runmeta.start('a'), runmeta.start('p')").await;
    let client = database.connect().await;
    other
        .batch_execute("BEGIN; SELECT FROM runmeta.run FOR UPDATE")
        .await
        .unwrap();
    client
        .batch_execute("SET lock_timeout = '1ms'")
        .await
        .unwrap();
    assert_eq!(
        flush(&client, r#"[{"run": "a", "start": {}}, {"run": "child", "start": {"parent": "p"}, "finish": {}}]"#).await,
        "a | start | unchanged | 1 | NULL\nchild | start | applied | 1 | NULL\nchild | finish | applied | 2 | NULL"
    );
}

#[tokio::test]
async fn a_flush_beside_a_prune_makes_its_runs_anew_or_keeps_their_trees() {
    let finished = "SELECT runmeta.start('top'), runmeta.finish('top');
        UPDATE runmeta.run SET finished_at = '2026-01-01'";
    let batch = r#"[{"run": "child", "start": {"parent": "top"}}, {"run": "top", "start": {"attempt": 2}}]"#;
    // prune was first: the parent was gone when the child came, as for single calls in the order of the entries.
    let (answer, left) = beside(finished, "SELECT runmeta.prune('infinity')", batch).await;
    assert_eq!(
        answer,
        "child | start | not_found | NULL | NULL\ntop | start | applied | 1 | NULL"
    );
    assert_eq!(left, "top | 2 | running | 1 | t | f | {}");
    // The flush was first.
    let (database, client) = after(finished).await;
    let other = database.connect().await;
    client.batch_execute("BEGIN").await.unwrap();
    flush(&client, r#"[{"run": "child", "start": {"parent": "top"}}]"#).await;
    assert_eq!(rows(&other, "SELECT runmeta.prune('infinity')").await, "0");
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(rows(&other, "SELECT runmeta.prune('infinity')").await, "0");
    assert_eq!(rows(&other, "SELECT count(*) FROM runmeta.run").await, "2");
}

async fn with_snapshot(client: &Client, level: &str) {
    let begin = format!("BEGIN ISOLATION LEVEL {level}; SELECT FROM runmeta.run");
    client.batch_execute(&begin).await.unwrap();
}

#[tokio::test]
async fn a_change_since_the_snapshot_is_a_serialization_failure() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        for (change, batch) in [
            (
                "SELECT runmeta.finish('a')",
                r#"[{"run": "a", "finish": "done"}]"#,
            ),
            (
                "SELECT runmeta.start('a', attempt => 2)",
                r#"[{"run": "a", "start": {}}]"#,
            ),
            (
                "SELECT runmeta.start('a', attempt => 2)",
                r#"[{"run": "a", "start": {"parent": "nobody"}}]"#,
            ),
            (
                "SELECT runmeta.start('new')",
                r#"[{"run": "new", "start": {}}]"#,
            ),
            (
                "SELECT runmeta.start('new', parent_run_id => 'a')",
                r#"[{"run": "child", "start": {"parent": "new"}}, {"run": "new", "start": {}}]"#,
            ),
        ] {
            let (database, other) = after("SELECT runmeta.start('a')").await;
            let client = database.connect().await;
            with_snapshot(&client, level).await;
            other.batch_execute(change).await.unwrap();
            let refused = refusal(client.batch_execute(&flush_of(batch)).await);
            assert!(
                refused.starts_with("40001: could not serialize access"),
                "{batch}: {refused}"
            );
        }
    }
}

#[tokio::test]
async fn what_a_batch_did_goes_with_its_savepoint() {
    let (_database, client) = after("SELECT runmeta.start('a')").await;
    client.batch_execute("BEGIN; SAVEPOINT s").await.unwrap();
    flush(&client, r#"[{"run": "a", "finish": {}}, {"run": "p", "start": {}}, {"run": "c", "start": {"parent": "p"}}]"#).await;
    client.batch_execute("ROLLBACK TO s; COMMIT").await.unwrap();
    assert_eq!(runs(&client).await, "a | 1 | running | 1 | t | f | {}");
}

#[tokio::test]
async fn a_trigger_may_flush_starts_while_a_flush_is_at_work() {
    let (_database, client) = after(
        r#"CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.id NOT LIKE 'log%' THEN
                    PERFORM count(*) FROM runmeta.flush(jsonb_build_array(jsonb_build_object('run', 'log ' || NEW.id, 'start', '{}'::jsonb,
                        'operations', '[{"type": "increment", "key": "n"}]'::jsonb)));
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER log BEFORE INSERT OR UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION log();"#,
    )
    .await;
    let batch = format!(
        r#"[{{"run": "b", "start": {{}}, "operations": {ONE}, "finish": {{}}}}, {{"run": "a", "start": {{"parent": "b"}}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "b | start | applied | 1 | NULL\nb | operations | applied | 2 | NULL\nb | finish | applied | 3 | NULL\na | start | applied | 1 | NULL"
    );
    assert_eq!(
        runs(&client).await,
        "a | 1 | running | 1 | t | f | {}\nb | 1 | completed | 3 | t | t | {\"n\": 1}\nlog a | 1 | running | 2 | t | f | {\"n\": 1}\nlog b | 1 | running | 3 | t | f | {\"n\": 2}"
    );
}
