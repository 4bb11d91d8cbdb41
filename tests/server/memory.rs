//! The memory of a backend: bounded, freed at the end of the call, and past the bound an error and no crash.
//!
//! The server has a limited address space, in which a call without bounds would end all sessions.

use tokio_postgres::Client;

use crate::harness::{OwnServer, Peak, refusal, rows};

/// Postgres itself takes some 500 MB of it: 256 of shared buffers, and libraries.
const ADDRESS_SPACE: u32 = 1_200_000;

async fn limited_server() -> (OwnServer, Client) {
    let server = OwnServer::start_with_address_space(ADDRESS_SPACE).await;
    let client = server.connect("postgres").await;
    // The library is loaded and its statements are planned.
    client
        .batch_execute(
            "SET runmeta.inbox = off; SELECT runmeta.start('warm'); SELECT count(*) FROM runmeta.flush('[{\"run\": \"warm\", \"operations\":
             [{\"type\": \"set\", \"key\": \"a\", \"value\": 1}]}]')",
        )
        .await
        .unwrap();
    (server, client)
}

/// Flushes the same operations to runs whose ids have this prefix. Returns what became of them, the peak of memory and
/// what the session kept, in megabytes.
async fn flush(client: &Client, prefix: &str, operations: &str, runs: u32) -> (String, u64, u64) {
    let peak = Peak::watch(client).await;
    let outcomes = rows(
        client,
        &format!(
            "SELECT outcome, count(*) FROM runmeta.flush((
                 SELECT jsonb_agg(jsonb_build_object('run', '{prefix}' || i, 'operations', '{operations}'::jsonb))
                 FROM generate_series(1, {runs}) AS i)) GROUP BY outcome"
        ),
    )
    .await;
    let (most, kept) = peak.end();
    (outcomes, most, kept)
}

#[tokio::test]
async fn a_flush_holds_few_documents_at_a_time() {
    let (_server, client) = limited_server().await;
    // 1,000 of them would be 262 MB, and were held five times. The array takes 5 MB of nodes if each is a node.
    client
        .batch_execute(
            "SELECT runmeta.start('text ' || i, jsonb_build_object('text', repeat('x', 262000)))
             FROM generate_series(1, 1000) AS i;
             SELECT runmeta.start('array ' || i, d) FROM generate_series(1, 100) AS i,
                 (SELECT jsonb_build_object('a', jsonb_agg(0)) AS d FROM generate_series(1, 130000)) AS d",
        )
        .await
        .unwrap();

    let increment = r#"[{"type": "increment", "key": "n", "value": 1}]"#;
    let (outcomes, most, kept) = flush(&client, "text ", increment, 1000).await;
    assert_eq!(outcomes, "applied | 1000");
    assert!(most < 64, "the peak was {most} MB");
    assert!(kept < 32, "the session kept {kept} MB");

    let (outcomes, most, _) = flush(&client, "text ", "[]", 1000).await;
    assert_eq!(outcomes, "unchanged | 1000");
    assert!(most < 64, "the peak was {most} MB");

    let set = r#"[{"type": "set", "key": "$.a[0]", "value": 1}]"#;
    let (outcomes, most, kept) = flush(&client, "array ", set, 100).await;
    assert_eq!(outcomes, "applied | 100");
    assert!(most < 64, "the peak was {most} MB");
    assert!(kept < 32, "the session kept {kept} MB");
}

#[tokio::test]
async fn violations_of_a_contract_are_looked_for_in_one_document_at_a_time() {
    let (_server, client) = limited_server().await;
    let start = "SELECT runmeta.start('run ' || i, jsonb_build_object('text', repeat('x', 250000)), task => 'import')
        FROM generate_series(1, 200) AS i";
    client.batch_execute(start).await.unwrap();
    let peak = Peak::watch(&client).await;
    let find = r#"SELECT count(*) FROM runmeta.contract_violations('import', schema => '{"required": ["rows"]}')"#;
    assert_eq!(rows(&client, find).await, "200");
    let (most, _) = peak.end();
    assert!(most < 24, "the peak was {most} MB");
}

