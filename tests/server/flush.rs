//! `runmeta.flush`: outcomes, sequences, and many sessions at once.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::harness::{Database, process, refusal, rows, until_waiting};

async fn refused(client: &Client, statement: &str) -> String {
    refusal(client.batch_execute(statement).await)
}

#[tokio::test]
async fn each_list_has_an_outcome_and_no_refusal_touches_another() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            r#"SET runmeta.maximum_size = '100B';
            SELECT runmeta.start('top'), runmeta.start('full', jsonb_build_object('text', repeat('x', 80)));
            SELECT runmeta.start('child', parent_run_id => 'top'), runmeta.start('closed'), runmeta.start('idle', '{"n": 1}');
            SELECT runmeta.finish('closed');
            SET runmeta.update_window = 0;"#,
        )
        .await
        .unwrap();
    let flush = r#"SELECT run_id, target, outcome, version, unapplied FROM runmeta.flush('[
        {"run": "child", "operations": [{"type": "set", "key": "a", "value": 1}, {"type": "remove", "key": "a", "value": 1}],
            "parentOperations": [{"type": "increment", "key": "n", "value": 1}],
            "rootOperations": [{"type": "increment", "key": "n", "value": 10}]},
        {"run": "full", "operations": [{"type": "set", "key": "more", "value": "xxxxxxxxxxxxx"}, {"type": "delete", "key": "no"}]},
        {"run": "nobody", "operations": [{"type": "set", "key": "a", "value": 1}], "parentOperations": [], "rootOperations": []},
        {"run": "closed", "operations": [{"type": "set", "key": "a", "value": 1}], "rootOperations": []},
        {"run": "idle", "operations": [{"type": "set", "key": "n", "value": 1.0}, {"type": "explode"}]},
        {"run": "child"},
        {"run": "full", "operations": [{"type": "set", "key": "m", "value": "xx"}]},
        {"run": "child", "operations": [{"type": "increment", "key": "a", "value": 1}]}]')"#;
    insta::assert_snapshot!(rows(&client, flush).await, @r#"
    child | self | applied | 2 | [{"index": 1, "reason": "not_an_array"}]
    child | parent | applied | 2 | NULL
    child | root | applied | 2 | NULL
    full | self | too_large | 2 | NULL
    nobody | self | not_found | NULL | NULL
    nobody | parent | not_found | NULL | NULL
    nobody | root | not_found | NULL | NULL
    closed | self | closed | 2 | NULL
    closed | root | closed | 2 | NULL
    idle | self | unchanged | 1 | [{"index": 1, "detail": "the type of the operation is missing or unknown; types are set, delete, update, merge, append, remove and increment", "reason": "unknown_type"}]
    full | self | applied | 2 | NULL
    child | self | applied | 2 | NULL
    "#);
    insta::assert_snapshot!(rows(&client, "SELECT id, metadata - 'text', version FROM runmeta.run ORDER BY id").await, @r#"
    child | {"a": 2} | 2
    closed | {} | 2
    full | {"m": "xx"} | 2
    idle | {"n": 1} | 1
    top | {"n": 11} | 2
    "#);
}

#[tokio::test]
async fn entries_of_one_run_are_applied_in_order_as_one_version() {
    let database = Database::new().await;
    let client = database.connect().await;
    let flush = r#"
        SELECT runmeta.start('run');
        SELECT target, outcome, version, unapplied FROM runmeta.flush('[
            {"run": "run", "operations": [{"type": "append", "key": "log", "value": 1}]},
            {"run": "run", "rootOperations": [{"type": "append", "key": "log", "value": 3}], "operations": [{"type": "append", "key": "log", "value": 2}]},
            {"run": "run", "parentOperations": [{"type": "set", "key": "log", "value": 7}, {"type": "remove", "key": "log", "value": 7}]},
            {"run": "run", "operations": [{"type": "append", "key": "log", "value": 4}]}]');
        SELECT runmeta.get('run');"#;
    insta::assert_snapshot!(rows(&client, flush).await, @r#"
    1
    self | applied | 2 | NULL
    self | applied | 2 | NULL
    root | applied | 2 | NULL
    parent | applied | 2 | [{"index": 1, "reason": "not_an_array"}]
    self | applied | 2 | NULL
    {"log": [7, 4]}
    "#);
}

#[tokio::test]
async fn a_thousand_children_count_up_one_parent_in_one_write() {
    let database = Database::new().await;
    let client = database.connect().await;
    let flush = r#"
        SELECT runmeta.start('top') ;
        SELECT sum(runmeta.start('child ' || n, parent_run_id => 'top')) FROM generate_series(1, 1000) AS n;
        SELECT outcome, target, count(*), max(version) FROM runmeta.flush((
            SELECT jsonb_agg(jsonb_build_object('run', 'child ' || n,
                'operations', '[{"type": "set", "key": "done", "value": true}]'::jsonb,
                'parentOperations', jsonb_build_array(
                    jsonb_build_object('type', 'increment', 'key', 'processed', 'value', n),
                    jsonb_build_object('type', 'append', 'key', 'log', 'value', n, 'keep', 3))))
            FROM generate_series(1, 1000) AS n))
        GROUP BY outcome, target ORDER BY target;
        SELECT metadata, version FROM runmeta.run WHERE id = 'top';"#;
    insta::assert_snapshot!(rows(&client, flush).await, @r#"
    1
    1000
    applied | self | 1000 | 2
    applied | parent | 1000 | 2
    {"log": [998, 999, 1000], "processed": 500500} | 2
    "#);
}

#[tokio::test]
async fn lists_for_one_document_near_the_limit_are_judged_one_by_one() {
    let database = Database::new().await;
    let client = database.connect().await;
    // `{"log":["xxxxxxxxxx",…]}` has 10 bytes and 13 for each element, the first without a comma: 7 fit into 100.
    let flush = r#"
        SET runmeta.maximum_size = '100B';
        SELECT runmeta.start('run');
        SELECT string_agg(outcome, ' ') FROM runmeta.flush((
            SELECT jsonb_agg(jsonb_build_object('run', 'run', 'operations',
                jsonb_build_array(jsonb_build_object('type', 'append', 'key', 'log', 'value', repeat('x', 10)))))
            FROM generate_series(1, 9)));
        SELECT runmeta.size(metadata), jsonb_array_length(metadata -> 'log'), version FROM runmeta.run;
        SELECT string_agg(outcome, ' ') FROM runmeta.flush('[
            {"run": "run", "operations": [{"type": "set", "key": "a", "value": "xxxxxxxxxx"}]},
            {"run": "run", "operations": [{"type": "delete", "key": "$.log[0]"}]},
            {"run": "run", "operations": [{"type": "set", "key": "a", "value": "xx"}]}]');
        SELECT runmeta.size(metadata), version FROM runmeta.run;"#;
    insta::assert_snapshot!(rows(&client, flush).await, @"
    1
    applied applied applied applied applied applied applied too_large too_large
    100 | 7 | 2
    too_large applied applied
    96 | 3
    ");
}

const WRITER: &str = "'00000000-0000-4000-8000-000000000001'";

/// A flush of the writer that counts up `n` of the run.
fn numbered(sequence: &str) -> String {
    format!(
        r#"SELECT outcome FROM runmeta.flush('[{{"run": "run", "operations": [{{"type": "increment", "key": "n", "value": 1}}]}}]', {WRITER}, {sequence})"#
    )
}

async fn database_with_a_run() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute("SELECT runmeta.start('run')")
        .await
        .unwrap();
    (database, client)
}

#[tokio::test]
async fn a_sequence_takes_effect_once() {
    let (_database, client) = database_with_a_run().await;
    for (sequence, outcome) in [
        ("1", "applied"),
        ("1", "duplicate"),
        ("2", "applied"),
        ("1", "duplicate"),
        ("2", "duplicate"),
        ("3", "applied"),
    ] {
        assert_eq!(
            rows(&client, &numbered(sequence)).await,
            outcome,
            "{sequence}"
        );
    }
    let whole = r#"SELECT run_id, target, outcome, version, unapplied FROM runmeta.flush('[{"run": "nobody", "operations": [], "parentOperations": []}]', '00000000-0000-4000-8000-000000000001', 3)"#;
    insta::assert_snapshot!(rows(&client, whole).await, @"
    nobody | self | duplicate | NULL | NULL
    nobody | parent | duplicate | NULL | NULL
    ");
    assert_eq!(
        rows(&client, "SELECT runmeta.get('run')").await,
        r#"{"n": 3}"#
    );
}

#[tokio::test]
async fn a_gap_is_refused_and_tells_the_last_sequence_known() {
    let (_database, client) = database_with_a_run().await;
    insta::assert_snapshot!(refused(&client, &numbered("2")).await, @"
    55000: sequence 2 of writer 00000000-0000-4000-8000-000000000001 leaves a gap
    DETAIL: The last sequence known is 0.
    HINT: Send the batch with sequence 1 first.
    ");
    assert_eq!(rows(&client, &numbered("1")).await, "applied");
    insta::assert_snapshot!(refused(&client, &numbered("3")).await, @"
    55000: sequence 3 of writer 00000000-0000-4000-8000-000000000001 leaves a gap
    DETAIL: The last sequence known is 1.
    HINT: Send the batch with sequence 2 first.
    ");
    insta::assert_snapshot!(refused(&client, &numbered("9223372036854775807")).await, @"
    55000: sequence 9223372036854775807 of writer 00000000-0000-4000-8000-000000000001 leaves a gap
    DETAIL: The last sequence known is 1.
    HINT: Send the batch with sequence 2 first.
    ");
    assert_eq!(rows(&client, &numbered("2")).await, "applied");
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.get('run'), last_sequence FROM runmeta.writer"
        )
        .await,
        r#"{"n": 2} | 2"#
    );
}

/// What looks like a gap to a transaction with one snapshot may be none to the next one.
#[tokio::test]
async fn a_gap_that_another_session_has_closed_meanwhile_is_a_serialization_failure() {
    let (database, client) = database_with_a_run().await;
    let other = database.connect().await;
    for next in [1, 2] {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1";
        client.batch_execute(begin).await.unwrap();
        assert_eq!(rows(&other, &numbered(&next.to_string())).await, "applied");
        let refused = refused(&client, &numbered(&(next + 1).to_string())).await;
        assert!(
            refused.starts_with("40001: could not serialize access"),
            "{refused}"
        );
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(rows(&client, &numbered("3")).await, "applied");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ";
    client.batch_execute(begin).await.unwrap();
    let refused = refused(&client, &numbered("5")).await;
    assert!(
        refused.starts_with("55000: sequence 5 of writer "),
        "{refused}"
    );
}

/// Programs read the table, and not the English of a detail.
#[tokio::test]
async fn after_a_gap_the_last_sequence_known_is_in_the_table() {
    let (_database, client) = database_with_a_run().await;
    assert_eq!(rows(&client, &numbered("1")).await, "applied");
    refused(&client, &numbered("7")).await;
    let last = format!("SELECT last_sequence FROM runmeta.writer WHERE id = {WRITER}");
    assert_eq!(rows(&client, &last).await, "1");
}

#[tokio::test]
async fn writer_and_sequence_come_together_and_count_from_one() {
    let (_database, client) = database_with_a_run().await;
    insta::assert_snapshot!(refused(&client, &numbered("0")).await, @"
    22023: writer and sequence do not fit
    DETAIL: Both are given or neither, and a sequence is at least 1.
    HINT: Number a writer's batches 1, 2, 3 and so on.
    ");
    let expected = refused(&client, &numbered("-1")).await;
    assert_eq!(refused(&client, &numbered("NULL")).await, expected);
    assert_eq!(
        refused(&client, "SELECT runmeta.flush('[]', sequence => 1)").await,
        expected
    );
    assert_eq!(
        refused(&client, &numbered("-9223372036854775808")).await,
        expected
    );
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.writer").await,
        "0"
    );
}

#[tokio::test]
async fn an_empty_batch_counts_as_one() {
    let (_database, client) = database_with_a_run().await;
    let empty = format!(
        "SELECT run_id, target, outcome, version, unapplied FROM runmeta.flush('[]', {WRITER}, 1)"
    );
    assert_eq!(rows(&client, &empty).await, "");
    assert_eq!(rows(&client, &numbered("1")).await, "duplicate");
    assert_eq!(rows(&client, &numbered("2")).await, "applied");
}

#[tokio::test]
async fn a_malformed_batch_is_refused_whole_with_the_place_of_the_fault() {
    let (_database, client) = database_with_a_run().await;
    let good = r#"{"run": "run", "operations": [{"type": "set", "key": "a", "value": 1}]}"#;
    let mut refusals = String::new();
    let long = format!(r#"{{"run": "{}"}}"#, "x".repeat(256));
    for fault in [
        "7",
        "null",
        r#"{"operations": []}"#,
        r#"{"run": 7}"#,
        r#"{"run": ""}"#,
        &long,
        r#"{"run": "run", "operations": {}}"#,
        r#"{"run": "run", "parentOperations": null}"#,
        r#"{"run": "run", "rootOperations": [{}, []]}"#,
        r#"{"run": "run", "operation": []}"#,
        r#"{"run": "run", "\"quoted": []}"#,
    ] {
        let flush = format!(
            "SELECT run_id, target, outcome, version, unapplied FROM runmeta.flush('[{good}, {fault}, {good}]', {WRITER}, 1)"
        );
        let refusal = refused(&client, &flush).await;
        let mut lines = refusal.lines();
        assert_eq!(lines.next(), Some("22023: batch is malformed"));
        refusals.push_str(lines.next().unwrap());
        refusals.push('\n');
    }
    insta::assert_snapshot!(refusals, @r#"
    DETAIL: At [1]: there is no object.
    DETAIL: At [1]: there is no object.
    DETAIL: At [1]: run is missing.
    DETAIL: At [1].run: there is no text of 1 to 255 bytes.
    DETAIL: At [1].run: there is no text of 1 to 255 bytes.
    DETAIL: At [1].run: there is no text of 1 to 255 bytes.
    DETAIL: At [1].operations: there is no array.
    DETAIL: At [1].parentOperations: there is no array.
    DETAIL: At [1].rootOperations[1]: there is no object.
    DETAIL: At [1]: the member "operation" is unknown.
    DETAIL: At [1]: the member ""quoted" is unknown.
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.flush('{}')").await, @"
    22023: batch is malformed
    DETAIL: At the top: there is no array.
    HINT: A batch is an array of objects with run and any of root, start, operations, parentOperations, rootOperations, streams, parentStreams, rootStreams, status and finish.
    ");
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.flush(NULL)").await, @"
    22004: batch is null
    HINT: Give it a value that is not NULL.
    ");
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.get('run'), (SELECT count(*) FROM runmeta.writer)"
        )
        .await,
        "{} | 0"
    );
}

/// Two sessions send the same batch; the first ends its transaction as told when the second waits for it.
async fn two_sessions(sequence: u32, end: &str) -> (String, String) {
    let (database, first) = database_with_a_run().await;
    let second = database.connect().await;
    let observer = database.connect().await;
    for earlier in 1..sequence {
        assert_eq!(
            rows(&observer, &numbered(&earlier.to_string())).await,
            "applied"
        );
    }
    let waiting = process(&second).await;
    first.batch_execute("BEGIN").await.unwrap();
    let statement = numbered(&sequence.to_string());
    assert_eq!(rows(&first, &statement).await, "applied");
    let later = tokio::spawn(async move { rows(&second, &statement).await });
    until_waiting(&observer, waiting).await;
    first.batch_execute(end).await.unwrap();
    let outcome = later.await.unwrap();
    (
        outcome,
        rows(&observer, "SELECT runmeta.get('run', 'n')").await,
    )
}

#[tokio::test]
async fn of_two_sessions_with_one_batch_the_second_waits_and_finds_it_done() {
    for sequence in [1, 2, 5] {
        let expected = ("duplicate".to_owned(), sequence.to_string());
        assert_eq!(two_sessions(sequence, "COMMIT").await, expected);
    }
}

#[tokio::test]
async fn of_two_sessions_with_one_batch_the_second_applies_it_if_the_first_rolls_back() {
    for sequence in [1, 2, 5] {
        let expected = ("applied".to_owned(), sequence.to_string());
        assert_eq!(two_sessions(sequence, "ROLLBACK").await, expected);
    }
}

#[tokio::test]
async fn sessions_that_flush_the_same_runs_in_any_order_never_deadlock() {
    const RUNS: u64 = 40;
    const SESSIONS: u64 = 12;
    const FLUSHES: u64 = 15;
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(&format!(
            "SELECT runmeta.start('top 1'), runmeta.start('top 2');
             SELECT runmeta.start('run ' || n, parent_run_id => 'top ' || n % 2 + 1) FROM generate_series(0, {RUNS} - 1) AS n"
        ))
        .await
        .unwrap();
    let mut sessions = JoinSet::new();
    for session in 0..SESSIONS {
        let client = database.connect().await;
        sessions.spawn(async move {
            for flush in 0..FLUSHES {
                // Each goes over the runs with another stride and from another start.
                let stride = [1, 3, 7, 9, 11, 39][((session + flush) % 6) as usize];
                let entries: Vec<String> = (0..RUNS)
                    .map(|n| {
                        let run = (session * 5 + n * stride) % RUNS;
                        let one = r#"[{"type": "increment", "key": "n", "value": 1}]"#;
                        format!(r#"{{"run": "run {run}", "operations": {one}, "parentOperations": {one}, "rootOperations": {one}}}"#)
                    })
                    .collect();
                let batch = entries.join(",");
                let flush = format!(
                    "SELECT DISTINCT outcome FROM runmeta.flush('[{batch}]', '00000000-0000-4000-8000-{session:012}', {})",
                    flush + 1
                );
                assert_eq!(rows(&client, &flush).await, "applied");
            }
        });
    }
    // Long enough for the slowest machine; a deadlock would be found after a second and fail its flush.
    let all = tokio::time::timeout(Duration::from_secs(120), sessions.join_all());
    all.await.expect("a flush hangs");
    let sums = "SELECT count(*), sum((metadata ->> 'n')::int), min(version), max(version) FROM runmeta.run GROUP BY depth ORDER BY depth";
    let each = SESSIONS * FLUSHES;
    let expected = format!(
        "2 | {} | {} | {}\n{RUNS} | {} | {} | {}",
        2 * each * RUNS,
        each + 1,
        each + 1,
        each * RUNS,
        each + 1,
        each + 1
    );
    assert_eq!(rows(&client, sums).await, expected);
}

#[tokio::test]
async fn a_flush_that_cannot_be_serialized_changes_nothing_and_can_be_sent_again() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let (database, client) = database_with_a_run().await;
        let other = database.connect().await;
        client
            .batch_execute(&format!(
                "BEGIN ISOLATION LEVEL {level}; SELECT * FROM runmeta.run"
            ))
            .await
            .unwrap();
        other
            .batch_execute("SELECT runmeta.set('run', 'n', '10')")
            .await
            .unwrap();
        let refusal = refused(&client, &numbered("1")).await;
        assert!(refusal.starts_with("40001"), "{level}: {refusal}");
        client.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(
            rows(&client, "SELECT count(*) FROM runmeta.writer").await,
            "0"
        );

        client
            .batch_execute(&format!("BEGIN ISOLATION LEVEL {level}"))
            .await
            .unwrap();
        assert_eq!(rows(&client, &numbered("1")).await, "applied");
        client.batch_execute("COMMIT").await.unwrap();
        assert_eq!(
            rows(&client, "SELECT runmeta.get('run')").await,
            r#"{"n": 11}"#
        );
    }
}

#[tokio::test]
async fn of_one_sequence_in_two_serializable_transactions_one_is_applied() {
    let (database, first) = database_with_a_run().await;
    let second = database.connect().await;
    for client in [&first, &second] {
        client
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM runmeta.writer")
            .await
            .unwrap();
    }
    assert_eq!(rows(&first, &numbered("1")).await, "applied");
    first.batch_execute("COMMIT").await.unwrap();
    // Its snapshot is from before: it can neither apply the batch nor know that it is a duplicate.
    let refusal = refused(&second, &numbered("1")).await;
    assert!(refusal.starts_with("40001"), "{refusal}");
    second.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(rows(&second, &numbered("1")).await, "duplicate");
}

#[tokio::test]
async fn a_session_that_dies_before_its_commit_leaves_nothing() {
    let (database, client) = database_with_a_run().await;
    let doomed = database.connect().await;
    let killed = process(&doomed).await;
    doomed.batch_execute("BEGIN").await.unwrap();
    assert_eq!(rows(&doomed, &numbered("1")).await, "applied");
    let end = format!("SELECT pg_terminate_backend({killed}, 60000)");
    assert_eq!(rows(&client, &end).await, "t");
    assert!(doomed.batch_execute("COMMIT").await.is_err());

    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.get('run'), (SELECT count(*) FROM runmeta.writer)"
        )
        .await,
        "{} | 0"
    );
    assert_eq!(rows(&client, &numbered("1")).await, "applied");
}

#[tokio::test]
async fn a_session_that_dies_after_its_commit_left_all() {
    let (database, client) = database_with_a_run().await;
    let doomed = database.connect().await;
    let killed = process(&doomed).await;
    assert_eq!(rows(&doomed, &numbered("1")).await, "applied");
    assert_eq!(
        rows(
            &client,
            &format!("SELECT pg_terminate_backend({killed}, 60000)")
        )
        .await,
        "t"
    );
    assert_eq!(rows(&client, &numbered("1")).await, "duplicate");
    assert_eq!(
        rows(&client, "SELECT runmeta.get('run')").await,
        r#"{"n": 1}"#
    );
}

#[tokio::test]
async fn an_error_after_a_flush_takes_it_back_with_its_sequence() {
    let (_database, client) = database_with_a_run().await;
    let transaction = format!(
        "BEGIN; SAVEPOINT s; {}; ROLLBACK TO s; COMMIT",
        numbered("1")
    );
    client.batch_execute(&transaction).await.unwrap();
    assert_eq!(rows(&client, "SELECT runmeta.get('run')").await, "{}");
    assert_eq!(rows(&client, &numbered("1")).await, "applied");
}
