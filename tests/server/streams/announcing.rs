//! What listeners are sent when streams change.

use super::{append, family, run};
use crate::harness::{Database, Listener, process};

#[tokio::test]
async fn each_stream_is_announced_once_a_transaction_with_its_last_chunk() {
    let (database, client) = family().await;
    let mut listener = Listener::new(&database).await;
    append(&client, "logs", "[1, 2]").await;
    append(&client, "empty", "[]").await;
    for transaction in [
        "BEGIN;
        SELECT runmeta.stream_append('top', 'logs', '[3]');
        SELECT runmeta.stream_append('child', 'b', '[1]');
        SELECT runmeta.set('child', 'k', '1');
        SAVEPOINT s;
        SELECT runmeta.stream_append('top', 'logs', '[4]');
        SELECT runmeta.stream_append('top', 'gone', '[4]');
        ROLLBACK TO s;
        SAVEPOINT s;
        SELECT runmeta.stream_append('child', 'a', '[1, 2, 3]');
        SELECT runmeta.stream_append('child', 'b', '[2]');
        RELEASE s;
        COMMIT",
        "BEGIN; SELECT runmeta.stream_append('top', 'logs', '[4]'); ROLLBACK",
        "SELECT runmeta.stream_close('child', 'a', 'e')",
        "SELECT runmeta.stream_close('child', 'a')",
        "BEGIN; SET LOCAL runmeta.notify = off; SELECT runmeta.stream_append('top', 'logs', '[4]'); COMMIT",
    ] {
        client.batch_execute(transaction).await.unwrap();
    }
    assert_eq!(
        listener.payloads().await,
        [
            r#"{"streams":[{"id":"top","root":"top","stream":"logs","last":1}]}"#,
            r#"{"streams":[{"id":"top","root":"top","stream":"empty","last":-1}]}"#,
            r#"{"runs":[{"id":"child","root":"top","version":2}],"streams":[{"id":"child","root":"top","stream":"a","last":2},{"id":"child","root":"top","stream":"b","last":1},{"id":"top","root":"top","stream":"logs","last":2}]}"#,
            r#"{"streams":[{"id":"child","root":"top","stream":"a","last":2,"closed":true}]}"#,
        ]
    );
}

#[tokio::test]
async fn names_are_announced_in_ascii_json() {
    let (database, client) = family().await;
    let mut listener = Listener::new(&database).await;
    append(&client, "\"\\🙂\n", "[1]").await;
    assert_eq!(
        listener.payloads().await,
        [r#"{"streams":[{"id":"top","root":"top","stream":"\"\\\ud83d\ude42\n","last":0}]}"#]
    );
}

#[tokio::test]
async fn many_streams_fill_payloads_that_postgres_takes_and_very_many_are_a_resync() {
    let (database, client) = family().await;
    let mut listener = Listener::new(&database).await;
    let append = |from: u32, to: u32| {
        format!(
            "SELECT count(runmeta.stream_append('top', repeat(chr(1), 200) || n, '[1]')) FROM generate_series({from}, {to}) AS n"
        )
    };
    run(&client, &append(1, 100)).await;
    let payloads = listener.payloads().await;
    let streams = |payload: &String| {
        let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
        payload["streams"].as_array().unwrap().len()
    };
    assert_eq!(payloads.iter().map(streams).sum::<usize>(), 100);
    assert!(payloads.len() < 30, "{}", payloads.len());
    run(&client, &append(1, 10_001)).await;
    assert_eq!(listener.payloads().await, [r#"{"resync":true}"#]);
}

/// The worker announces what came together in an interval: the greatest number, and that the stream was closed.
#[tokio::test]
async fn worker_announces_a_stream_once_an_interval() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    let mut listener = Listener::new(&database).await;
    run(&client, "SELECT runmeta.start('top')").await;
    listener
        .until(r#"{"runs":[{"id":"top","root":"top","version":1}]}"#)
        .await;
    let mut numbers = Vec::new();
    let append = "DO $$ BEGIN FOR i IN 1..500 LOOP PERFORM runmeta.stream_append('top', 'logs', '[1]'); COMMIT; END LOOP; END $$";
    run(&client, append).await;
    run(&client, "SELECT runmeta.stream_close('top', 'logs')").await;
    loop {
        let payloads = listener.next().await.unwrap();
        for payload in payloads.iter().filter(|payload| payload.contains("logs")) {
            let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
            numbers.push(payload["streams"][0]["last"].as_i64().unwrap());
            if payload["streams"][0]["closed"] == true {
                assert_eq!(numbers.last(), Some(&499));
                assert!(numbers.is_sorted(), "{numbers:?}");
                assert!(numbers.len() < 400, "{}", numbers.len());
                return;
            }
        }
    }
}

#[tokio::test]
async fn prepared_transaction_announces_its_streams_when_it_is_committed() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    let mut listener = Listener::new(&database).await;
    run(
        &client,
        "SELECT runmeta.start('top'); SELECT runmeta.stream_append('top', 'logs', '[1]')",
    )
    .await;
    listener
        .until(r#"{"runs":[{"id":"top","root":"top","version":1}],"streams":[{"id":"top","root":"top","stream":"logs","last":0}]}"#)
        .await;
    let name = format!("streams-{}", process(&client).await);
    client
        .batch_execute(&format!(
            "BEGIN; SELECT runmeta.stream_append('top', 'prepared', '[1, 2]'); SELECT runmeta.stream_close('top', 'logs');
             PREPARE TRANSACTION '{name}'"
        ))
        .await
        .unwrap();
    assert_eq!(
        run(&client, "SELECT count(*) FROM runmeta.outbox").await,
        "0"
    );
    client
        .batch_execute(&format!("COMMIT PREPARED '{name}'"))
        .await
        .unwrap();
    listener
        .until(r#"{"streams":[{"id":"top","root":"top","stream":"logs","last":0,"closed":true},{"id":"top","root":"top","stream":"prepared","last":1}]}"#)
        .await;
}

#[tokio::test]
async fn without_a_worker_such_a_transaction_cannot_be_prepared() {
    let (_database, client) = family().await;
    let name = format!("streams-{}", process(&client).await);
    let prepare = format!(
        "BEGIN; SELECT runmeta.stream_append('top', 'logs', '[1]'); PREPARE TRANSACTION '{name}'"
    );
    let refused = super::refused(&client, &prepare).await;
    assert!(refused.starts_with("0A000: cannot PREPARE"), "{refused}");
}
