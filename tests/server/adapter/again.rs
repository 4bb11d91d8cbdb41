//! A queue that is adapted again: what is not given stays.

use super::command::runmeta;
use super::execute;
use crate::harness::{Database, refusal, rows};

const TABLE: &str = "CREATE TABLE job (id int PRIMARY KEY, state text, tries int, problem text)";
const ADAPT: &str = r#"SELECT runmeta.adapt('table', table_name => 'job', mapping => '{"id": "id", "status": "state",
    "attempt": "tries", "error": "problem", "statuses": {"new": "queued", "again": "retrying", "done": "completed"}}')"#;
const MAPPING: &str = "SELECT mapping FROM runmeta.adapter";

/// Returns the statement that adapts the table with a mapping.
fn adapt(mapping: &str) -> String {
    format!("SELECT runmeta.adapt('table', table_name => 'job', mapping => '{mapping}')")
}

#[tokio::test]
async fn members_of_the_mapping_are_merged_and_null_takes_one_away() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[TABLE, ADAPT]).await;
    let before = rows(&client, MAPPING).await;
    execute(
        &client,
        &["SELECT runmeta.adapt('table', table_name => 'job')"],
    )
    .await;
    assert_eq!(rows(&client, MAPPING).await, before);
    let some =
        r#"{"error": null, "task": "''mail''", "statuses": {"again": null, "lost": "failed"}}"#;
    execute(&client, &[&adapt(some)]).await;
    insta::assert_snapshot!(rows(&client, MAPPING).await, @r#"{"id": "id", "task": "'mail'", "status": "state", "attempt": "tries", "statuses": {"new": "queued", "done": "completed", "lost": "failed"}}"#);
    // Words that are gone are those of a run, or wait.
    let jobs = "INSERT INTO job VALUES (1, 'lost', 1, 'boom'), (2, 'again', 1, 'boom'), (3, 'done', 1, NULL)";
    execute(&client, &[jobs, "SELECT runmeta.follow()"]).await;
    let runs = "SELECT id, status, task, metadata FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, runs).await, @r"
    job:1 | failed | mail | {}
    job:2 | again | mail | {}
    job:3 | completed | mail | {}
    ");
    execute(&client, &[&adapt(r#"{"statuses": null}"#)]).await;
    insta::assert_snapshot!(rows(&client, MAPPING).await, @r#"{"id": "id", "task": "'mail'", "status": "state", "attempt": "tries"}"#);
}

#[tokio::test]
async fn mapping_keeps_its_id_and_its_status() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[TABLE, ADAPT]).await;
    for refused in [r#"{"id": null}"#, r#"{"status": null}"#] {
        let refusal = refusal(client.batch_execute(&adapt(refused)).await);
        assert!(
            refusal.starts_with("22023: mapping has no id or no status"),
            "{refusal}"
        );
    }
    for refused in ["[]", r#"{"statuses": "done"}"#] {
        let refusal = refusal(client.batch_execute(&adapt(refused)).await);
        assert!(
            refusal.starts_with("22023: mapping or its statuses are no object"),
            "{refusal}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn command_keeps_columns_and_words_that_are_not_given() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[TABLE, ADAPT]).await;
    let again = [
        "adapt",
        "--table",
        "job",
        "--error",
        "",
        "--created-at",
        "now()",
        "--map",
        "again=",
        "--map",
        "lost=failed",
    ];
    let (output, code) = runmeta(&database, &again);
    assert_eq!(code, Some(0), "{output}");
    insta::assert_snapshot!(rows(&client, MAPPING).await, @r#"{"id": "id", "status": "state", "attempt": "tries", "statuses": {"new": "queued", "done": "completed", "lost": "failed"}, "created_at": "now()"}"#);
    for (keep, expected) in [("7 days", "7 days"), ("", "NULL")] {
        assert_eq!(
            runmeta(&database, &["adapt", "--table", "job", "--keep", keep]).1,
            Some(0)
        );
        assert_eq!(
            rows(&client, "SELECT keep FROM runmeta.adapter").await,
            expected
        );
    }
    let tasks = "SELECT tasks FROM runmeta.adapter";
    for (task, expected) in [("mail", "{mail}"), ("", "NULL")] {
        let one = [
            "adapt",
            "--table",
            "job",
            "--task-column",
            "state",
            "--task",
            task,
        ];
        assert_eq!(runmeta(&database, &one).1, Some(0));
        assert_eq!(rows(&client, tasks).await, expected);
    }
}
