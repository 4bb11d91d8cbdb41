//! Calls that follow one which Citus has answered and a node has still to commit, since it was lost just then.

use tokio_postgres::Client;

use crate::harness::{Database, is_citus, rows, until};

const WRITER: &str = "00000000-0000-4000-8000-000000000001";

const WAITS: &str = "
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";

/// Returns a session on the node that has the rows of a table with this key, and the name of the shard there.
async fn node_of(database: &Database, client: &Client, table: &str, key: &str) -> (Client, String) {
    let query =
        format!("SELECT '{table}_' || get_shard_id_for_distribution_column('{table}', {key})");
    let shard = rows(client, &query).await;
    for node in database.connect_to_nodes().await {
        if rows(&node, &format!("SELECT to_regclass('{shard}') IS NOT NULL")).await == "t" {
            let setting = "SET citus.enable_manual_changes_to_shards = on";
            node.batch_execute(setting).await.unwrap();
            return (node, shard);
        }
    }
    panic!("no node has {shard}");
}

/// Returns the text that a call returns, or the SQLSTATE.
async fn answer(client: &Client, call: &str) -> String {
    match client.query_one(call, &[]).await {
        Ok(row) => row.get(0),
        Err(error) => error.code().unwrap().code().to_owned(),
    }
}

/// Returns what becomes of a batch: the outcome of its only list, or the SQLSTATE.
async fn flush(client: &Client, sequence: i64) -> String {
    let batch = r#"[{"run": "a", "operations": [{"type": "increment", "key": "n"}]}]"#;
    let flush = format!("SELECT outcome FROM runmeta.flush('{batch}', '{WRITER}', {sequence})");
    answer(client, &flush).await
}

/// Has a node prepare the change of the writer's row, and a batch sent that follows. Asserts what becomes of it after that ends.
async fn assert_outcome(change: &str, sequence: i64, end: &str, outcome: &str) {
    let database = Database::new().await;
    let client = database.connect().await;
    rows(&client, "SELECT runmeta.start('a')").await;
    if sequence > 2 {
        assert_eq!(flush(&client, 1).await, "applied");
    }
    let writer = format!("'{WRITER}'::uuid");
    let (node, shard) = node_of(&database, &client, "runmeta.writer", &writer).await;
    let prepared = rows(&client, "SELECT current_database()").await;
    let prepare = format!(
        "BEGIN; {}; PREPARE TRANSACTION '{prepared}'",
        change.replace("SHARD", &shard)
    );
    node.batch_execute(&prepare).await.unwrap();
    let waiter = database.connect().await;
    let follows = tokio::spawn(async move { flush(&waiter, sequence).await });
    until(&node, WAITS).await;
    node.batch_execute(&format!("{end} PREPARED '{prepared}'"))
        .await
        .unwrap();
    assert_eq!(follows.await.unwrap(), outcome, "{change}, {end}");
    let again = match end {
        "COMMIT" => "duplicate",
        _ => outcome,
    };
    assert_eq!(flush(&client, sequence).await, again, "{change}, {end}");
}

#[tokio::test]
async fn batch_waits_for_the_one_before_it_that_a_node_has_still_to_commit() {
    if !is_citus() {
        return;
    }
    let first = format!("INSERT INTO SHARD (id, last_sequence) VALUES ('{WRITER}', 1)");
    let second = format!("UPDATE SHARD SET last_sequence = 2 WHERE id = '{WRITER}'");
    assert_outcome(&first, 2, "COMMIT", "applied").await;
    assert_outcome(&first, 2, "ROLLBACK", "55000").await;
    assert_outcome(&second, 3, "COMMIT", "applied").await;
    assert_outcome(&second, 3, "ROLLBACK", "55000").await;
}

/// Rows of a run that a node has prepared and not committed.
struct Hidden {
    node: Client,
    name: String,
}

impl Hidden {
    /// Hides the row that a table has of a run, as where the commit of its start came to an end on the other nodes only.
    async fn new(database: &Database, client: &Client, table: &str, key: &str, id: &str) -> Self {
        let table = format!("runmeta.{table}");
        let (node, shard) = node_of(database, client, &table, &format!("'{key}'")).await;
        let row = rows(
            &node,
            &format!("SELECT to_jsonb(r)::text FROM {shard} AS r WHERE id = '{id}'"),
        )
        .await;
        let name = format!(
            "citus_99_{}_{id}",
            rows(client, "SELECT current_database()").await
        );
        let delete = format!("DELETE FROM {shard} WHERE id = '{id}'");
        node.batch_execute(&delete).await.unwrap();
        let hide = format!(
            "BEGIN;
            INSERT INTO {shard} SELECT * FROM jsonb_populate_record(NULL::{shard}, '{row}');
            PREPARE TRANSACTION '{name} {table}'"
        );
        node.batch_execute(&hide).await.unwrap();
        let name = format!("{name} {table}");
        Self { node, name }
    }

