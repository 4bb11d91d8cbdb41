//! What each part of an entry does, and the row that it gets.

use super::{after, database, flush, runs};
use crate::harness::{Listener, refusal, rows};

#[tokio::test]
async fn parts_take_effect_in_the_order_of_the_entry_and_have_a_row_each() {
    let (_database, client) = after("SELECT runmeta.start('top')").await;
    let batch = r#"[{"run": "child", "finish": "done", "status": "running", "rootOperations": [{"type": "increment", "key": "r"}],
        "parentOperations": [{"type": "increment", "key": "p"}], "operations": [{"type": "increment", "key": "n"}],
        "start": {"parent": "top", "metadata": {"n": 1}, "task": "import", "tags": ["a", "b \" \\ , {c} NULL", "NULL", " "],
            "status": "queued", "attempt": 3}}, {"run": "top"}]"#;
    let columns =
        "SELECT run_id, target, outcome, version, unapplied, part FROM runmeta.flush('$')";
    assert_eq!(
        rows(&client, &columns.replace('$', batch)).await,
        "child | self | applied | 1 | NULL | start\n\
         child | self | applied | 2 | NULL | operations\n\
         child | parent | applied | 2 | NULL | operations\n\
         child | root | applied | 2 | NULL | operations\n\
         child | self | applied | 3 | NULL | status\n\
         child | self | applied | 4 | NULL | finish"
    );
    assert_eq!(
        runs(&client).await,
        "child | 3 | done | 4 | t | t | {\"n\": 2}\ntop | 1 | running | 2 | t | f | {\"p\": 1, \"r\": 1}"
    );
    let rest = "SELECT root_id, parent_id, depth, task, to_jsonb(tags), started_at > created_at, finished_at = updated_at,
        size_bound >= runmeta.size(metadata) FROM runmeta.run WHERE id = 'child'";
    assert_eq!(
        rows(&client, rest).await,
        r#"top | top | 1 | import | ["a", "b \" \\ , {c} NULL", "NULL", " "] | t | t | t"#
    );
}

#[tokio::test]
async fn members_of_a_start_have_the_defaults_of_the_single_call() {
    let (_database, client) = database().await;
    let all_null = r#"{"metadata": null, "parent": null, "task": null, "tags": null, "status": null, "attempt": null}"#;
    let batch = format!(r#"[{{"run": "a", "start": {{}}}}, {{"run": "b", "start": {all_null}}}]"#);
    assert_eq!(
        flush(&client, &batch).await,
        "a | start | applied | 1 | NULL\nb | start | applied | 1 | NULL"
    );
    client
        .batch_execute("SELECT runmeta.start('c')")
        .await
        .unwrap();
    let alike = "SELECT DISTINCT root_id = id, parent_id, depth, task, tags, status, attempt, metadata, version, started_at = created_at,
        updated_at = created_at, finished_at, size_bound FROM runmeta.run";
    assert_eq!(
        rows(&client, alike).await,
        "t | NULL | 0 | NULL | {} | running | 1 | {} | 1 | t | t | NULL | 2"
    );
}

#[tokio::test]
async fn a_waiting_status_leaves_started_at_empty_until_one_that_means_work() {
    let (_database, client) = database().await;
    let start = r#"[{"run": "a", "start": {"status": "queued"}}, {"run": "b", "start": {"status": "Pending"}, "status": "checking"}]"#;
    flush(&client, start).await;
    assert_eq!(
        runs(&client).await,
        "a | 1 | queued | 1 | f | f | {}\nb | 1 | checking | 2 | t | f | {}"
    );
    assert_eq!(
        flush(&client, r#"[{"run": "a", "status": "delayed"}, {"run": "a", "status": "running"}, {"run": "b", "status": "queued"}]"#).await,
        "a | status | applied | 2 | NULL\na | status | applied | 3 | NULL\nb | status | applied | 3 | NULL"
    );
    assert_eq!(
        runs(&client).await,
        "a | 1 | running | 3 | t | f | {}\nb | 1 | queued | 3 | t | f | {}"
    );
}

#[tokio::test]
async fn finish_is_completed_unless_it_says_otherwise() {
    let (_database, client) =
        after("SELECT runmeta.start(id) FROM unnest('{a,b,c}'::text[]) AS id").await;
    let batch = r#"[{"run": "a", "finish": {}}, {"run": "b", "finish": "failed"}, {"run": "c", "finish": {"attempt": 1, "status": null}}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "a | finish | applied | 2 | NULL\nb | finish | applied | 2 | NULL\nc | finish | applied | 2 | NULL"
    );
    let statuses = "SELECT status, finished_at = updated_at FROM runmeta.run ORDER BY id";
    assert_eq!(
        rows(&client, statuses).await,
        "completed | t\nfailed | t\ncompleted | t"
    );
}

#[tokio::test]
async fn what_changes_nothing_is_unchanged_and_leaves_the_row_as_it_is() {
    let (_database, client) = after(
        "SELECT runmeta.start('a', '{\"n\": 1}'), runmeta.start('b'), runmeta.set_status('b', 'checking'), runmeta.finish('b', 'done');
         SELECT runmeta.start('c'), runmeta.set_status('c', 'checking')",
    )
    .await;
    let row = "SELECT r, xmin FROM runmeta.run AS r ORDER BY id";
    let before = rows(&client, row).await;
    let batch = r#"[{"run": "a", "start": {"metadata": {"n": 7}, "status": "queued"}, "operations": []},
        {"run": "b", "start": {"attempt": 1}, "finish": {"status": "done", "attempt": 1}}, {"run": "c", "status": "checking"}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "a | start | unchanged | 1 | NULL\na | operations | unchanged | 1 | NULL\nb | start | unchanged | 3 | NULL\n\
         b | finish | unchanged | 3 | NULL\nc | status | unchanged | 2 | NULL"
    );
    assert_eq!(rows(&client, row).await, before);
    // Alone, it is decided without a lock.
    assert_eq!(
        flush(
            &client,
            r#"[{"run": "a", "start": {}}, {"run": "c", "start": {"attempt": 1}}]"#
        )
        .await,
        "a | start | unchanged | 1 | NULL\nc | start | unchanged | 2 | NULL"
    );
    assert_eq!(rows(&client, row).await, before);
}

