//! What those ran into who adapted a queue for the first time.

use runmeta_core::status::{FINAL, WAITING, WORKING};

use super::command::runmeta;
use super::execute;
use crate::harness::{Database, Role, refusal, rows};

const OWN: &str = "CREATE TABLE public.job (id int PRIMARY KEY, state text NOT NULL)";
const ADAPT: &str = r#"SELECT runmeta.adapt('table', table_name => 'job', mapping => '{"id": "id", "status": "state"}')"#;

#[tokio::test]
async fn statements_of_a_dry_run_are_refused_where_another_queue_has_their_number() {
    let database = Database::new().await;
    let client = database.connect().await;
    let mail = "CREATE TABLE mail (id int PRIMARY KEY, state text NOT NULL)";
    execute(&client, &[OWN, mail]).await;
    let script = runmeta(
        &database,
        &[
            "adapt",
            "--table",
            "mail",
            "--id",
            "id",
            "--status",
            "state",
            "--dry-run",
        ],
    )
    .0;
    execute(&client, &[ADAPT]).await;
    insta::assert_snapshot!(refusal(client.batch_execute(&script).await), @r"
    23505: these statements were made for other adapters than there are
    HINT: Have runmeta.adapt() make them anew, by dry_run in this database.
    ");
    client.batch_execute("ROLLBACK").await.unwrap();
    let adapters = "SELECT id, table_name, prefix FROM runmeta.adapter";
    assert_eq!(rows(&client, adapters).await, "1 | job | job:");
}

#[tokio::test]
async fn jobs_that_wait_under_words_that_are_not_translated_have_runs() {
    let database = Database::new().await;
    let client = database.connect().await;
    let words = [WAITING, WORKING, FINAL, &["Pending", "parked"]].concat();
    let insert = format!(
        "INSERT INTO job SELECT i, word FROM unnest('{{{}}}'::text[]) WITH ORDINALITY AS w (word, i)",
        words.join(",")
    );
    execute(&client, &[OWN, &insert, ADAPT, "SELECT runmeta.follow()"]).await;
    let runs =
        "SELECT j.state FROM job AS j JOIN runmeta.run AS r ON r.id = 'job:' || j.id ORDER BY j.id";
    let wait = [WAITING, WORKING, &["Pending", "parked"]].concat();
    assert_eq!(rows(&client, runs).await, wait.join("\n"));
}

#[tokio::test]
async fn a_renamed_column_of_the_id_is_kept_as_a_failure() {
    let database = Database::new().await;
    let client = database.connect().await;
    let rename = "ALTER TABLE job RENAME COLUMN id TO nr";
    execute(
        &client,
        &[OWN, ADAPT, rename, "INSERT INTO job VALUES (1, 'queued')"],
    )
    .await;
    let failures = "SELECT operation, jobs, sqlstate, message FROM runmeta.adapter_failure";
    insta::assert_snapshot!(rows(&client, failures).await, @"INSERT | NULL | 42703 | column j.id does not exist");
}

#[tokio::test]
async fn an_empty_parent_takes_the_expression_away() {
    let database = Database::new().await;
    let client = database.connect().await;
    let with = ADAPT.replace("mapping", "parent => 'NULL', mapping");
    let without = ADAPT.replace("mapping", "parent => '', mapping");
    execute(&client, &[OWN, &with, &without]).await;
    let parents = "SELECT parent FROM runmeta.adapter";
    assert_eq!(rows(&client, parents).await, "NULL");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_looks_at_queues_in_schemas_that_its_role_may_not_use() {
    let database = Database::new().await;
    let client = database.connect().await;
    let role = Role::with("IN ROLE runmeta_reader, pg_read_all_stats");
    let name = role.name();
    let adapt = ADAPT.replace("table_name", "schema => 'press', table_name");
    let table = OWN.replace("public.", "press.");
    execute(&client, &["CREATE SCHEMA press", &table, &adapt]).await;
    let set = format!("options=-c%20role%3D{name}");
    let url = database.url();
    let separator = if url.contains('?') { '&' } else { '?' };
    let mut command = crate::cli::program();
    command.args([
        "doctor",
        "--database-url",
        &format!("{url}{separator}{set}"),
    ]);
    let (output, status) = crate::harness::merged_output(command, "");
    assert_ne!(status.code(), Some(2), "{output}");
    assert!(output.contains("runs follow 1 queue"), "{output}");
}