    async fn end(&self, end: &str) {
        let end = format!("{end} PREPARED '{}'", self.name);
        self.node.batch_execute(&end).await.unwrap();
    }
}

/// Calls that need a run, and what they return.
fn calls(id: &str) -> [(String, &'static str); 9] {
    let call = |call: &str| format!("SELECT runmeta.{}::text", call.replace("ID", id));
    let flush = |entry: &str| {
        let entry = entry.replace("ID", id).replace(
            "LIST",
            r#""operations": [{"type": "increment", "key": "n"}]"#,
        );
        format!("SELECT string_agg(outcome, ' ') FROM runmeta.flush('[{{{entry}}}]')")
    };
    [
        (call("increment('ID', 'n')"), "2"),
        (call("start('below ID', parent_run_id => 'ID')"), "1"),
        (call("start('ID', parent_run_id => 'a')"), "1"),
        (call("set_status('ID', 'paused')"), "2"),
        (call("finish('ID')"), "2"),
        (call("stream_append('ID', 'log', '[1]')"), "0"),
        (flush(r#""run": "ID", LIST"#), "40001"),
        (
            flush(r#""run": "below ID", "start": {"parent": "ID"}"#),
            "applied",
        ),
        (
            flush(r#""run": "ID", "start": {"parent": "a"}, LIST"#),
            "unchanged applied",
        ),
    ]
}

#[tokio::test]
async fn run_is_found_whose_start_a_node_has_still_to_commit() {
    if !is_citus() {
        return;
    }
    let database = Database::new().await;
    let client = database.connect().await;
    rows(&client, "SELECT runmeta.start('a')").await;
    let hidden: [&[&str]; 3] = [&["run_root"], &["run"], &["run_root", "run"]];
    for (case, tables) in hidden.iter().enumerate() {
        for number in 0..calls("").len() {
            let id = format!("run {case} {number}");
            let (call, expected) = &calls(&id)[number];
            let start = format!("SELECT runmeta.start('{id}', parent_run_id => 'a')");
            rows(&client, &start).await;
            let mut parts = Vec::new();
            for table in *tables {
                let key = if *table == "run" { "a" } else { &id };
                parts.push(Hidden::new(&database, &client, table, key, &id).await);
            }
            let caller = database.connect().await;
            let text = call.clone();
            let answered = tokio::spawn(async move { answer(&caller, &text).await });
            for part in &parts {
                until(&part.node, WAITS).await;
                part.end("COMMIT").await;
            }
            assert_eq!(answered.await.unwrap(), *expected, "{call}, {tables:?}");
            if *expected == "40001" {
                assert_eq!(answer(&client, call).await, "applied");
            }
        }
    }
}

#[tokio::test]
async fn run_is_missing_whose_start_a_node_takes_back() {
    if !is_citus() {
        return;
    }
    let database = Database::new().await;
    let client = database.connect().await;
    rows(
        &client,
        "SELECT runmeta.start('a'), runmeta.start('b', parent_run_id => 'a')",
    )
    .await;
    let part = Hidden::new(&database, &client, "run_root", "b", "b").await;
    let limited = "SET lock_timeout = '100ms'";
    client.batch_execute(limited).await.unwrap();
    let call = "SELECT runmeta.increment('b', 'n')::text";
    assert_eq!(answer(&client, call).await, "55P03");
    // Reads wait for nothing.
    assert_eq!(rows(&client, "SELECT runmeta.get('b') IS NULL").await, "t");
    part.end("ROLLBACK").await;
    // It waits for nothing that has not written runs.
    let other = format!(
        "citus_99_{}",
        rows(&client, "SELECT current_database()").await
    );
    let nodes = database.connect_to_nodes().await;
    for node in &nodes {
        let prepare = format!("BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION '{other}'");
        node.batch_execute(&prepare).await.unwrap();
    }
    assert_eq!(answer(&client, call).await, "P0002");
    let flush = r#"SELECT outcome FROM runmeta.flush('[{"run": "b", "operations": [{"type": "increment", "key": "n"}]}]')"#;
    assert_eq!(answer(&client, flush).await, "not_found");
    for node in &nodes {
        let end = format!("ROLLBACK PREPARED '{other}'");
        node.batch_execute(&end).await.unwrap();
    }
}
