//! The memory of batches that start and finish runs, and how long hostile ones take.

use tokio_postgres::Client;

use super::after;
use crate::harness::{OwnServer, Peak, refusal, rows};

/// A server with little memory, a session that makes batches, and one that flushes them.
async fn warm_server() -> (OwnServer, Client, Client) {
    let server = OwnServer::start_with_address_space(1_200_000).await;
    let maker = server.connect("postgres").await;
    let client = server.connect("postgres").await;
    maker
        .batch_execute("CREATE TABLE public.made (batch jsonb)")
        .await
        .unwrap();
    // The library is loaded and its statements are planned.
    client
        .batch_execute(
            "SET runmeta.inbox = off; SELECT count(*) FROM runmeta.flush('[{\"run\": \"warm\", \"start\": {}, \"operations\": [{\"type\": \"increment\", \"key\": \"n\"}],
             \"finish\": {}}, {\"run\": \"warm\", \"start\": {\"attempt\": 2}}]')",
        )
        .await
        .unwrap();
    (server, maker, client)
}

/// Flushes a batch of entries, each of which SQL makes of its number. Returns the peak in megabytes.
async fn peak(maker: &Client, client: &Client, entry: &str, entries: u32, expected: &str) -> u64 {
    let make = format!(
        "TRUNCATE public.made; INSERT INTO public.made SELECT jsonb_agg({entry}) FROM generate_series(1, {entries}) AS i"
    );
    maker.batch_execute(&make).await.unwrap();
    let peak = Peak::watch(client).await;
    let flush = "SELECT outcome, count(*) FROM public.made, runmeta.flush(batch) GROUP BY outcome";
    assert_eq!(rows(client, flush).await, expected);
    peak.end().0
}

#[tokio::test]
async fn few_documents_are_held_at_a_time_whatever_is_done_with_them() {
    let (_server, maker, client) = warm_server().await;
    // The batch itself has 52 MB.
    let start = "jsonb_build_object('run', 'r' || i, 'start', jsonb_build_object('metadata', jsonb_build_object('text', repeat('x', 262000))))";
    let most = peak(&maker, &client, start, 200, "applied | 200").await;
    assert!(most < 52 + 64, "the peak was {most} MB");
    maker
        .batch_execute(
            "SELECT runmeta.start('l' || i, jsonb_build_object('text', repeat('x', 262000))) FROM generate_series(1, 1000) AS i",
        )
        .await
        .unwrap();
    for entry in [
        r#"{"start": {"attempt": 2, "metadata": {"n": 0}}, "operations": [{"type": "increment", "key": "n"}]}"#,
        r#"{"operations": [{"type": "increment", "key": "n"}], "status": "checking"}"#,
        r#"{"status": "again", "finish": {}}"#,
    ] {
        let entry = format!("jsonb_build_object('run', 'l' || i) || '{entry}'");
        let most = peak(&maker, &client, &entry, 1000, "applied | 2000").await;
        assert!(most < 64, "the peak was {most} MB: {entry}");
    }
}

#[tokio::test]
async fn hundred_thousand_starts_and_finishes_take_bounded_memory() {
    let (_server, maker, client) = warm_server().await;
    let start = r#"jsonb_build_object('run', 'job ' || i, 'start', '{"parent": "warm", "task": "import", "tags": ["nightly"]}'::jsonb)"#;
    let finish = "jsonb_build_object('run', 'job ' || i, 'finish', 'done')";
    for entry in [start, finish] {
        let most = peak(&maker, &client, entry, 100_000, "applied | 100000").await;
        assert!(most < 128, "the peak was {most} MB: {entry}");
    }
    let most = peak(
        &maker,
        &client,
        &start.replace("job", "other"),
        100_000,
        "applied | 100000",
    )
    .await;
    assert!(most < 128, "the peak was {most} MB");
}

/// Each of them would take minutes if the work grew with the square of the batch.
#[tokio::test]
async fn batches_made_to_be_slow_are_not() {
    let (_database, client) =
        after("SELECT runmeta.start('a', attempt => 5); SET statement_timeout = '60s'").await;
    let of = |entry: &str| {
        format!(
            "SELECT outcome, count(*) FROM runmeta.flush((SELECT jsonb_agg({entry}) FROM generate_series(1, 50000) AS i)) GROUP BY 1 ORDER BY 1"
        )
    };
    for (entry, expected) in [
        // Starts of one run, each refused.
        (
            r#"'{"run": "new", "start": {"parent": "nobody"}}'::jsonb"#,
            "not_found | 50000",
        ),
        (
            r#"'{"run": "a", "start": {"attempt": 1}, "parentOperations": []}'::jsonb"#,
            "stale | 100000",
        ),
        // A circle.
        (
            r#"jsonb_build_object('run', 'c' || i, 'start', jsonb_build_object('parent', 'c' || i % 50000 + 1))"#,
            "not_found | 50000",
        ),
        // Changes of one run.
        (
            r#"jsonb_build_object('run', 'a', 'status', 's' || i)"#,
            "applied | 50000",
        ),
        (
            r#"jsonb_build_object('run', 'a', 'start', jsonb_build_object('attempt', 5 + i), 'finish', '{}'::jsonb)"#,
            "applied | 100000",
        ),
    ] {
        assert_eq!(rows(&client, &of(entry)).await, expected, "{entry}");
    }
}

#[tokio::test]
async fn more_entries_than_a_batch_may_have_are_refused() {
    let (_database, client) = after("").await;
    let flush = r#"SELECT count(*) FROM runmeta.flush((SELECT jsonb_agg('{"run": "a", "start": {}}'::jsonb) FROM generate_series(1, 100001)))"#;
    let refused = refusal(client.batch_execute(flush).await);
    assert!(
        refused.starts_with("54000: too many operations in one call"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_hundred_thousand_tags_are_refused_for_their_run() {
    let (_database, client) = after("").await;
    let flush = r#"SELECT outcome, unapplied FROM runmeta.flush((
        SELECT jsonb_build_array(jsonb_build_object('run', 'a', 'start', jsonb_build_object('tags', jsonb_agg('tag'::text))), '{"run": "b", "start": {}}'::jsonb)
        FROM generate_series(1, 100000)))"#;
    assert_eq!(
        rows(&client, flush).await,
        "invalid | [{\"detail\": \"too many tags\", \"reason\": \"too_many_tags\"}]\napplied | NULL"
    );
}
