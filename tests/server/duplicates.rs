//! A batch that comes again is told what was refused of it the first time.

use tokio_postgres::Client;

use crate::harness::{Database, Role, by_hand, process, refusal, rows, until_waiting};

/// A flush of the one writer there is here.
fn numbered(sequence: u32, batch: &str) -> String {
    format!(
        "SELECT run_id, target, outcome, version, unapplied FROM runmeta.flush('{batch}', '00000000-0000-4000-8000-000000000001', {sequence})"
    )
}

/// One operation that cannot be applied, and one that can.
const HALF: &str = r#"[{"type": "remove", "key": "n", "value": 1}, {"type": "increment", "key": "n", "value": 1}]"#;

const ONE: &str = r#"[{"type": "increment", "key": "n", "value": 1}]"#;

/// Runs that take, skip and refuse operations: `child` of `top`, `full`, `closed`.
async fn database() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            r#"SELECT runmeta.start('top', '{"n": 0}'), runmeta.start('full', jsonb_build_object('text', repeat('x', 80)));
            SELECT runmeta.start('child', '{"n": 0}', 'top'), runmeta.start('closed');
            SELECT runmeta.finish('closed');
            SET runmeta.maximum_size = '100B';
            SET runmeta.update_window = 0;"#,
        )
        .await
        .unwrap();
    (database, client)
}

/// A batch of which each run refuses or skips something.
fn mixed() -> String {
    format!(
        r#"[{{"run": "child", "operations": {HALF}, "parentOperations": {HALF}, "rootOperations": {ONE}}},
            {{"run": "full", "operations": [{{"type": "set", "key": "more", "value": "xxxxxxxxxxxxx"}}, {{"type": "explode"}}]}},
            {{"run": "nobody", "operations": {ONE}, "parentOperations": {ONE}}},
            {{"run": "closed", "operations": {ONE}, "rootOperations": []}}]"#
    )
}

const ANSWER: &str = r#"child | self | applied | 2 | [{"index": 0, "reason": "not_an_array"}]
child | parent | applied | 2 | [{"index": 0, "reason": "not_an_array"}]
child | root | applied | 2 | NULL
full | self | too_large | 1 | NULL
nobody | self | not_found | NULL | NULL
nobody | parent | not_found | NULL | NULL
closed | self | closed | 2 | NULL
closed | root | closed | 2 | NULL"#;

const ANSWER_AGAIN: &str = r#"child | self | duplicate | NULL | [{"index": 0, "reason": "not_an_array"}]
child | parent | duplicate | NULL | [{"index": 0, "reason": "not_an_array"}]
child | root | duplicate | NULL | NULL
full | self | too_large | NULL | NULL
nobody | self | not_found | NULL | NULL
nobody | parent | not_found | NULL | NULL
closed | self | closed | NULL | NULL
closed | root | closed | NULL | NULL"#;

const DOCUMENTS: &str =
    "SELECT string_agg(id || ' ' || (metadata - 'text')::text, ', ' ORDER BY id) FROM runmeta.run";

#[tokio::test]
async fn refused_lists_and_skipped_operations_are_told_again() {
    let (database, client) = database().await;
    let batch = numbered(1, &mixed());
    assert_eq!(rows(&client, &batch).await, ANSWER);
    let documents = rows(&client, DOCUMENTS).await;
    assert_eq!(
        documents,
        r#"child {"n": 1}, closed {}, full {}, top {"n": 2}"#
    );
    for client in [client, database.connect().await] {
        assert_eq!(rows(&client, &batch).await, ANSWER_AGAIN);
        assert_eq!(rows(&client, &batch).await, ANSWER_AGAIN);
        assert_eq!(rows(&client, DOCUMENTS).await, documents);
    }
}

