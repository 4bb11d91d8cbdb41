//! Streams in the entries of a batch.

use tokio_postgres::Client;

use super::{append, chunks, family, refused, run};
use crate::harness::{Database, Listener, by_hand};

/// Flushes a batch and returns its rows, without versions.
async fn flush(client: &Client, batch: &str) -> String {
    let flush = format!(
        "SELECT run_id, part, target, stream, outcome, unapplied FROM runmeta.flush($batch${batch}$batch$)"
    );
    run(client, &flush).await
}

const STREAMS: &str = "SELECT run_id, name, chunks, closed_at IS NOT NULL, error, attempt FROM runmeta.stream ORDER BY 1, 2";

#[tokio::test]
async fn each_stream_of_an_entry_has_a_row() {
    let (_database, client) = family().await;
    let batch = r#"[
        {"run": "child", "operations": [{"type": "set", "key": "a", "value": 1}],
         "streams": {"logs": ["a", "b"], "done": {"chunks": [1], "closed": true}},
         "parentStreams": {"logs": [1]}, "rootStreams": {"logs": [2], "bad": {"error": "broken pipe"}}},
        {"run": "nobody", "streams": {"logs": [1]}, "parentStreams": {"logs": [1]}},
        {"run": "top", "streams": {"logs": {"chunks": [3], "closed": false, "error": null}, "empty": []}}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "child | operations | self | NULL | applied | NULL
child | stream | self | done | applied | NULL
child | stream | self | logs | applied | NULL
child | stream | parent | logs | applied | NULL
child | stream | root | bad | applied | NULL
child | stream | root | logs | applied | NULL
nobody | stream | self | logs | not_found | NULL
nobody | stream | parent | logs | not_found | NULL
top | stream | self | logs | applied | NULL
top | stream | self | empty | applied | NULL"
    );
    assert_eq!(
        run(&client, STREAMS).await,
        "child | done | 1 | t | NULL | 1
child | logs | 2 | f | NULL | NULL
top | bad | 0 | t | broken pipe | 1
top | empty | 0 | f | NULL | NULL
top | logs | 3 | f | NULL | NULL"
    );
    assert_eq!(chunks(&client, "logs").await, "0 1, 1 2, 2 3");
    assert_eq!(
        flush(
            &client,
            r#"[{"run": "child", "streams": {"done": {"closed": true}, "logs": []}, "parentStreams": {"bad": [1], "logs": {"chunks": []}}}]"#
        )
        .await,
        "child | stream | self | done | unchanged | NULL
child | stream | self | logs | unchanged | NULL
child | stream | parent | bad | closed | NULL
child | stream | parent | logs | unchanged | NULL"
    );
}

#[tokio::test]
async fn versions_are_those_of_documents_and_streams_have_none() {
    let (_database, client) = family().await;
    let versions = r#"SELECT part, version FROM runmeta.flush('[{"run": "top", "operations": [], "streams": {"logs": [1]}, "finish": "completed"}]')"#;
    assert_eq!(
        run(&client, versions).await,
        "operations | 1\nstream | NULL\nfinish | 2"
    );
}

#[tokio::test]
async fn chunk_that_is_too_large_is_skipped_and_the_others_are_appended() {
    let (_database, client) = family().await;
    let flush = "SELECT outcome, unapplied FROM runmeta.flush(jsonb_build_array(jsonb_build_object('run', 'top', 'streams',
        jsonb_build_object('logs', jsonb_build_array(1, repeat('x', 262144), 2, (repeat('[', 102) || repeat(']', 102))::jsonb, 3),
            'none', jsonb_build_array(repeat('x', 262144))))), '00000000-0000-4000-8000-000000000001', 1) ORDER BY stream";
    assert_eq!(
        run(&client, flush).await,
        r#"applied | [{"index": 1, "reason": "too_large"}, {"index": 3, "reason": "too_deep"}]
applied | [{"index": 0, "reason": "too_large"}]"#
    );
    assert_eq!(chunks(&client, "logs").await, "0 1, 1 2, 2 3");
    // The same again, when the answer was lost.
    assert_eq!(
        run(&client, flush).await,
        r#"duplicate | [{"index": 1, "reason": "too_large"}, {"index": 3, "reason": "too_deep"}]
duplicate | [{"index": 0, "reason": "too_large"}]"#
    );
    assert_eq!(chunks(&client, "logs").await, "0 1, 1 2, 2 3");
}

