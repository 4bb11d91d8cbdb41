//! Batches whose entries start runs, set their status and finish them.

use tokio_postgres::Client;

use crate::harness::{Database, rows};

async fn database() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    (database, client)
}

/// Flushes a batch and returns the rows of the answer.
async fn flush(client: &Client, batch: &str) -> String {
    let flush = format!(
        "SELECT run_id, part, target, outcome, version, unapplied FROM runmeta.flush('{batch}')"
    );
    rows(client, &flush).await
}

const RUNS: &str = "SELECT id, root_id, depth, attempt, status, version, started_at IS NOT NULL AS began, finished_at IS NOT NULL AS ended, metadata
    FROM runmeta.run ORDER BY id";

#[tokio::test]
async fn an_entry_starts_its_run_applies_lists_sets_the_status_and_finishes() {
    let (_database, client) = database().await;
    let batch = r#"[{"run": "child", "finish": "done", "status": "running", "rootOperations": [{"type": "increment", "key": "r"}],
        "parentOperations": [{"type": "increment", "key": "p"}], "operations": [{"type": "increment", "key": "n"}],
        "start": {"parent": "top", "metadata": {"n": 1}, "task": "import", "tags": ["a", "b \" \\ , {c}", ""], "status": "queued"}},
        {"run": "top", "start": {}}]"#;
    insta::assert_snapshot!(flush(&client, &batch.replace(", \"\"]", "]")).await, @r"");
    insta::assert_snapshot!(rows(&client, RUNS).await, @"");
    insta::assert_snapshot!(rows(&client, "SELECT id, parent_id, task, array_length(tags, 1), tags[2], created_at = started_at, size_bound FROM runmeta.run ORDER BY id").await, @"");
}