#[tokio::test]
async fn only_what_had_no_effect_is_kept_and_only_until_the_next_batch() {
    let (_database, client) = database().await;
    let taken = format!(r#"[{{"run": "child", "operations": {ONE}}}]"#);
    let kept = "SELECT last_sequence, refused FROM runmeta.writer";
    rows(&client, &numbered(1, &taken)).await;
    assert_eq!(rows(&client, kept).await, "1 | NULL");
    rows(&client, &numbered(2, &mixed())).await;
    assert_eq!(
        rows(&client, "SELECT r.* FROM runmeta.writer, jsonb_to_recordset(refused) AS r (run text, target runmeta.target, outcome text, unapplied jsonb)").await,
        r#"child | self | NULL | [{"index": 0, "reason": "not_an_array"}]
child | parent | NULL | [{"index": 0, "reason": "not_an_array"}]
full | self | too_large | NULL
nobody | self | not_found | NULL
nobody | parent | not_found | NULL
closed | self | closed | NULL
closed | root | closed | NULL"#
    );
    rows(&client, &numbered(3, &taken)).await;
    assert_eq!(rows(&client, kept).await, "3 | NULL");
    let nobodys = format!(
        "SELECT run_id, target, outcome, version, unapplied FROM runmeta.flush('{}')",
        mixed()
    );
    rows(&client, &nobodys).await;
    assert_eq!(rows(&client, kept).await, "3 | NULL");
}

#[tokio::test]
async fn an_older_batch_is_a_duplicate_alone() {
    let (_database, client) = database().await;
    rows(&client, &numbered(1, &mixed())).await;
    rows(&client, &numbered(2, &mixed())).await;
    let outcomes = format!(
        "SELECT DISTINCT outcome, unapplied FROM ({}) AS f",
        numbered(1, &mixed())
    );
    assert_eq!(rows(&client, &outcomes).await, "duplicate | NULL");
    assert_eq!(
        rows(&client, &numbered(2, &mixed())).await.lines().nth(3),
        Some("full | self | too_large | NULL | NULL")
    );
}

#[tokio::test]
async fn the_first_outcome_stays_whatever_became_of_the_run() {
    let (_database, client) = database().await;
    by_hand(&client).await;
    rows(&client, &numbered(1, &mixed())).await;
    client
        .batch_execute(
            "RESET runmeta.update_window; RESET runmeta.maximum_size;
             SELECT runmeta.start('nobody'); DELETE FROM runmeta.run WHERE id = 'child'",
        )
        .await
        .unwrap();
    assert_eq!(rows(&client, &numbered(1, &mixed())).await, ANSWER_AGAIN);
    assert_eq!(
        rows(&client, DOCUMENTS).await,
        r#"closed {}, full {}, nobody {}, top {"n": 2}"#
    );
}

#[tokio::test]
async fn another_batch_under_the_same_sequence_is_matched_by_run_and_target() {
    let (_database, client) = database().await;
    rows(&client, &numbered(1, &mixed())).await;
    let other = r#"[{"run": "closed", "parentOperations": [], "operations": []}, {"run": "stranger", "operations": []},
        {"run": "child", "operations": [], "parentOperations": [{}], "rootOperations": [{}]}, {"run": "full", "rootOperations": [{}]}]"#;
    insta::assert_snapshot!(rows(&client, &numbered(1, other)).await, @r#"
    closed | self | closed | NULL | NULL
    closed | parent | duplicate | NULL | NULL
    stranger | self | duplicate | NULL | NULL
    child | self | duplicate | NULL | NULL
    child | parent | duplicate | NULL | [{"index": 0, "reason": "not_an_array"}]
    child | root | duplicate | NULL | NULL
    full | root | duplicate | NULL | NULL
    "#);
}

#[tokio::test]
async fn lists_of_one_run_and_target_are_told_apart_by_their_order() {
    let (_database, client) = database().await;
    let too_large = r#"[{"type": "set", "key": "a", "value": "xxxxxxxxxxxxx"}]"#;
    let small = r#"[{"type": "remove", "key": "text", "value": 1}, {"type": "set", "key": "n", "value": 2}]"#;
    let batch = format!(
        r#"[{{"run": "full", "operations": {ONE}}}, {{"run": "full", "operations": {too_large}}},
            {{"run": "full", "parentOperations": {too_large}}}, {{"run": "full", "operations": {small}}}]"#
    );
    insta::assert_snapshot!(rows(&client, &numbered(1, &batch)).await, @r#"
    full | self | applied | 2 | NULL
    full | self | too_large | 2 | NULL
    full | parent | too_large | 2 | NULL
    full | self | applied | 2 | [{"index": 0, "reason": "not_an_array"}]
    "#);
    insta::assert_snapshot!(rows(&client, &numbered(1, &batch)).await, @r#"
    full | self | duplicate | NULL | NULL
    full | self | too_large | NULL | NULL
    full | parent | too_large | NULL | NULL
    full | self | duplicate | NULL | [{"index": 0, "reason": "not_an_array"}]
    "#);
    insta::assert_snapshot!(rows(&client, "SELECT jsonb_array_elements(refused) FROM runmeta.writer").await, @r#"
    {"run": "full", "target": "self", "earlier": 1, "outcome": "too_large"}
    {"run": "full", "target": "parent", "outcome": "too_large"}
    {"run": "full", "target": "self", "earlier": 2, "unapplied": [{"index": 0, "reason": "not_an_array"}]}
    "#);
}

/// Flushes of as many as a batch may hold, and what each tells of all of them and of the last.
async fn largest(batch: &str) -> (String, String, String) {
    let (_database, client) = database().await;
    let flush = format!(
        "SELECT outcome, count(*), sum(jsonb_array_length(unapplied)), max(unapplied -> -1 ->> 'index')
         FROM runmeta.flush(({batch}), '00000000-0000-4000-8000-000000000001', 1) GROUP BY outcome"
    );
    let first = rows(&client, &flush).await;
    let again = rows(&client, &flush).await;
    let kept = "SELECT jsonb_array_length(refused) FROM runmeta.writer";
    (first, again, rows(&client, kept).await)
}

#[tokio::test]
async fn hundred_thousand_skipped_operations_are_told_again() {
    let one_run = r#"SELECT jsonb_build_array(jsonb_build_object('run', 'child', 'operations', jsonb_agg('{"type": "remove", "key": "n", "value": 1}'::jsonb)))
        FROM generate_series(1, 100000)"#;
    let (first, again, kept) = largest(one_run).await;
    assert_eq!(first, "unchanged | 1 | 100000 | 99999");
    assert_eq!(again, "duplicate | 1 | 100000 | 99999");
    assert_eq!(kept, "1");
}

#[tokio::test]
async fn hundred_thousand_refused_runs_are_told_again() {
    let runs = format!(
        "SELECT jsonb_agg(jsonb_build_object('run', rpad('nobody ' || n || ' ', 255, 'x'), 'rootOperations', '{ONE}'::jsonb))
         FROM generate_series(1, 100000) AS n"
    );
    let (first, again, kept) = largest(&runs).await;
    assert_eq!(first, "not_found | 100000 | NULL | NULL");
    assert_eq!(again, first);
    assert_eq!(kept, "100000");
}

/// Two sessions send the same batch, too large for the first alone, which ends its transaction as told when the second
/// waits for it. Returns what the second was told, and the document.
async fn two_sessions(end: &str) -> (String, String) {
    let (database, first) = database().await;
    let second = database.connect().await;
    let observer = database.connect().await;
    let waiting = process(&second).await;
    let batch = numbered(
        1,
        r#"[{"run": "full", "operations": [{"type": "set", "key": "more", "value": "xxxxxxxxxxxxx"}]}]"#,
    );
    first.batch_execute("BEGIN").await.unwrap();
    assert_eq!(
        rows(&first, &batch).await,
        "full | self | too_large | 1 | NULL"
    );
    let later = tokio::spawn(async move { rows(&second, &batch).await });
    until_waiting(&observer, waiting).await;
    first.batch_execute(end).await.unwrap();
    let told = later.await.unwrap();
    let document = "SELECT metadata - 'text' FROM runmeta.run WHERE id = 'full'";
    (told, rows(&observer, document).await)
}

#[tokio::test]
async fn of_two_sessions_with_one_batch_the_second_is_told_what_the_first_was_refused() {
    let (told, document) = two_sessions("COMMIT").await;
    assert_eq!(told, "full | self | too_large | NULL | NULL");
    assert_eq!(document, "{}");
}

#[tokio::test]
async fn what_a_batch_was_refused_is_forgotten_with_its_transaction() {
    let (told, document) = two_sessions("ROLLBACK").await;
    assert_eq!(told, "full | self | applied | 2 | NULL");
    assert_eq!(document, r#"{"more": "xxxxxxxxxxxxx"}"#);
}

#[tokio::test]
async fn a_savepoint_takes_back_what_the_batches_after_it_were_refused() {
    let (_database, client) = database().await;
    let closed = format!(r#"[{{"run": "closed", "operations": {ONE}}}]"#);
    client.batch_execute("BEGIN").await.unwrap();
    rows(&client, &numbered(1, &mixed())).await;
    client.batch_execute("SAVEPOINT s").await.unwrap();
    rows(&client, &numbered(2, &closed)).await;
    let closed_again = rows(&client, &numbered(2, &closed)).await;
    assert_eq!(closed_again, "closed | self | closed | NULL | NULL");
    client.batch_execute("ROLLBACK TO s").await.unwrap();
    assert_eq!(rows(&client, &numbered(1, &mixed())).await, ANSWER_AGAIN);
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(rows(&client, &numbered(1, &mixed())).await, ANSWER_AGAIN);
    assert_eq!(
        rows(&client, &numbered(2, &closed)).await,
        "closed | self | closed | 2 | NULL"
    );
}

#[tokio::test]
async fn a_pruned_writer_takes_with_it_what_it_was_refused() {
    let (_database, client) = database().await;
    rows(&client, &numbered(1, &mixed())).await;
    client
        .batch_execute(
            "UPDATE runmeta.writer SET updated_at = '2026-01-01'; SELECT runmeta.prune('2026-01-02')",
        )
        .await
        .unwrap();
    assert_eq!(rows(&client, "SELECT id FROM runmeta.writer").await, "");
    let taken = format!(r#"[{{"run": "child", "operations": {ONE}}}]"#);
    assert_eq!(
        rows(&client, &numbered(1, &taken)).await,
        "child | self | applied | 3 | NULL"
    );
    assert_eq!(
        rows(&client, &numbered(1, &taken)).await,
        "child | self | duplicate | NULL | NULL"
    );
}

#[tokio::test]
async fn what_others_wrote_there_is_told_only_where_it_makes_sense() {
    let (_database, client) = database().await;
    let batch = numbered(
        1,
        &format!(r#"[{{"run": "child", "operations": {HALF}, "rootOperations": {HALF}}}]"#),
    );
    rows(&client, &batch).await;
    let nothing =
        "child | self | duplicate | NULL | NULL\nchild | root | duplicate | NULL | NULL".to_owned();
    for planted in [
        "7",
        "null",
        "\"closed\"",
        "{}",
        r#"{"run": "child", "target": "self", "outcome": "closed"}"#,
        r#"[7, null, [], {}, "child"]"#,
        r#"[{"run": 1, "target": "self", "outcome": "closed"}, {"run": "child", "target": 1, "outcome": "closed"}]"#,
        r#"[{"run": "child", "target": "mother", "outcome": "closed"}, {"run": "child", "outcome": "closed"}]"#,
        r#"[{"run": "child", "target": "self", "outcome": "applied"}, {"run": "child", "target": "root", "outcome": {}}]"#,
        r#"[{"run": "child", "target": "self", "earlier": 1, "outcome": "closed"}]"#,
        r#"[{"run": "child", "target": "self", "earlier": -1, "outcome": "closed"}]"#,
        r#"[{"run": "child", "target": "self", "earlier": 1e999, "outcome": "closed"}]"#,
        r#"[{"run": "child", "target": "self", "earlier": "0", "outcome": "closed"}]"#,
        r#"[{"run": "child", "target": "self", "unapplied": {"index": 0}}, {"run": "child", "target": "root", "unapplied": "x"}]"#,
        r#"[{"run": "child", "target": "self", "unapplied": [7, [], {}, {"index": 0}, {"index": 2, "reason": "x"}, {"index": 0, "reason": 1}]}]"#,
    ] {
        let plant = format!("UPDATE runmeta.writer SET refused = '{planted}'");
        client.batch_execute(&plant).await.unwrap();
        assert_eq!(rows(&client, &batch).await, nothing, "{planted}");
    }
}

#[tokio::test]
async fn a_writer_is_told_again_under_policies_and_nobody_else_is() {
    let role = Role::new();
    let (database, client) = database().await;
    client
        .batch_execute(&format!(
            "GRANT runmeta_writer TO {role};
             ALTER TABLE runmeta.writer ENABLE ROW LEVEL SECURITY;
             CREATE POLICY tenant ON runmeta.writer TO runmeta_writer
                 USING (left(id::text, 8) = current_setting('app.tenant'));",
            role = role.name()
        ))
        .await
        .unwrap();
    let batch = numbered(1, r#"[{"run": "nobody", "operations": []}]"#);
    let tenant = database.connect_as(role.name()).await;
    tenant
        .batch_execute("SET app.tenant = '00000000'")
        .await
        .unwrap();
    for _ in 0..2 {
        assert_eq!(
            rows(&tenant, &batch).await,
            "nobody | self | not_found | NULL | NULL"
        );
    }
    tenant
        .batch_execute("SET app.tenant = '00000001'")
        .await
        .unwrap();
    assert_eq!(rows(&tenant, "SELECT id FROM runmeta.writer").await, "");
    let refused = refusal(tenant.batch_execute(&numbered(2, "[]")).await);
    assert!(refused.starts_with("55000"), "{refused}");
}

#[tokio::test]
async fn a_refusal_that_cannot_be_kept_refuses_the_batch() {
    let (_database, client) = database().await;
    client
        .batch_execute(
            "CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER leave_out BEFORE UPDATE OF refused ON runmeta.writer FOR EACH ROW EXECUTE FUNCTION leave_out();",
        )
        .await
        .unwrap();
    insta::assert_snapshot!(refusal(client.batch_execute(&numbered(1, &mixed())).await), @"
    09000: a writer was not stored
    DETAIL: A trigger or a policy on runmeta.writer left out the row, so nothing of the call takes effect.
    HINT: Let triggers return the row, and policies for UPDATE show it.
    ");
    assert_eq!(rows(&client, "SELECT id FROM runmeta.writer").await, "");
    assert_eq!(
        rows(&client, DOCUMENTS).await,
        r#"child {"n": 0}, closed {}, full {}, top {"n": 0}"#
    );
}