#[tokio::test]
async fn opening_an_array_costs_nothing_for_elements_that_nobody_touches() {
    let (_server, client) = limited_server().await;
    client
        .batch_execute(
            "SET runmeta.maximum_memory = '16MB';
             CREATE TEMP TABLE t AS SELECT jsonb_build_object('a', a, 'b', a) AS d
             FROM (SELECT jsonb_agg(i % 2 = 0) AS a FROM generate_series(1, 500000) AS i) AS a",
        )
        .await
        .unwrap();
    // Two million bytes each, in the document and in what is made of it.
    let change = r#"SELECT runmeta.apply_operations(d, '[{"type": "append", "key": "a", "value": 1},
        {"type": "set", "key": "$.b[250000]", "value": 2}]') AS d FROM t"#;
    let checks = format!(
        "SELECT d -> 'a' -> 500000, jsonb_array_length(d -> 'b'), d -> 'b' -> 249999, d -> 'b' -> 250000,
             d -> 'b' -> 250001, d -> 'b' -> 499999 FROM ({change}) AS c"
    );
    assert_eq!(
        rows(&client, &checks).await,
        "1 | 500000 | true | 2 | true | true"
    );
}

#[tokio::test]
async fn a_call_that_needs_too_much_is_refused_and_harms_nobody() {
    let (server, client) = limited_server().await;
    let bystander = server.connect("postgres").await;
    client
        .batch_execute(
            "CREATE TEMP TABLE o AS SELECT jsonb_agg(jsonb_build_object('type', 'set', 'value', 1,
                 'key', '$.a' || i || repeat('.x', 96))) AS o FROM generate_series(1, 30000) AS i",
        )
        .await
        .unwrap();
    // Nearly three million steps, of some 70 bytes each.
    let apply = "SELECT runmeta.apply('warm', o) FROM o";
    insta::assert_snapshot!(refusal(client.batch_execute(apply).await), @r"
    53200: call needs too much memory
    DETAIL: It may use 65536 kB, and a call that needs more changes nothing.
    HINT: Send fewer operations in one call, keep documents small, or raise runmeta.maximum_memory.
    ");
    client
        .batch_execute("SET runmeta.maximum_memory = '1TB'")
        .await
        .unwrap();
    let more = "SELECT runmeta.apply_operations('{}', o || o || o) FROM o";
    let refused = refusal(client.batch_execute(more).await);
    assert!(
        refused.starts_with("53200: out of memory\nDETAIL: The server could not get "),
        "{refused}"
    );
    assert_eq!(
        rows(&client, "SELECT runmeta.get('warm')").await,
        r#"{"a": 1}"#
    );
    assert_eq!(rows(&bystander, "SELECT 1").await, "1");
}

#[tokio::test]
async fn a_reader_cannot_end_the_server() {
    let (server, client) = limited_server().await;
    client
        .batch_execute(
            "CREATE TEMP TABLE t AS SELECT ('[' || repeat('[],', 1500000) || '[]]')::jsonb AS nested,
                 jsonb_build_array(jsonb_build_object('type', 'merge', 'value', jsonb_build_object(repeat('a', 40000000), 1))) AS name;
             GRANT SELECT ON t TO runmeta_reader; SET ROLE runmeta_reader; SET runmeta.notify = off",
        )
        .await
        .unwrap();
    for call in [
        "SELECT runmeta.size(nested) FROM t",
        "SELECT runmeta.apply_operations('{}', name || name || name) FROM t",
    ] {
        // What is refused and what goes through depends on the memory that is left, and either is right.
        if let Err(error) = client.batch_execute(call).await {
            let refused = refusal(Err::<(), _>(error));
            assert!(refused.starts_with("53200: "), "{call}: {refused}");
        }
    }
    assert_eq!(
        rows(&server.connect("postgres").await, "SELECT 1").await,
        "1"
    );
    assert_eq!(rows(&client, "SELECT 1").await, "1");
}

#[tokio::test]
async fn what_a_transaction_announces_does_not_pile_up() {
    let (_server, client) = limited_server().await;
    let peak = Peak::watch(&client).await;
    client
        .batch_execute(
            "DO $$ BEGIN FOR i IN 1..100000 LOOP PERFORM runmeta.start(lpad(i::text, 250, 'k')); END LOOP; END $$",
        )
        .await
        .unwrap();
    let (most, kept) = peak.end();
    assert!(most < 48, "the peak was {most} MB");
    assert!(kept < 32, "the session kept {kept} MB");
}
