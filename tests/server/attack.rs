//! What an attack on the inbox and the worker found, and stays mended.

use std::time::Duration;

use tokio_postgres::Client;

use crate::harness::{Database, Listener, by_hand, rows, until};

const EMPTY: &str = "SELECT NOT EXISTS (SELECT FROM runmeta.inbox)";
const START: &str = "SELECT runmeta.start('parent', '{\"n\": 0}'), runmeta.start('child', parent_run_id => 'parent')";
const INCREMENT: &str = "SELECT runmeta.increment('child', 'n', 1, 'parent')";
const GET: &str = "SELECT runmeta.get('parent', 'n')";

async fn start() -> (Database, Client) {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    client.batch_execute(START).await.unwrap();
    (database, client)
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(700)).await;
}

/// Floors outlive the ids that they are about.
#[tokio::test]
async fn lists_are_found_after_the_table_was_emptied_and_ids_begin_anew() {
    let (_database, client) = start().await;
    by_hand(&client).await;
    for _ in 0..10 {
        client.batch_execute(INCREMENT).await.unwrap();
    }
    until(&client, EMPTY).await;
    client
        .batch_execute("TRUNCATE runmeta.run, runmeta.inbox RESTART IDENTITY")
        .await
        .unwrap();
    client.batch_execute(START).await.unwrap();
    let ten = format!("BEGIN; {}COMMIT", format!("{INCREMENT};").repeat(10));
    client.batch_execute(&ten).await.unwrap();
    assert_eq!(rows(&client, GET).await, "10");
}

/// Rows that come into the inbox otherwise than by our functions (a restore, logical replication) are never seen.
#[tokio::test]
async fn fold_finds_rows_that_came_by_no_function_of_ours() {
    let (_database, client) = start().await;
    client
        .batch_execute(
            "INSERT INTO runmeta.inbox (root_id, run_id, run_created_at, source_id, operations, weight)
            SELECT 'parent', 'parent', r.created_at, 'child', '[{\"type\":\"increment\",\"key\":\"n\",\"value\":1}]', 20
            FROM runmeta.run AS r WHERE r.id = 'parent'",
        )
        .await
        .unwrap();
    client
        .batch_execute("SELECT runmeta.fold(100)")
        .await
        .unwrap();
    assert_eq!(rows(&client, GET).await, "1");
}

/// What a writer queued and what it flushes then under repeatable read comes in the wrong order.
#[tokio::test]
async fn flush_under_repeatable_read_comes_after_what_its_snapshot_shows_waiting() {
    let (database, client) = start().await;
    let holder = database.connect().await;
    holder
        .batch_execute("BEGIN; SELECT FROM runmeta.run WHERE id = 'parent' FOR UPDATE")
        .await
        .unwrap();
    client
        .batch_execute("SELECT runmeta.set('child', 'n', '5', 'parent')")
        .await
        .unwrap();
    client
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT runmeta.get('parent')")
        .await
        .unwrap();
    holder.batch_execute("ROLLBACK").await.unwrap();
    until(&holder, EMPTY).await;
    let flush = r#"SELECT * FROM runmeta.flush('[{"run":"parent","operations":[{"type":"set","key":"n","value":0}]}]')"#;
    // Either a serialization failure or 0.
    if client.batch_execute(flush).await.is_ok() {
        client.batch_execute("COMMIT").await.unwrap();
        assert_eq!(rows(&client, GET).await, "0");
    }
}

/// A list of a session without announcements takes the version that the notification of another one has: its fold is
/// announced all the same.
#[tokio::test]
async fn fold_of_a_list_that_was_queued_quietly_is_announced() {
    let (database, client) = start().await;
    let bulk = database.connect().await;
    let mut listener = Listener::new(&database).await;
    client
        .batch_execute("BEGIN; SELECT runmeta.set('parent', 'phase', '1')")
        .await
        .unwrap();
    let queue = format!("SET runmeta.notify = off; {INCREMENT}");
    bulk.batch_execute(&queue).await.unwrap();
    client.batch_execute("COMMIT").await.unwrap();
    let folded = r#"{"id":"parent","root":"parent","version":3}"#;
    while let Some(payloads) = listener.next().await {
        if payloads.iter().any(|payload| payload.contains(folded)) {
            return;
        }
    }
    panic!("the listener lost its connection");
}

/// A flush locks a run of which lists cannot be queued behind those that follow it.
#[tokio::test]
async fn flushes_of_large_and_small_documents_do_not_wait_in_a_circle() {
    let (database, client) = start().await;
    client
        .batch_execute("SELECT runmeta.start('a', jsonb_build_object('big', repeat('x', 20000))), runmeta.start('b'), runmeta.start('c')")
        .await
        .unwrap();
    let flush = |runs: &str| {
        format!(
            "SELECT * FROM runmeta.flush((SELECT jsonb_agg(jsonb_build_object('run', run, 'operations',
                jsonb_build_array(jsonb_build_object('type', 'set', 'key', 'v', 'value',
                CASE run WHEN 'a' THEN repeat('y', 5000) ELSE 'z' || random() END))))
            FROM unnest('{{{runs}}}'::text[]) AS run))"
        )
    };
    let (first, second, holder) = (
        database.connect().await,
        database.connect().await,
        database.connect().await,
    );
    holder
        .batch_execute("BEGIN; SELECT FROM runmeta.run WHERE id = 'c' FOR UPDATE")
        .await
        .unwrap();
    second
        .batch_execute("SET runmeta.inbox = off")
        .await
        .unwrap();
    let (one, two) = (flush("a,b,c"), flush("a,b"));
    let (one, two, ()) = tokio::join!(
        first.batch_execute(&one),
        async {
            pause().await;
            second.batch_execute(&two).await
        },
        async {
            pause().await;
            pause().await;
            holder.batch_execute("COMMIT").await.unwrap();
        }
    );
    one.unwrap();
    two.unwrap();
}