#[tokio::test]
async fn every_change_is_announced_with_the_last_version() {
    let (database, client) = after("SELECT runmeta.start('b')").await;
    let mut listener = Listener::new(&database).await;
    let batch = r#"[{"run": "b", "operations": [{"type": "increment", "key": "n"}], "status": "checking", "finish": "done"},
        {"run": "a", "start": {}}, {"run": "c", "start": {"parent": "b"}, "finish": {}}, {"run": "d", "finish": {}}]"#;
    flush(&client, batch).await;
    assert_eq!(
        listener.payloads().await,
        [
            r#"{"runs":[{"id":"a","root":"a","version":1},{"id":"b","root":"b","version":4},{"id":"c","root":"b","version":2}]}"#
        ]
    );
}

#[tokio::test]
async fn a_batch_with_a_member_of_the_wrong_type_is_refused_whole_with_its_place() {
    let (_database, client) = after("SELECT runmeta.start('a')").await;
    for (entry, detail) in [
        (r#""start": true"#, "At [1].start: there is no object."),
        (r#""start": null"#, "At [1].start: there is no object."),
        (r#""start": []"#, "At [1].start: there is no object."),
        (
            r#""start": {"Task": "x"}"#,
            "At [1].start: the member \"Task\" is unknown.",
        ),
        (
            r#""start": {"run": "x"}"#,
            "At [1].start: the member \"run\" is unknown.",
        ),
        (
            r#""start": {"task": 1}"#,
            "At [1].start.task: there is no text.",
        ),
        (
            r#""start": {"parent": {}}"#,
            "At [1].start.parent: there is no text.",
        ),
        (
            r#""start": {"status": false}"#,
            "At [1].start.status: there is no text.",
        ),
        (
            r#""start": {"attempt": "1"}"#,
            "At [1].start.attempt: there is no number.",
        ),
        (
            r#""start": {"tags": "x"}"#,
            "At [1].start.tags: there is no array.",
        ),
        (
            r#""start": {"tags": ["x", null]}"#,
            "At [1].start.tags[1]: there is no text.",
        ),
        (r#""status": null"#, "At [1].status: there is no text."),
        (r#""status": {}"#, "At [1].status: status is missing."),
        (
            r#""status": {"attempt": 1, "status": null}"#,
            "At [1].status: status is missing.",
        ),
        (
            r#""status": {"status": 1}"#,
            "At [1].status.status: there is no text.",
        ),
        (r#""finish": null"#, "At [1].finish: there is no text."),
        (r#""finish": true"#, "At [1].finish: there is no text."),
        (
            r#""finish": {"status": []}"#,
            "At [1].finish.status: there is no text.",
        ),
        (
            r#""finish": {"attempt": "x"}"#,
            "At [1].finish.attempt: there is no number.",
        ),
        (
            r#""finish": {"result": 1}"#,
            "At [1].finish: the member \"result\" is unknown.",
        ),
        (
            r#""Finish": "x""#,
            "At [1]: the member \"Finish\" is unknown.",
        ),
    ] {
        let flush = format!(
            r#"SELECT runmeta.flush('[{{"run": "b", "start": {{}}}}, {{"run": "a", {entry}}}]')"#
        );
        assert_eq!(
            refusal(client.batch_execute(&flush).await),
            format!(
                "22023: batch is malformed\nDETAIL: {detail}\nHINT: A batch is an array of objects with run and any of root, start, operations, parentOperations, rootOperations, streams, parentStreams, rootStreams, status and finish."
            ),
            "{entry}"
        );
    }
    assert_eq!(runs(&client).await, "a | 1 | running | 1 | t | f | {}");
}
