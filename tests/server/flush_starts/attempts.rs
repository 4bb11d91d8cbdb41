//! Starts, statuses and finishes that are refused, for their entry alone.

use super::{after, database, flush, runs};
use crate::harness::{refusal, rows};

const ONE: &str = r#"[{"type": "increment", "key": "n"}]"#;

#[tokio::test]
async fn a_greater_attempt_begins_with_the_metadata_merged_before_the_lists() {
    let (_database, client) = after(
        r#"SELECT runmeta.start('a', '{"n": 5, "old": 1}'), runmeta.finish('a', 'failed'); SELECT runmeta.start('b', '{"n": 7}')"#,
    )
    .await;
    let batch = format!(
        r#"[{{"run": "a", "start": {{"attempt": 2, "metadata": {{"n": 0, "old": null}}, "task": "not taken"}}, "operations": {ONE}}},
            {{"run": "b", "start": {{"attempt": 9, "status": "queued"}}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "a | start | applied | 3 | NULL\na | operations | applied | 4 | NULL\nb | start | applied | 2 | NULL"
    );
    assert_eq!(
        runs(&client).await,
        "a | 2 | running | 4 | t | f | {\"n\": 1}\nb | 9 | queued | 2 | f | f | {\"n\": 7}"
    );
    let task = "SELECT task, started_at = updated_at, size_bound >= runmeta.size(metadata) FROM runmeta.run WHERE id = 'a'";
    assert_eq!(rows(&client, task).await, "NULL | t | t");
}

#[tokio::test]
async fn everything_in_an_entry_whose_start_is_refused_is_refused_too() {
    let (_database, client) = after(
        "SELECT runmeta.start('top'), runmeta.start('closed', parent_run_id => 'top'), runmeta.start('stale', parent_run_id => 'top', attempt => 2);
         SELECT runmeta.finish('closed')",
    )
    .await;
    let row = "SELECT r, xmin FROM runmeta.run AS r ORDER BY id";
    let before = rows(&client, row).await;
    let rest = format!(
        r#""operations": {ONE}, "parentOperations": {ONE}, "rootOperations": {ONE}, "status": "checking", "finish": "done""#
    );
    let batch = format!(
        r#"[{{"run": "closed", "start": {{}}, {rest}}}, {{"run": "stale", "start": {{"attempt": 1}}, {rest}}},
            {{"run": "orphan", "start": {{"parent": "nobody"}}, {rest}}}, {{"run": "bad", "start": {{"status": "done"}}, {rest}}}]"#
    );
    let expected = |run, outcome, version, reason| {
        let parts = [
            "start",
            "operations",
            "operations",
            "operations",
            "status",
            "finish",
        ];
        let lines = (0..6).map(|row| {
            let version = if row == 2 || row == 3 {
                "NULL"
            } else {
                version
            };
            let reason = if row == 0 { reason } else { "NULL" };
            format!("{run} | {} | {outcome} | {version} | {reason}", parts[row])
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        flush(&client, &batch).await,
        [
            expected("closed", "closed", "2", "NULL"),
            expected("stale", "stale", "1", "NULL"),
            expected("orphan", "not_found", "NULL", "NULL"),
            expected("bad", "invalid", "NULL", r#"[{"reason": "final_status"}]"#)
        ]
        .join("\n")
    );
    assert_eq!(rows(&client, row).await, before);
}

#[tokio::test]
async fn no_refusal_touches_another_entry() {
    let (_database, client) =
        after("SELECT runmeta.start('closed'), runmeta.finish('closed')").await;
    let batch = format!(
        r#"[{{"run": "closed", "start": {{}}, "operations": {ONE}}}, {{"run": "closed", "operations": {ONE}}}, {{"run": "closed", "finish": "other"}},
            {{"run": "new", "start": {{}}, "operations": {ONE}}}, {{"run": "nobody", "status": "x", "finish": "y"}}, {{"run": "new", "finish": {{}}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "closed | start | closed | 2 | NULL\nclosed | operations | closed | 2 | NULL\nclosed | operations | applied | 3 | NULL\n\
         closed | finish | closed | 3 | NULL\nnew | start | applied | 1 | NULL\nnew | operations | applied | 2 | NULL\n\
         nobody | status | not_found | NULL | NULL\nnobody | finish | not_found | NULL | NULL\nnew | finish | applied | 3 | NULL"
    );
}

#[tokio::test]
async fn a_list_that_is_refused_does_not_keep_a_run_from_finishing() {
    let (_database, client) =
        after("SET runmeta.maximum_size = '30B'; SELECT runmeta.start('a')").await;
    let large = r#"[{"type": "set", "key": "text", "value": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]"#;
    let batch = format!(
        r#"[{{"run": "a", "operations": {large}, "parentOperations": {ONE}, "status": "checking", "finish": "done"}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "a | operations | too_large | 2 | NULL\na | operations | applied | 2 | NULL\na | status | applied | 3 | NULL\na | finish | applied | 4 | NULL"
    );
    assert_eq!(runs(&client).await, "a | 1 | done | 4 | t | t | {\"n\": 1}");
}

#[tokio::test]
async fn lists_of_an_entry_apply_before_its_finish_and_those_behind_it_after() {
    let (_database, client) =
        after("SELECT runmeta.start('a'); SET runmeta.update_window = 0").await;
    let batch = format!(
        r#"[{{"run": "a", "operations": {ONE}, "finish": {{}}}}, {{"run": "a", "operations": {ONE}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "a | operations | applied | 2 | NULL\na | finish | applied | 3 | NULL\na | operations | closed | 3 | NULL"
    );
}

#[tokio::test]
async fn a_late_worker_that_names_its_attempt_is_refused() {
    let (_database, client) = after("SELECT runmeta.start('a', attempt => 2)").await;
    let batch = r#"[{"run": "a", "status": {"status": "paused", "attempt": 1}, "finish": {"attempt": 1}},
        {"run": "a", "status": {"status": "paused", "attempt": 3}, "finish": {"status": "failed", "attempt": 3}},
        {"run": "a", "status": {"status": "paused", "attempt": 2}, "finish": {"status": "failed", "attempt": 2}},
        {"run": "a", "finish": {"status": "failed", "attempt": 1}}, {"run": "a", "finish": "done"}, {"run": "a", "status": "x"}, {"run": "a", "finish": "failed"}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "a | status | stale | 1 | NULL\na | finish | stale | 1 | NULL\n\
         a | status | invalid | 1 | [{\"reason\": \"attempt_not_begun\"}]\na | finish | invalid | 1 | [{\"reason\": \"attempt_not_begun\"}]\n\
         a | status | applied | 2 | NULL\na | finish | applied | 3 | NULL\n\
         a | finish | stale | 3 | NULL\na | finish | closed | 3 | NULL\na | status | closed | 3 | NULL\na | finish | unchanged | 3 | NULL"
    );
}

#[tokio::test]
async fn what_no_run_can_have_is_invalid_for_its_run_alone() {
    let (_database, client) = after("SELECT runmeta.start('a')").await;
    let long = "x".repeat(256);
    let tags = vec!["\"t\""; 101].join(",");
    let deep = format!("{}{}", "{\"a\":".repeat(101) + "1", "}".repeat(101));
    for (entry, reason) in [
        (r#""start": {"metadata": []}"#.to_owned(), "bad_metadata"),
        (r#""start": {"metadata": "x"}"#.to_owned(), "bad_metadata"),
        (
            format!(r#""start": {{"metadata": {deep}}}"#),
            "bad_metadata",
        ),
        (r#""start": {"task": ""}"#.to_owned(), "bad_length"),
        (format!(r#""start": {{"task": "{long}"}}"#), "bad_length"),
        (
            format!(r#""start": {{"tags": ["x", "{long}"]}}"#),
            "bad_length",
        ),
        (r#""start": {"status": ""}"#.to_owned(), "bad_length"),
        (format!(r#""start": {{"tags": [{tags}]}}"#), "too_many_tags"),
        (
            r#""start": {"status": "Completed"}"#.to_owned(),
            "final_status",
        ),
        (r#""start": {"attempt": 0}"#.to_owned(), "bad_attempt"),
        (r#""start": {"attempt": -1}"#.to_owned(), "bad_attempt"),
        (r#""start": {"attempt": 1.5}"#.to_owned(), "bad_attempt"),
        (
            r#""start": {"attempt": 1e131071}"#.to_owned(),
            "bad_attempt",
        ),
        (
            r#""start": {"attempt": 2147483648}"#.to_owned(),
            "bad_attempt",
        ),
        (r#""status": "done""#.to_owned(), "final_status"),
        (r#""status": """#.to_owned(), "bad_length"),
        (r#""finish": "running""#.to_owned(), "unfinished_status"),
        (format!(r#""finish": "{long}""#), "bad_length"),
        (
            r#""finish": {"status": "queued", "attempt": 1}"#.to_owned(),
            "unfinished_status",
        ),
    ] {
        for run in ["a", "new"] {
            let part = &entry[1..entry[1..].find('"').unwrap() + 1];
            let batch = format!(r#"[{{"run": "{run}", {entry}}}]"#);
            assert_eq!(
                flush(&client, &batch).await,
                format!(r#"{run} | {part} | invalid | NULL | [{{"reason": "{reason}"}}]"#),
                "{entry}"
            );
        }
    }
    assert_eq!(runs(&client).await, "a | 1 | running | 1 | t | f | {}");
}

#[tokio::test]
async fn the_detail_of_what_is_invalid_is_the_message_of_the_single_call() {
    let (_database, client) = after("SELECT runmeta.start('a')").await;
    for (entry, call) in [
        (
            r#""start": {"tags": ["x", ""]}"#,
            "start('a', tags => '{x,\"\"}')",
        ),
        (
            r#""start": {"status": "done"}"#,
            "start('a', status => 'done')",
        ),
        (r#""start": {"metadata": [1]}"#, "start('a', '[1]')"),
        (r#""status": """#, "set_status('a', '')"),
        (r#""finish": "paused""#, "finish('a', 'paused')"),
        (r#""finish": {"attempt": 2}"#, "finish('a', attempt => 2)"),
    ] {
        let flush = format!(
            r#"SELECT unapplied -> 0 ->> 'detail' FROM runmeta.flush('[{{"run": "a", {entry}}}]')"#
        );
        let detail = rows(&client, &flush).await;
        let refused = refusal(
            client
                .batch_execute(&format!("SELECT runmeta.{call}"))
                .await,
        );
        let message = refused
            .lines()
            .next()
            .and_then(|line| line.split_once(": "));
        assert_eq!(
            message.map(|(_, message)| message),
            Some(&*detail),
            "{entry}"
        );
    }
}

#[tokio::test]
async fn metadata_over_the_limit_is_too_large_for_a_new_run_and_for_another_attempt() {
    let (_database, client) = after(
        r#"SELECT runmeta.start('a', '{"a": "123456789012345"}'); SET runmeta.maximum_size = 30"#,
    )
    .await;
    let batch = r#"[{"run": "a", "start": {"metadata": {"b": "1234567"}, "attempt": 2}, "finish": {}},
        {"run": "b", "start": {"metadata": {"b": "1234567890123456789012345"}}, "finish": {}}, {"run": "c", "start": {"metadata": {"b": "123"}}}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "a | start | too_large | 1 | NULL\na | finish | too_large | 1 | NULL\nb | start | too_large | NULL | NULL\n\
         b | finish | too_large | NULL | NULL\nc | start | applied | 1 | NULL"
    );
}

#[tokio::test]
async fn a_run_with_the_last_version_or_the_last_depth_takes_nothing() {
    let (_database, client) = after(
        "SELECT runmeta.start('last'), runmeta.start('deep');
         UPDATE runmeta.run SET version = 9223372036854775807 WHERE id = 'last';
         UPDATE runmeta.run SET depth = 2147483647 WHERE id = 'deep'",
    )
    .await;
    let batch = format!(
        r#"[{{"run": "last", "start": {{"attempt": 2}}}}, {{"run": "last", "operations": {ONE}}}, {{"run": "last", "status": "x"}},
            {{"run": "last", "finish": {{}}}}, {{"run": "child", "start": {{"parent": "deep"}}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "last | start | closed | 9223372036854775807 | NULL\nlast | operations | closed | 9223372036854775807 | NULL\n\
         last | status | closed | 9223372036854775807 | NULL\nlast | finish | closed | 9223372036854775807 | NULL\n\
         child | start | invalid | NULL | [{\"reason\": \"last_depth\"}]"
    );
}

#[tokio::test]
async fn several_entries_for_one_run_take_effect_in_their_order() {
    let (_database, client) = database().await;
    let batch = format!(
        r#"[{{"run": "a", "operations": {ONE}, "finish": {{}}}}, {{"run": "a", "start": {{}}}}, {{"run": "a", "operations": {ONE}}}, {{"run": "a", "finish": "failed"}},
            {{"run": "a", "start": {{"attempt": 2, "metadata": {{"second": true}}}}}}, {{"run": "a", "operations": {ONE}}}, {{"run": "a", "operations": {ONE}}},
            {{"run": "a", "start": {{}}}}, {{"run": "a", "finish": {{"attempt": 1}}}}, {{"run": "a", "finish": {{"attempt": 2}}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "a | operations | not_found | NULL | NULL\na | finish | not_found | NULL | NULL\na | start | applied | 1 | NULL\n\
         a | operations | applied | 2 | NULL\na | finish | applied | 3 | NULL\na | start | applied | 4 | NULL\n\
         a | operations | applied | 5 | NULL\na | operations | applied | 5 | NULL\na | start | unchanged | 5 | NULL\n\
         a | finish | stale | 5 | NULL\na | finish | applied | 6 | NULL"
    );
    assert_eq!(
        runs(&client).await,
        "a | 2 | completed | 6 | t | t | {\"n\": 3, \"second\": true}"
    );
}

#[tokio::test]
async fn the_first_start_of_a_run_that_can_be_made_makes_it() {
    let (_database, client) = after("SELECT runmeta.start('top')").await;
    let batch = r#"[{"run": "a", "start": {"status": "done"}}, {"run": "a", "start": {"parent": "nobody"}}, {"run": "a", "start": {"parent": "top", "task": "x"}},
        {"run": "a", "start": {"task": "y"}}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "a | start | invalid | NULL | [{\"reason\": \"final_status\"}]\na | start | not_found | NULL | NULL\n\
         a | start | applied | 1 | NULL\na | start | unchanged | 1 | NULL"
    );
    let row = "SELECT parent_id, task FROM runmeta.run WHERE id = 'a'";
    assert_eq!(rows(&client, row).await, "top | x");
}