#[tokio::test]
async fn batch_that_comes_again_appends_nothing_and_is_answered_as_the_first_time() {
    let (_database, client) = family().await;
    append(&client, "closed", "[]").await;
    run(&client, "SELECT runmeta.stream_close('top', 'closed')").await;
    let batch = r#"[{"run": "top", "streams": {"logs": ["a"], "closed": [1]}}, {"run": "nobody", "streams": {"logs": [1]}},
        {"run": "top", "streams": {"logs": {"chunks": ["b"], "closed": true}}}, {"run": "new", "start": {}, "streams": {"s": [1]}}]"#;
    let flush = |sequence: u32| {
        format!(
            "SELECT run_id, part, stream, outcome FROM runmeta.flush('{batch}', '00000000-0000-4000-8000-000000000001', {sequence})"
        )
    };
    let first = "top | stream | logs | applied
top | stream | closed | closed
nobody | stream | logs | not_found
top | stream | logs | applied
new | start | NULL | applied
new | stream | s | applied";
    assert_eq!(run(&client, &flush(1)).await, first);
    assert_eq!(
        run(&client, &flush(1)).await,
        first.replace("applied", "duplicate")
    );
    assert_eq!(chunks(&client, "logs").await, r#"0 "a", 1 "b""#);
    assert_eq!(
        run(&client, &flush(2)).await,
        "top | stream | logs | closed
top | stream | closed | closed
nobody | stream | logs | not_found
top | stream | logs | closed
new | start | NULL | unchanged
new | stream | s | applied"
    );
}

/// Start, lists, streams, status, finish: each entry in this order, whatever the order of its members.
#[tokio::test]
async fn streams_come_behind_the_start_and_before_the_finish_of_their_entry() {
    let (_database, client) = family().await;
    client
        .batch_execute("SET runmeta.update_window = 0")
        .await
        .unwrap();
    let batch = r#"[
        {"run": "new", "finish": "completed", "streams": {"logs": [1]}, "start": {"parent": "top"}, "rootStreams": {"logs": ["of new"]}},
        {"run": "top", "finish": "completed", "streams": {"logs": ["of top"], "end": {"closed": true}}},
        {"run": "top", "streams": {"logs": ["too late"]}},
        {"run": "child", "streams": {"logs": {"chunks": [1], "closed": true}}, "finish": "failed"},
        {"run": "child", "start": {"attempt": 2}, "streams": {"logs": [2]}, "finish": "failed"},
        {"run": "child", "start": {"attempt": 2}, "streams": {"logs": [3]}}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "new | start | self | NULL | applied | NULL
new | stream | self | logs | applied | NULL
new | stream | root | logs | applied | NULL
new | finish | self | NULL | applied | NULL
top | stream | self | end | applied | NULL
top | stream | self | logs | applied | NULL
top | finish | self | NULL | applied | NULL
top | stream | self | logs | closed | NULL
child | stream | self | logs | applied | NULL
child | finish | self | NULL | applied | NULL
child | start | self | NULL | applied | NULL
child | stream | self | logs | applied | NULL
child | finish | self | NULL | applied | NULL
child | start | self | NULL | unchanged | NULL
child | stream | self | logs | closed | NULL"
    );
    assert_eq!(chunks(&client, "logs").await, r#"0 "of new", 1 "of top""#);
    assert_eq!(
        run(&client, STREAMS).await,
        "child | logs | 2 | f | NULL | NULL
new | logs | 1 | f | NULL | NULL
top | end | 0 | t | NULL | 1
top | logs | 2 | f | NULL | NULL"
    );
}

#[tokio::test]
async fn refused_start_refuses_the_streams_of_its_entry_and_no_others() {
    let (_database, client) = family().await;
    run(&client, "SELECT runmeta.start('top', attempt => 3)").await;
    let batch = r#"[
        {"run": "top", "start": {"attempt": 2}, "streams": {"logs": ["stale"]}},
        {"run": "orphan", "start": {"parent": "nobody"}, "streams": {"logs": [1]}, "rootStreams": {"logs": [1]}},
        {"run": "child", "start": {"status": "completed"}, "streams": {"logs": [1]}, "parentStreams": {"logs": ["invalid"]}},
        {"run": "child", "streams": {"logs": [2]}, "parentStreams": {"logs": ["good"]}}]"#;
    let outcomes = format!(
        "SELECT run_id, part, target, outcome, version IS NULL FROM runmeta.flush('{batch}') WHERE part = 'stream'"
    );
    assert_eq!(
        run(&client, &outcomes).await,
        "top | stream | self | stale | t
orphan | stream | self | not_found | t
orphan | stream | root | not_found | t
child | stream | self | invalid | t
child | stream | parent | invalid | t
child | stream | self | applied | t
child | stream | parent | applied | t"
    );
    assert_eq!(chunks(&client, "logs").await, r#"0 "good""#);
}

