//! Starts, statuses and finishes are exactly once, as lists are.

use tokio_postgres::Client;

use super::{after, database, runs};
use crate::harness::rows;

async fn numbered(client: &Client, sequence: u32, batch: &str) -> String {
    let flush = format!(
        "SELECT run_id, part, outcome, version, unapplied FROM runmeta.flush('{batch}', '00000000-0000-4000-8000-000000000001', {sequence})"
    );
    rows(client, &flush).await
}

const ONE: &str = r#"[{"type": "increment", "key": "n"}]"#;

#[tokio::test]
async fn a_batch_that_comes_again_is_a_duplicate_whatever_its_parts_are() {
    let (_database, client) = database().await;
    let batch = format!(
        r#"[{{"run": "a", "start": {{"attempt": 1}}, "operations": {ONE}, "status": "x", "finish": {{}}}}, {{"run": "a", "start": {{"attempt": 2}}, "operations": {ONE}}}]"#
    );
    let first = numbered(&client, 1, &batch).await;
    assert_eq!(first.matches("| applied |").count(), 6, "{first}");
    let before = runs(&client).await;
    assert_eq!(
        numbered(&client, 1, &batch).await,
        "a | start | duplicate | NULL | NULL\na | operations | duplicate | NULL | NULL\na | status | duplicate | NULL | NULL\n\
         a | finish | duplicate | NULL | NULL\na | start | duplicate | NULL | NULL\na | operations | duplicate | NULL | NULL"
    );
    assert_eq!(runs(&client).await, before);
    let kept = "SELECT last_sequence, refused FROM runmeta.writer";
    assert_eq!(rows(&client, kept).await, "1 | NULL");
}

#[tokio::test]
async fn refusals_of_all_parts_are_told_again() {
    let (_database, client) = after(
        "SELECT runmeta.start('closed'), runmeta.finish('closed'), runmeta.start('stale', attempt => 2)",
    )
    .await;
    let batch = format!(
        r#"[{{"run": "closed", "start": {{}}, "operations": {ONE}, "finish": "done"}},
            {{"run": "stale", "status": {{"status": "x", "attempt": 1}}, "finish": {{"attempt": 1}}}}, {{"run": "stale", "finish": {{"attempt": 3}}}},
            {{"run": "new", "start": {{"task": ""}}}}, {{"run": "new", "start": {{}}}}, {{"run": "nobody", "finish": {{}}}}]"#
    );
    let first = "closed | start | closed | 2 | NULL\nclosed | operations | closed | 2 | NULL\nclosed | finish | closed | 2 | NULL\n\
        stale | status | stale | 1 | NULL\nstale | finish | stale | 1 | NULL\nstale | finish | invalid | 1 | [{\"detail\": \"attempt 3 at run \\\"stale\\\" has not begun\", \"reason\": \"attempt_not_begun\"}]\n\
        new | start | invalid | NULL | [{\"detail\": \"task has 0 bytes\", \"reason\": \"bad_length\"}]\nnew | start | applied | 1 | NULL\nnobody | finish | not_found | NULL | NULL";
    assert_eq!(numbered(&client, 1, &batch).await, first);
    let again = first
        .replace("| 1 |", "| NULL |")
        .replace("| 2 |", "| NULL |")
        .replace("applied", "duplicate");
    assert_eq!(numbered(&client, 1, &batch).await, again);
    assert_eq!(
        rows(
            &client,
            "SELECT jsonb_array_elements(refused) FROM runmeta.writer"
        )
        .await,
        r#"{"run": "closed", "part": "start", "target": "self", "outcome": "closed"}
{"run": "closed", "target": "self", "outcome": "closed"}
{"run": "closed", "part": "finish", "target": "self", "outcome": "closed"}
{"run": "stale", "part": "status", "target": "self", "outcome": "stale"}
{"run": "stale", "part": "finish", "target": "self", "outcome": "stale"}
{"run": "stale", "part": "finish", "target": "self", "earlier": 1, "outcome": "invalid", "unapplied": [{"detail": "attempt 3 at run \"stale\" has not begun", "reason": "attempt_not_begun"}]}
{"run": "new", "part": "start", "target": "self", "outcome": "invalid", "unapplied": [{"detail": "task has 0 bytes", "reason": "bad_length"}]}
{"run": "nobody", "part": "finish", "target": "self", "outcome": "not_found"}"#
    );
}

#[tokio::test]
async fn what_others_wrote_among_the_refusals_is_told_only_where_it_makes_sense() {
    let (_database, client) = database().await;
    let batch = r#"[{"run": "a", "start": {}, "finish": {}}]"#;
    numbered(&client, 1, batch).await;
    for planted in [
        r#"[{"run": "a", "part": "operations", "target": "self", "outcome": "closed"}]"#,
        r#"[{"run": "a", "part": "start", "target": "root", "outcome": "closed"}]"#,
        r#"[{"run": "a", "part": "begin", "target": "self", "outcome": "closed"}, {"run": "a", "part": 1, "target": "self", "outcome": "closed"}]"#,
        r#"[{"run": "a", "part": "start", "target": "self", "outcome": "duplicate", "unapplied": [{"reason": "x"}]}]"#,
        r#"[{"run": "a", "part": "start", "target": "self", "unapplied": [{"index": 0, "reason": "x"}]}]"#,
    ] {
        let plant = format!("UPDATE runmeta.writer SET refused = '{planted}'");
        client.batch_execute(&plant).await.unwrap();
        assert_eq!(
            numbered(&client, 1, batch).await,
            "a | start | duplicate | NULL | NULL\na | finish | duplicate | NULL | NULL",
            "{planted}"
        );
    }
}

/// After a failover that lost nothing but the writer, and after one that lost the last batches too, a client sends what it
/// has under a new writer or again.
#[tokio::test]
async fn a_start_that_is_sent_again_without_its_writer_starts_nothing_twice() {
    let (_database, client) = database().await;
    let batch = format!(
        r#"[{{"run": "a", "start": {{}}, "operations": {ONE}, "finish": {{}}}}, {{"run": "b", "start": {{"attempt": 2}}, "operations": {ONE}}}]"#
    );
    numbered(&client, 1, &batch).await;
    let before = runs(&client).await;
    client
        .batch_execute("DELETE FROM runmeta.writer")
        .await
        .unwrap();
    assert_eq!(
        numbered(&client, 1, &batch).await,
        "a | start | closed | 3 | NULL\na | operations | closed | 3 | NULL\na | finish | closed | 3 | NULL\n\
         b | start | unchanged | 2 | NULL\nb | operations | applied | 3 | NULL"
    );
    let of_a = |runs: &str| runs.lines().next().map(str::to_owned);
    assert_eq!(of_a(&runs(&client).await), of_a(&before));
}
