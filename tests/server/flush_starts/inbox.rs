//! Starts and finishes beside lists that wait in the inbox.

use tokio_postgres::Client;

use super::{after, flush};
use crate::harness::{Database, process, rows, until_waiting};

const ONE: &str = r#"[{"type": "increment", "key": "n"}]"#;
const WAITING: &str = "SELECT run_id, source_id, operations FROM runmeta.inbox ORDER BY id";

async fn family() -> (Database, Client) {
    after(
        "SELECT runmeta.start('top'), runmeta.start('child', parent_run_id => 'top'), runmeta.start('second', parent_run_id => 'top');
         SET runmeta.inbox = on",
    )
    .await
}

#[tokio::test]
async fn lists_for_a_parent_wait_while_the_run_starts_or_finishes() {
    let (_database, client) = family().await;
    let batch = format!(
        r#"[{{"run": "child", "start": {{}}, "operations": {ONE}, "parentOperations": {ONE}, "finish": {{}}}},
            {{"run": "new", "start": {{"parent": "top"}}, "parentOperations": {ONE}, "rootOperations": {ONE}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "child | start | unchanged | 1 | NULL\nchild | operations | applied | 2 | NULL\nchild | operations | queued | NULL | NULL\n\
         child | finish | applied | 3 | NULL\nnew | start | applied | 1 | NULL\nnew | operations | queued | NULL | NULL\nnew | operations | queued | NULL | NULL"
    );
    let live = "SELECT metadata, version FROM runmeta.live_run WHERE id = 'top'";
    assert_eq!(rows(&client, live).await, "{\"n\": 3} | 4");
    assert_eq!(
        rows(&client, "SELECT version FROM runmeta.run WHERE id = 'top'").await,
        "1"
    );
}

#[tokio::test]
async fn lists_of_an_entry_whose_start_is_refused_do_not_wait() {
    let (_database, client) = family().await;
    client
        .batch_execute("SELECT runmeta.finish('child')")
        .await
        .unwrap();
    let batch = format!(
        r#"[{{"run": "child", "start": {{}}, "parentOperations": {ONE}}}, {{"run": "second", "start": {{"attempt": 1}}, "parentOperations": {ONE}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "child | start | closed | 2 | NULL\nchild | operations | closed | NULL | NULL\nsecond | start | unchanged | 1 | NULL\nsecond | operations | queued | NULL | NULL"
    );
    assert_eq!(
        rows(&client, WAITING).await,
        r#"top | second | [{"key": "n", "type": "increment"}]"#
    );
}

#[tokio::test]
async fn a_batch_that_changes_the_parent_itself_writes_its_childrens_lists_directly() {
    let (_database, client) = family().await;
    let batch = format!(
        r#"[{{"run": "child", "parentOperations": {ONE}}}, {{"run": "top", "finish": {{}}}}, {{"run": "second", "parentOperations": {ONE}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "child | operations | applied | 2 | NULL\ntop | finish | applied | 3 | NULL\nsecond | operations | applied | 4 | NULL"
    );
}

#[tokio::test]
async fn a_status_a_finish_and_another_attempt_fold_what_waits_for_their_run() {
    for (entry, row, version) in [
        (
            r#""status": "checking""#,
            "top | status | applied | 4 | NULL",
            "4",
        ),
        (r#""finish": {}"#, "top | finish | applied | 4 | NULL", "4"),
        (
            r#""start": {"attempt": 2, "metadata": {"n": 5}}"#,
            "top | start | applied | 4 | NULL",
            "4",
        ),
        (
            r#""status": "running""#,
            "top | status | unchanged | 3 | NULL",
            "3",
        ),
        (
            r#""status": "done""#,
            r#"top | status | invalid | NULL | [{"reason": "final_status"}]"#,
            "1",
        ),
        (r#""start": {}"#, "top | start | unchanged | 3 | NULL", "1"),
        (
            r#""start": {}, "operations": []"#,
            "top | start | unchanged | 3 | NULL\ntop | operations | unchanged | 3 | NULL",
            "3",
        ),
    ] {
        let (_database, client) = family().await;
        client
            .batch_execute("SELECT runmeta.increment('child', 'n', target => 'parent'), runmeta.increment('second', 'n', target => 'parent')")
            .await
            .unwrap();
        let batch = format!(r#"[{{"run": "top", {entry}}}]"#);
        assert_eq!(flush(&client, &batch).await, row);
        let stored = "SELECT version FROM runmeta.run WHERE id = 'top'";
        assert_eq!(rows(&client, stored).await, version, "{entry}");
        let live = "SELECT metadata ->> 'n' FROM runmeta.live_run WHERE id = 'top'";
        let n = if entry.contains("attempt") { "5" } else { "2" };
        assert_eq!(rows(&client, live).await, n, "{entry}");
    }
}

#[tokio::test]
async fn a_finish_does_not_wait_for_a_parent_that_is_locked() {
    let (database, client) = family().await;
    let holder = database.connect().await;
    holder
        .batch_execute("BEGIN; SELECT FROM runmeta.run WHERE id = 'top' FOR UPDATE")
        .await
        .unwrap();
    client
        .batch_execute("SET lock_timeout = '1ms'")
        .await
        .unwrap();
    let batch = format!(
        r#"[{{"run": "child", "start": {{}}, "parentOperations": {ONE}, "rootOperations": {ONE}, "finish": {{}}}}, {{"run": "new", "start": {{"parent": "top"}}, "parentOperations": {ONE}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "child | start | unchanged | 1 | NULL\nchild | operations | queued | NULL | NULL\nchild | operations | queued | NULL | NULL\n\
         child | finish | applied | 2 | NULL\nnew | start | applied | 1 | NULL\nnew | operations | queued | NULL | NULL"
    );
}

/// A large document is known as such only where a worker counts what waits.
#[tokio::test]
async fn small_lists_for_large_documents_wait_beside_runs_that_finish() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start(id, jsonb_build_object('text', repeat('x', 100000))) FROM unnest('{large,ends}'::text[]) AS id;
             SELECT runmeta.start('small')",
        )
        .await
        .unwrap();
    let batch = format!(
        r#"[{{"run": "large", "operations": {ONE}}}, {{"run": "ends", "operations": {ONE}, "finish": {{}}}}, {{"run": "small", "operations": {ONE}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "large | operations | queued | NULL | NULL\nends | operations | applied | 2 | NULL\nends | finish | applied | 3 | NULL\nsmall | operations | applied | 2 | NULL"
    );
    let live = "SELECT metadata -> 'n', version FROM runmeta.live_run WHERE id = 'large'";
    assert_eq!(rows(&client, live).await, "1 | 2");
}

/// The list waits neither while the start is undecided nor when it is refused.
#[tokio::test]
async fn a_start_that_another_session_makes_stale_meanwhile_takes_its_lists_with_it() {
    for inbox in ["on", "off"] {
        let (database, client) = family().await;
        client
            .batch_execute(&format!("SET runmeta.inbox = {inbox}"))
            .await
            .unwrap();
        let observer = database.connect().await;
        let other = database.connect().await;
        let waiting = process(&client).await;
        other
            .batch_execute("BEGIN; SELECT runmeta.start('second', attempt => 2)")
            .await
            .unwrap();
        let batch = format!(
            r#"[{{"run": "second", "start": {{"attempt": 1}}, "parentOperations": {ONE}, "operations": {ONE}}}, {{"run": "child", "start": {{}}, "parentOperations": {ONE}}}]"#
        );
        let flushing = tokio::spawn(async move { flush(&client, &batch).await });
        until_waiting(&observer, waiting).await;
        other.batch_execute("COMMIT").await.unwrap();
        let answer = flushing.await.unwrap();
        let queued = if inbox == "on" {
            "queued | NULL"
        } else {
            "applied | 2"
        };
        assert_eq!(
            answer,
            format!(
                "second | start | stale | 2 | NULL\nsecond | operations | stale | 2 | NULL\nsecond | operations | stale | NULL | NULL\n\
                 child | start | unchanged | 1 | NULL\nchild | operations | {queued} | NULL"
            )
        );
        let live = "SELECT metadata FROM runmeta.live_run WHERE id = 'top'";
        assert_eq!(rows(&observer, live).await, "{\"n\": 1}");
    }
}
