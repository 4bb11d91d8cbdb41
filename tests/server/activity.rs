//! The view `runmeta.activity`: what it counts, for whom, and how little it reads.

use tokio_postgres::Client;

use crate::harness::{Database, process, rows};

const LIST: &str = r#"'[{"type": "increment", "key": "count", "by": 1}]'"#;

/// Puts lists into the inbox, as functions do with the rights of the tables' owner.
async fn queue(client: &Client, run: &str, lists: u32, age: &str) {
    let insert = format!(
        "INSERT INTO runmeta.inbox (root_id, run_id, run_created_at, source_id, operations, created_at)
        SELECT '{run}', '{run}', now(), '{run}', {LIST}, now() - '{age}'::interval FROM generate_series(1, {lists})"
    );
    client.batch_execute(&insert).await.unwrap();
}

#[tokio::test]
async fn activity_is_one_row_even_where_nothing_happens() {
    let database = Database::new().await;
    let client = database.connect().await;
    let shown = rows(
        &client,
        "SELECT worker, waiting_lists, waiting_age, unannounced_since, unapplied, writers, unfinished_runs, owes_resync,
            job_changes, job_changes_age, adapter_failures
        FROM runmeta.activity",
    )
    .await;
    assert_eq!(
        shown,
        "stopped | 0 | NULL | NULL | 0 | 0 | 0 | f | 0 | NULL | 0"
    );
}

#[tokio::test]
async fn reader_sees_what_waits_though_it_may_not_read_the_inbox() {
    let database = Database::new().await;
    let client = database.connect().await;
    queue(&client, "nightly", 3, "1 hour").await;
    queue(&client, "import", 1, "0").await;
    client
        .batch_execute(
            "INSERT INTO runmeta.unapplied (root_id, run_id, run_created_at, position, source_id, operation, reason)
            VALUES ('nightly', 'nightly', now(), 1, 'import', '{}', 'not_a_number');
            INSERT INTO runmeta.outbox (root_id, run_id, version) VALUES ('nightly', 'nightly', 2);
            INSERT INTO runmeta.writer (id, last_sequence, updated_at) VALUES
                ('00000000-0000-4000-8000-000000000001', 1, now()),
                ('00000000-0000-4000-8000-000000000002', 1, now() - interval '2 minutes');
            INSERT INTO runmeta.transition (run_id, adapter, status, at) VALUES
                ('job:1', 1, 'running', now()), ('job:2', 1, 'running', now() - interval '1 hour');
            INSERT INTO runmeta.adapter_failure (adapter, operation, sqlstate, message)
            SELECT 1, 'INSERT', '42703', 'it failed' FROM generate_series(1, 3);
            INSERT INTO runmeta.run (root_id, id, finished_at) VALUES ('a', 'a', NULL), ('b', 'b', now())",
        )
        .await
        .unwrap();
    let reader = database.connect_as("runmeta_reader").await;
    let shown = rows(
        &reader,
        "SELECT waiting_lists, waiting_runs, waiting_bytes > 100, waiting_age BETWEEN '1 hour' AND '2 hours',
            waiting_is_estimate, unannounced_prepared, unapplied, writers, recent_writers, unfinished_runs,
            job_changes, job_changes_age BETWEEN '1 hour' AND '2 hours', adapter_failures
        FROM runmeta.activity",
    )
    .await;
    assert_eq!(shown, "4 | 2 | t | t | f | 1 | 1 | 2 | 1 | 1 | 2 | t | 3");
}

#[tokio::test]
async fn worker_is_shown_with_its_process() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    let ours = "SELECT 'running | ' || pid FROM pg_stat_activity
        WHERE backend_type = 'runmeta worker' AND datname = current_database()";
    let shown = rows(&client, "SELECT worker, worker_pid FROM runmeta.activity").await;
    assert_eq!(shown, rows(&client, ours).await);
}

