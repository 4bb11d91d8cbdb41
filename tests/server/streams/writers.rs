//! Many writers at once: no number is missing or given twice, and each writer's chunks keep their order.

use std::time::Duration;

use futures_util::future::join_all;

use super::{append, chunks, family, run};
use crate::harness::{process, until_waiting};

#[tokio::test]
async fn writers_of_one_stream_interleave_without_gaps() {
    let (database, client) = family().await;
    let writers = (0..8).map(|writer| {
        let database = &database;
        async move {
            let client = database.connect().await;
            // Tails, rows and flushes.
            let write = format!(
                r#"DO $$ BEGIN FOR i IN 0..99 LOOP
                    IF i % 10 = 9 THEN
                        PERFORM runmeta.flush(jsonb_build_array(jsonb_build_object('run', 'top', 'streams',
                            jsonb_build_object('logs', jsonb_build_array('{writer} ' || i)))));
                    ELSE
                        PERFORM runmeta.stream_append('top', 'logs', jsonb_build_array(
                            '{writer} ' || i || CASE WHEN i % 10 = 5 THEN repeat(' ', 3000) ELSE '' END));
                    END IF;
                    COMMIT;
                END LOOP; END $$"#
            );
            client.batch_execute(&write).await.unwrap();
        }
    });
    join_all(writers).await;
    let read = "SELECT count(*), count(DISTINCT number), min(number), max(number), bool_and(ordered) FROM (
        SELECT number, i = row_number() OVER (PARTITION BY writer ORDER BY number) - 1 AS ordered FROM (
            SELECT number, split_part(chunk #>> '{}', ' ', 1) AS writer, split_part(chunk #>> '{}', ' ', 2)::int AS i
            FROM runmeta.stream_read('top', 'logs', max => 100000)) AS c) AS c";
    assert_eq!(run(&client, read).await, "800 | 800 | 0 | 799 | t");
    assert_eq!(
        run(&client, "SELECT chunks FROM runmeta.streams('top')").await,
        "800"
    );
}

#[tokio::test]
async fn two_writers_that_begin_a_stream_at_once_both_get_their_numbers() {
    let (database, client) = family().await;
    let (first, second) = (database.connect().await, database.connect().await);
    let second_process = process(&second).await;
    first
        .batch_execute("BEGIN; SELECT runmeta.stream_append('top', 'logs', '[\"first\"]')")
        .await
        .unwrap();
    let (number, ()) = tokio::join!(append(&second, "logs", r#"["second"]"#), async {
        until_waiting(&client, second_process).await;
        first.batch_execute("COMMIT").await.unwrap();
    });
    assert_eq!(number, "1");
    assert_eq!(chunks(&client, "logs").await, r#"0 "first", 1 "second""#);
}

#[tokio::test]
async fn append_that_is_rolled_back_leaves_no_gap() {
    let (database, client) = family().await;
    let other = database.connect().await;
    append(&client, "logs", "[1]").await;
    let other_process = process(&other).await;
    client
        .batch_execute("BEGIN; SELECT runmeta.stream_append('top', 'logs', '[2, 3]')")
        .await
        .unwrap();
    let observer = database.connect().await;
    let (number, ()) = tokio::join!(append(&other, "logs", "[4]"), async {
        until_waiting(&observer, other_process).await;
        client.batch_execute("ROLLBACK").await.unwrap();
    });
    assert_eq!(number, "1");
    assert_eq!(chunks(&client, "logs").await, "0 1, 1 4");
}

/// Writers of different streams share no lock, nor do they wait for who writes the run.
#[tokio::test]
async fn writers_of_other_streams_and_of_the_run_are_not_waited_for() {
    let (database, client) = family().await;
    append(&client, "logs", "[1]").await;
    let other = database.connect().await;
    other
        .batch_execute("SET lock_timeout = '10s'")
        .await
        .unwrap();
    client
        .batch_execute(
            "BEGIN; SELECT runmeta.set('top', 'k', '1'); SELECT runmeta.stream_append('top', 'own', '[1]')",
        )
        .await
        .unwrap();
    let appended = tokio::time::timeout(Duration::from_secs(60), async {
        append(&other, "logs", "[2]").await;
        append(&other, "first", "[2]").await;
        run(&other, r#"SELECT outcome FROM runmeta.flush('[{"run": "top", "streams": {"logs": [3], "second": [1]}}]')"#).await
    });
    assert_eq!(appended.await.unwrap(), "applied\napplied");
    client.batch_execute("COMMIT").await.unwrap();
}

/// A statement locks 1,000 streams. A flush of more makes all rows that it needs before it locks any.
#[tokio::test]
async fn flushes_of_more_streams_than_a_statement_locks_do_not_wait_in_a_circle() {
    let (database, client) = family().await;
    let many = "SELECT count(*) FROM runmeta.flush((SELECT jsonb_build_array(
            jsonb_build_object('run', 'child', 'streams', jsonb_object_agg('s' || to_char(i, 'FM0000'), '[1]'::jsonb)))
        FROM generate_series(1, 1000) AS i)) WHERE outcome = 'applied'";
    assert_eq!(run(&client, many).await, "1000");
    let (first, second) = (database.connect().await, database.connect().await);
    let (first_process, second_process) = (process(&first).await, process(&second).await);
    let holder = database.connect().await;
    holder
        .batch_execute("BEGIN; SELECT runmeta.stream_append('child', 's0500', '[2]')")
        .await
        .unwrap();
    // `new` comes behind all streams of `child`, so it is not locked together with them.
    let many_and_new = many.replace(
        "jsonb_build_array(",
        r#"'[{"run": "top", "streams": {"new": [1]}}]'::jsonb || jsonb_build_array("#,
    );
    let few_and_new = r#"SELECT count(*) FROM runmeta.flush('[{"run": "child", "streams": {"s0001": [2]}},
        {"run": "top", "streams": {"new": [2]}}]') WHERE outcome = 'applied'"#;
    let few = async {
        until_waiting(&client, first_process).await;
        let (applied, ()) = tokio::join!(run(&second, few_and_new), async {
            until_waiting(&client, second_process).await;
            holder.batch_execute("COMMIT").await.unwrap();
        });
        applied
    };
    let (many, few) = tokio::join!(run(&first, &many_and_new), few);
    assert_eq!((&*many, &*few), ("1001", "2"));
    assert_eq!(chunks(&client, "new").await, "0 1, 1 2");
}
