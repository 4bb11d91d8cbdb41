//! The conformance cases through SQL: pure, and as what is stored for runs.

use std::fs;

use crate::harness::{Database, repository, rows};

fn cases() -> Vec<String> {
    let cases = fs::read_to_string(repository("core/tests/conformance/operations.jsonl")).unwrap();
    cases.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn every_case_gives_the_expected_document_and_positions() {
    let database = Database::new().await;
    let client = database.connect().await;
    let ask = "
        SELECT count(*), count(*) FILTER (WHERE a.result = p.c -> 'expected'),
            count(*) FILTER (WHERE u.positions = p.c -> 'unapplied'),
            coalesce(min(t.line) FILTER (WHERE a.result <> p.c -> 'expected' OR u.positions <> p.c -> 'unapplied'), 0)
        FROM unnest($1::text[]) WITH ORDINALITY AS t (text, line)
        CROSS JOIN LATERAL (SELECT t.text::jsonb OFFSET 0) AS p (c)
        CROSS JOIN LATERAL (
            SELECT runmeta.apply_operations(p.c -> 'doc', p.c -> 'ops') OFFSET 0
        ) AS a (result)
        CROSS JOIN LATERAL (
            SELECT coalesce(jsonb_agg(s -> 'index'), '[]')
            FROM jsonb_array_elements(runmeta.unapplied_operations(p.c -> 'doc', p.c -> 'ops')) AS s
        ) AS u (positions)";
    let row = client.query_one(ask, &[&cases()]).await.unwrap();
    let (count, documents, positions): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    let first_that_differs: i64 = row.get(3);
    assert_eq!(
        (count, documents, positions),
        (3000, 3000, 3000),
        "the first that differs is in line {first_that_differs}"
    );
}

#[tokio::test]
async fn every_case_is_stored_as_expected_by_apply_and_by_flush() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute("CREATE TABLE cases (line int8 PRIMARY KEY, c jsonb)")
        .await
        .unwrap();
    let fill = "INSERT INTO cases SELECT t.line, t.text::jsonb FROM unnest($1::text[]) WITH ORDINALITY AS t (text, line)";
    client.execute(fill, &[&cases()]).await.unwrap();
    client
        .batch_execute(
            "SELECT runmeta.start('apply ' || line, c -> 'doc'), runmeta.start('flush ' || line, c -> 'doc') FROM cases;
             CREATE TABLE applied AS
                SELECT line, a.version, a.unapplied FROM cases, runmeta.apply('apply ' || line, c -> 'ops') AS a;
             CREATE TABLE flushed AS
                SELECT * FROM runmeta.flush((
                    SELECT jsonb_agg(jsonb_build_object('run', 'flush ' || line, 'operations', c -> 'ops') ORDER BY line)
                    FROM cases));",
        )
        .await
        .unwrap();

    let differences = "
        SELECT c.line
        FROM cases AS c JOIN applied AS a USING (line) JOIN flushed AS f ON f.run_id = 'flush ' || c.line
        WHERE runmeta.get('apply ' || c.line) <> c.c -> 'expected'
            OR runmeta.get('flush ' || c.line) <> c.c -> 'expected'
            OR a.unapplied <> coalesce(f.unapplied, '[]')
            OR jsonb_array_length(a.unapplied) <> jsonb_array_length(c.c -> 'unapplied')
            -- A document that stays as it was keeps its version.
            OR a.version <> CASE WHEN c.c -> 'doc' = c.c -> 'expected' THEN 1 ELSE 2 END
            OR f.version <> a.version
            OR (f.outcome = 'applied') <> (f.version = 2)";
    assert_eq!(rows(&client, differences).await, "");
    assert_eq!(rows(&client, "SELECT count(*) FROM flushed").await, "3000");
}