#[tokio::test]
async fn streams_of_a_closed_run_are_refused() {
    let (_database, client) = family().await;
    append(&client, "logs", "[1]").await;
    run(
        &client,
        "SELECT runmeta.finish('top'); UPDATE runmeta.run SET finished_at = now() - interval '2 hours' WHERE id = 'top'",
    )
    .await;
    let batch = r#"[{"run": "child", "streams": {"own": [1]}, "rootStreams": {"logs": [1], "new": [1]}}, {"run": "top", "streams": {"logs": {"closed": true}}}]"#;
    let rows = flush(&client, batch).await;
    assert_eq!(
        rows,
        "child | stream | self | own | applied | NULL
child | stream | root | new | closed | NULL
child | stream | root | logs | closed | NULL
top | stream | self | logs | closed | NULL"
    );
    let again = r#"[{"run": "top", "streams": {"logs": [2]}, "start": {"attempt": 2}}]"#;
    assert_eq!(
        flush(&client, again).await,
        "top | start | self | NULL | applied | NULL\ntop | stream | self | logs | applied | NULL"
    );
}

#[tokio::test]
async fn malformed_streams_refuse_the_batch_with_the_place() {
    let (_database, client) = family().await;
    let long = format!(r#"{{"{}": []}}"#, "x".repeat(256));
    for (streams, detail) in [
        ("[]", "At [0].streams: there is no object."),
        (
            r#"{"logs": 1}"#,
            "At [0].streams.logs: there is no array or object.",
        ),
        (
            r#"{"logs": null}"#,
            "At [0].streams.logs: there is no array or object.",
        ),
        (
            r#"{"logs": {"chunks": {}}}"#,
            "At [0].streams.logs.chunks: there is no array.",
        ),
        (
            r#"{"logs": {"closed": 1}}"#,
            "At [0].streams.logs.closed: there is no boolean.",
        ),
        (
            r#"{"logs": {"error": 1}}"#,
            "At [0].streams.logs.error: there is no text.",
        ),
        (
            r#"{"logs": {"attempt": 0}}"#,
            "At [0].streams.logs.attempt: there is no whole number from 1.",
        ),
        (
            r#"{"logs": {"close": true}}"#,
            "At [0].streams.logs: the member \"close\" is unknown.",
        ),
        (
            r#"{"": []}"#,
            "At [0].streams: a name has not 1 to 255 bytes.",
        ),
        (&long, "At [0].streams: a name has not 1 to 255 bytes."),
    ] {
        let batch =
            format!(r#"SELECT * FROM runmeta.flush('[{{"run": "top", "streams": {streams}}}]')"#);
        let refused = refused(&client, &batch).await;
        let expected = format!("22023: batch is malformed\nDETAIL: {detail}\n");
        assert!(refused.starts_with(&expected), "{refused}");
    }
    let many =
        "SELECT * FROM runmeta.flush(jsonb_build_array(jsonb_build_object('run', 'top', 'streams',
        (SELECT jsonb_object_agg(i::text, '[]'::jsonb) FROM generate_series(1, 100001) AS i))))";
    assert!(
        refused(&client, many)
            .await
            .starts_with("54000: too many operations")
    );
    assert_eq!(run(&client, STREAMS).await, "");
}

/// Whether the streams of a batch are many or few, each gets what single calls would give it.
#[tokio::test]
async fn flush_does_what_single_calls_do() {
    let (_database, client) = family().await;
    client
        .batch_execute(
            "SELECT count(runmeta.start('run ' || i)) FROM generate_series(1, 1500) AS i;
            CREATE TABLE wanted AS SELECT 'run ' || (i % 1500 + 1) AS run, 'stream ' || (i % 7) AS stream, i,
                CASE i % 5 WHEN 4 THEN '[]'::jsonb ELSE (SELECT jsonb_agg(i || repeat('x', (i % 11) * 90) || j) FROM generate_series(0, i % 3) AS j) END AS chunks
            FROM generate_series(1, 12000) AS i;
            DO $$ DECLARE part int; BEGIN FOR part IN 0..2 LOOP
                PERFORM runmeta.flush((SELECT jsonb_agg(jsonb_build_object('run', run, 'streams', jsonb_build_object(stream, chunks)) ORDER BY i)
                    FROM wanted WHERE i / 4001 = part));
            END LOOP; END $$;",
        )
        .await
        .unwrap();
    let dump = "SELECT md5(string_agg(s.run_id || s.name || s.chunks || c, ',' ORDER BY s.run_id, s.name)), sum(s.chunks), count(*)
        FROM runmeta.stream AS s CROSS JOIN LATERAL (SELECT coalesce(string_agg(number || chunk::text, ',' ORDER BY number), '') AS c
            FROM runmeta.stream_read(s.run_id, s.name, max => 100000)) AS c";
    let flushed = run(&client, dump).await;
    client
        .batch_execute(
            "DELETE FROM runmeta.stream; DELETE FROM runmeta.stream_chunk;
            DO $$ DECLARE w record; BEGIN FOR w IN SELECT * FROM wanted ORDER BY i LOOP
                PERFORM runmeta.stream_append(w.run, w.stream, w.chunks);
            END LOOP; END $$",
        )
        .await
        .unwrap();
    assert_eq!(run(&client, dump).await, flushed);
}