#[tokio::test]
async fn oldest_transaction_that_holds_back_vacuum_is_named() {
    let database = Database::new().await;
    let client = database.connect().await;
    let shown =
        "SELECT vacuum_held_by, vacuum_held_pid, vacuum_held_name, vacuum_held_transactions > 0,
            vacuum_held_age > '0'::interval
        FROM runmeta.activity";
    let holder = database.connect().await;
    holder
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .await
        .unwrap();
    client
        .batch_execute("SELECT pg_current_xact_id()")
        .await
        .unwrap();
    let pid = process(&holder).await;
    assert_eq!(
        rows(&client, shown).await,
        format!("session | {pid} | NULL | t | t")
    );
    // Who may not see what others do, sees the process and not since when.
    let reader = database.connect_as("runmeta_reader").await;
    assert_eq!(
        rows(&reader, shown).await,
        format!("session | {pid} | NULL | t | NULL")
    );
    holder.batch_execute("COMMIT").await.unwrap();

    let gid = format!("activity-{}", std::process::id());
    client
        .batch_execute(&format!(
            "BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION '{gid}'"
        ))
        .await
        .unwrap();
    client
        .batch_execute("SELECT pg_current_xact_id()")
        .await
        .unwrap();
    let prepared = rows(&client, shown).await;
    client
        .batch_execute(&format!("ROLLBACK PREPARED '{gid}'"))
        .await
        .unwrap();
    assert_eq!(
        prepared,
        format!("prepared transaction | NULL | {gid} | t | t")
    );
}

/// Pages that a query reads, its plan not counted.
async fn pages(client: &Client, query: &str) -> u64 {
    let plan = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}");
    let plan: serde_json::Value = client.query_one(&plan, &[]).await.unwrap().get(0);
    let blocks = |kind: &str| plan[0]["Plan"][kind].as_u64().unwrap();
    blocks("Shared Hit Blocks") + blocks("Shared Read Blocks")
}

#[tokio::test]
async fn activity_reads_few_pages_of_large_tables() {
    let database = Database::new().await;
    let client = database.connect().await;
    queue(&client, "first", 60_000, "1 hour").await;
    queue(&client, "last", 60_000, "0").await;
    client
        .batch_execute(
            "INSERT INTO runmeta.run (root_id, id, finished_at)
            SELECT 'run ' || n, 'run ' || n, CASE WHEN n % 100 > 0 THEN now() END FROM generate_series(1, 50000) AS n;
            INSERT INTO runmeta.transition (run_id, adapter, status, at)
            SELECT 'run ' || n, 1, 'running', now() - interval '1 hour' * (n < 60000)::int FROM generate_series(1, 100000) AS n;
            SELECT pg_stat_force_next_flush()",
        )
        .await
        .unwrap();
    let table = "SELECT count(*), count(DISTINCT run_id) FROM runmeta.inbox";
    assert!(pages(&client, table).await > 1000);
    let read = pages(&client, "SELECT * FROM runmeta.activity").await;
    assert!(read < 1300, "{read} pages");
    // An estimate, but for the ends of the table.
    let shown = rows(
        &client,
        "SELECT waiting_is_estimate, waiting_lists BETWEEN 100000 AND 140000, waiting_runs, waiting_age >= '1 hour',
            unfinished_runs, job_changes BETWEEN 80000 AND 120000, job_changes_age >= '1 hour'
        FROM runmeta.activity",
    )
    .await;
    assert_eq!(shown, "t | t | 2 | t | 500 | t | t");
}

#[tokio::test]
async fn rows_of_inbox_and_outbox_are_for_the_owner_alone() {
    let database = Database::new().await;
    for role in ["runmeta_reader", "runmeta_writer"] {
        let client = database.connect_as(role).await;
        for table in ["inbox", "outbox"] {
            let read = client
                .batch_execute(&format!("SELECT FROM runmeta.{table}"))
                .await;
            let refusal = crate::harness::refusal(read);
            assert!(
                refusal.starts_with("42501: permission denied"),
                "{role}: {refusal}"
            );
        }
    }
}