/// Lists for parents may wait in the inbox; what goes to streams is written at once.
#[tokio::test]
async fn streams_do_not_keep_lists_from_waiting() {
    let (_database, client) = family().await;
    client
        .batch_execute("SET runmeta.inbox = on")
        .await
        .unwrap();
    let batch = r#"[{"run": "child", "parentOperations": [{"type": "increment", "key": "n"}], "parentStreams": {"logs": [1]}, "streams": {"logs": [1]}},
        {"run": "top", "streams": {"logs": [2]}}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "child | operations | parent | NULL | queued | NULL
child | stream | self | logs | applied | NULL
child | stream | parent | logs | applied | NULL
top | stream | self | logs | applied | NULL"
    );
    let finishing = r#"[{"run": "child", "parentOperations": [{"type": "increment", "key": "n"}], "parentStreams": {"logs": [3]}, "finish": "completed"}]"#;
    assert_eq!(
        flush(&client, finishing).await,
        "child | operations | parent | NULL | queued | NULL
child | stream | parent | logs | applied | NULL
child | finish | self | NULL | applied | NULL"
    );
    assert_eq!(chunks(&client, "logs").await, "0 1, 1 2, 2 3");
    assert_eq!(run(&client, "SELECT runmeta.get('top', 'n')").await, "2");
}

#[tokio::test]
async fn stream_of_a_run_that_is_deleted_and_started_anew_by_a_batch_begins_at_0() {
    let (_database, client) = family().await;
    by_hand(&client).await;
    append(&client, "logs", "[1, 2]").await;
    run(&client, "DELETE FROM runmeta.run WHERE id = 'top'").await;
    let batch = r#"[{"run": "top", "start": {}, "streams": {"logs": ["new"], "other": [1]}}, {"run": "top", "streams": {"logs": ["more"]}}]"#;
    flush(&client, batch).await;
    assert_eq!(chunks(&client, "logs").await, r#"0 "new", 1 "more""#);
}

#[tokio::test]
async fn flush_announces_each_stream_once() {
    let (database, client) = family().await;
    let mut listener = Listener::new(&database).await;
    let batch = r#"[{"run": "child", "streams": {"a": [1, 2], "b": {"closed": true}}, "parentStreams": {"a": [1]}},
        {"run": "top", "streams": {"a": [2]}, "operations": [{"type": "set", "key": "k", "value": 1}]}, {"run": "top", "streams": {"a": []}}]"#;
    flush(&client, batch).await;
    assert_eq!(
        listener.payloads().await,
        [
            r#"{"runs":[{"id":"top","root":"top","version":2}],"streams":[{"id":"child","root":"top","stream":"a","last":1},{"id":"child","root":"top","stream":"b","last":-1,"closed":true},{"id":"top","root":"top","stream":"a","last":1}]}"#
        ]
    );
}

/// Streams are locked in one order, whatever the order of the batches, new ones too.
#[tokio::test]
async fn flushes_of_the_same_streams_in_any_order_do_not_wait_in_a_circle() {
    let database = Database::new().await;
    let client = database.connect().await;
    run(
        &client,
        "SELECT count(runmeta.start('run ' || i)) FROM generate_series(1, 20) AS i",
    )
    .await;
    let writers = (0..6).map(|writer| {
        let database = &database;
        async move {
            let client = database.connect().await;
            for round in 0..40 {
                // Other streams each round, so that new ones are made all the time.
                let flush = format!(
                    "SELECT count(*) FROM runmeta.flush((SELECT jsonb_agg(jsonb_build_object('run', 'run ' || i, 'streams',
                        jsonb_build_object('logs', jsonb_build_array({writer}), 'round ' || ({round} + i) % 45, '[1]'::jsonb)) ORDER BY hashint4(i + {writer}))
                        FROM generate_series(1, 20) AS i)) WHERE outcome <> 'applied'"
                );
                assert_eq!(run(&client, &flush).await, "0");
            }
        }
    });
    futures_util::future::join_all(writers).await;
    let totals =
        "SELECT count(*), min(chunks), max(chunks) FROM runmeta.stream WHERE name = 'logs'";
    assert_eq!(run(&client, totals).await, "20 | 240 | 240");
    assert_eq!(
        run(&client, "SELECT sum(chunks) FROM runmeta.stream").await,
        "9600"
    );
}
