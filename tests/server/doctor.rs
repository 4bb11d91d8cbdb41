//! `runmeta doctor`: what it says of a database that is well, and of each that is not.

use std::process::Command;

use serde_json::Value;

use crate::cli::program;
use crate::harness::{
    Database, OwnServer, PgBouncer, Role, merged_output, process, rows, until_worker_runs,
};

/// Runs the doctor on a database and returns all that it printed, and its exit code.
fn doctor(url: &str, arguments: &[&str]) -> (String, Option<i32>) {
    let mut command: Command = program();
    command
        .arg("doctor")
        .args(arguments)
        .args(["--database-url", url]);
    let (output, status) = merged_output(command, "");
    (output, status.code())
}

/// Asserts that the doctor says this, and returns its exit code.
fn assert_says(url: &str, expected: &[&str]) -> Option<i32> {
    let (output, code) = doctor(url, &[]);
    for text in expected {
        assert!(output.contains(text), "\"{text}\" is missing:\n{output}");
    }
    code
}

/// Returns the URL of a session that has this role from the start.
fn url_as(database: &Database, role: &Role) -> String {
    format!("{}?options=-c%20role%3D{}", database.url(), role.name())
}

#[tokio::test(flavor = "multi_thread")]
async fn healthy_database_is_said_to_be_so() {
    let folder = OwnServer::folder();
    let server = OwnServer::start_in(folder, 5432, "shared_preload_libraries = 'runmeta'").await;
    let client = server.connect("postgres").await;
    // The launcher came before there were tables.
    until_worker_runs(&client).await;
    let (output, code) = doctor(server.url(), &[]);
    assert!(
        output.contains("ok: the background worker runs as process "),
        "{output}"
    );
    assert!(output.ends_with("\n\nnothing is wrong\n"), "{output}");
    assert!(!output.contains("preloaded"), "{output}");
    assert_eq!(code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_process_for_the_worker_is_a_problem() {
    let folder = OwnServer::folder();
    let server = OwnServer::start_in(folder, 5432, "max_worker_processes = 0").await;
    let client = server.connect("postgres").await;
    client
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    let code = assert_says(
        server.url(),
        &[
            "problem: no process is free for the background worker\ndetail: max_worker_processes is 0; none is in use now. ",
            "\n\n1 problem\n",
        ],
    );
    assert_eq!(code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn transaction_that_holds_back_vacuum_is_named() {
    let database = Database::new().await;
    let client = database.connect().await;
    let holder = database.connect().await;
    holder
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .await
        .unwrap();
    assert_says(&database.url(), &["ok: nothing holds back vacuum for long"]);
    // To a role that cannot see since when, the transactions of others count.
    let role = Role::with("IN ROLE runmeta_reader");
    client
        .batch_execute("SET synchronous_commit = off")
        .await
        .unwrap();
    client
        .batch_execute("DO $$ BEGIN FOR n IN 1..60000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
        .await
        .unwrap();
    let named = format!(
        "a transaction of process {} holds back vacuum\ndetail: ",
        process(&holder).await
    );
    let code = assert_says(
        &url_as(&database, &role),
        &[
            &named,
            "note: role \"runmeta_test_role_",
            "\nhint: Have an administrator run: GRANT pg_read_all_stats TO ",
        ],
    );
    // Other tests may have had many more transactions meanwhile.
    assert!(code.is_some_and(|code| code < 2));
}

/// From Postgres 17 on the queue can be made small enough to be filled.
#[tokio::test(flavor = "multi_thread")]
async fn full_notification_queue_names_the_session_that_may_hold_it() {
    let database = Database::new().await;
    let client = database.connect().await;
    let version = rows(&client, "SHOW server_version_num").await;
    if version.parse::<u32>().unwrap() < 170_000 {
        return;
    }
    let folder = OwnServer::folder();
    let server = OwnServer::start_in(folder, 5432, "max_notify_queue_pages = 64").await;
    let (blocker, client) = (
        server.connect("postgres").await,
        server.connect("postgres").await,
    );
    for statement in ["LISTEN other", "BEGIN", "SELECT 1"] {
        blocker.batch_execute(statement).await.unwrap();
    }
    while rows(&client, "SELECT pg_notification_queue_usage() <= 0.6").await == "t" {
        let fill = "SELECT pg_notify('x', n || repeat('x', 7000)) FROM generate_series(1, 8) AS n";
        client.batch_execute(fill).await.unwrap();
    }
    let holder = format!(
        "process {} of \"postgres\" in database \"postgres\", idle in transaction, for ",
        process(&blocker).await
    );
    let code = assert_says(
        server.url(),
        &["problem: the notification queue is ", " % full", &holder],
    );
    assert_eq!(code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn pooler_in_transaction_mode_is_found_whatever_the_size_of_its_pool() {
    let database = Database::new().await;
    assert_says(&database.url(), &["ok: connections keep their session"]);
    for connections in [1, 3] {
        let bouncer = PgBouncer::before(&database, connections).await;
        let code = assert_says(
            bouncer.url(),
            &["warning: a pooler in transaction mode is between"],
        );
        assert_eq!(code, Some(0), "{connections}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unapplied_operations_are_named_with_run_writer_and_reason() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "INSERT INTO runmeta.unapplied (root_id, run_id, run_created_at, position, source_id, writer, operation, reason)
            SELECT 'nightly', 'nightly', now(), n, 'import', '00000000-0000-4000-8000-000000000001', '{}', 'not_a_number'
            FROM generate_series(1, 7) AS n",
        )
        .await
        .unwrap();
    let named =
        "for run \"nightly\" of writer 00000000-0000-4000-8000-000000000001, not_a_number, ";
    let expected = ["warning: 7 operations could not be applied", named];
    assert_eq!(assert_says(&database.url(), &expected), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_nobody_folds_are_a_problem() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "INSERT INTO runmeta.inbox (root_id, run_id, run_created_at, source_id, operations, created_at)
            VALUES ('nightly', 'nightly', now(), 'import', '[]', now() - interval '3 hours')",
        )
        .await
        .unwrap();
    let expected = [
        "problem: lists have waited in the inbox for 3 hours\ndetail: Waiting: 1 list for 1 run",
        "problem: no background worker runs\ndetail: 1 list waits in the inbox for one.",
        "\n\n2 problems, 1 warning\n",
    ];
    assert_eq!(assert_says(&database.url(), &expected), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_make_writes_slow_or_tables_grow_are_found() {
    // Of which runmeta.notify is commit.
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute("ALTER TABLE runmeta.inbox SET (autovacuum_enabled = false)")
        .await
        .unwrap();
    let expected = [
        "warning: transactions notify when they commit\ndetail: ",
        "Set: commit for database \"",
        "problem: autovacuum is off for runmeta.inbox\n",
    ];
    assert_eq!(assert_says(&database.url(), &expected), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_documents_are_named_by_the_bound_of_their_size() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('small'), runmeta.start('large'), runmeta.start('unknown');
            UPDATE runmeta.run SET size_bound = 100 WHERE id = 'small';
            UPDATE runmeta.run SET size_bound = 200000 WHERE id = 'large';
            UPDATE runmeta.run SET size_bound = NULL WHERE id = 'unknown'",
        )
        .await
        .unwrap();
    let expected = [
        "warning: unfinished runs have large documents\ndetail: The largest of the newest 10,000 that have not finished: \"large\" (up to 200 kB). The limit, runmeta.maximum_size, is 262 kB.",
    ];
    assert_eq!(assert_says(&database.url(), &expected), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_the_database_is_a_problem() {
    let empty = Database::empty().await;
    let expected =
        ["problem: runmeta is not installed in this database\nhint: Run: runmeta migrate."];
    assert_eq!(assert_says(&empty.url(), &expected), Some(1));

    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute("REVOKE EXECUTE ON FUNCTION runmeta.flush FROM runmeta_writer")
        .await
        .unwrap();
    let expected = [
        "problem: role runmeta_writer lacks rights\ndetail: Missing: runmeta_writer lacks EXECUTE on runmeta.flush.",
    ];
    assert_eq!(assert_says(&database.url(), &expected), Some(1));

    client
        .batch_execute("DELETE FROM runmeta.schema_history")
        .await
        .unwrap();
    let expected = ["problem: migrations are missing: V1__run_and_writer, V2__adapter\n"];
    assert_eq!(assert_says(&database.url(), &expected), Some(1));

    client
        .batch_execute("DROP VIEW runmeta.activity")
        .await
        .unwrap();
    let expected = ["problem: the view runmeta.activity is missing\n"];
    assert_eq!(assert_says(&database.url(), &expected), Some(1));

    client
        .batch_execute("DROP EXTENSION runmeta CASCADE")
        .await
        .unwrap();
    let expected = ["problem: the extension runmeta was dropped from this database\n"];
    assert_eq!(assert_says(&database.url(), &expected), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn role_without_rights_is_told_what_to_grant() {
    let role = Role::new();
    let database = Database::new().await;
    let (output, code) = doctor(&url_as(&database, &role), &[]);
    let name = role.name();
    assert_eq!(
        output,
        format!(
            "error: role \"{name}\" may not read runmeta.activity\n\
            detail: The view shows what runmeta does in this database, without metadata.\n\
            hint: Have an administrator or the owner run: GRANT runmeta_reader, pg_read_all_stats TO \"{name}\";\n"
        )
    );
    assert_eq!(code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_not_there_is_an_error_of_its_own_code() {
    let (output, code) = doctor("postgres://me@127.0.0.1:1/x", &[]);
    assert!(
        output.starts_with("error: the database cannot be reached"),
        "{output}"
    );
    assert_eq!(code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_json_have_the_figures_of_the_view() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "INSERT INTO runmeta.inbox (root_id, run_id, run_created_at, source_id, operations, created_at)
            SELECT 'nightly', 'nightly', now(), 'import', '[]', now() - interval '3 hours' FROM generate_series(1, 3);
            INSERT INTO runmeta.transition (run_id, adapter, status) VALUES ('job:1', 1, 'running')",
        )
        .await
        .unwrap();
    let (metrics, code) = doctor(&database.url(), &["--metrics"]);
    for line in [
        "# TYPE runmeta_waiting_lists gauge\nrunmeta_waiting_lists 3\n",
        "runmeta_waiting_runs 1\n",
        "runmeta_job_changes 1\n",
        "runmeta_adapter_failures 0\n",
        "runmeta_worker_state{state=\"stopped\"} 1\n",
        "runmeta_findings{severity=\"problem\"} 2\n",
    ] {
        assert!(metrics.contains(line), "\"{line}\" is missing:\n{metrics}");
    }
    assert_eq!(code, Some(0));

    let (json, code) = doctor(&database.url(), &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["figures"]["waiting_lists"], 3);
    let inbox = json["findings"].as_array().unwrap().iter();
    let inbox: Vec<&Value> = inbox
        .filter(|finding| finding["check"] == "inbox")
        .collect();
    assert_eq!(inbox[0]["severity"], "problem");
    assert_eq!(code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn table_that_somebody_has_locked_is_named_and_not_waited_for() {
    let database = Database::new().await;
    let client = database.connect().await;
    let pid = process(&client).await;
    for table in ["inbox", "schema_history"] {
        let lock = format!("BEGIN; LOCK TABLE runmeta.{table}");
        client.batch_execute(&lock).await.unwrap();
        for arguments in [&["--metrics"][..], &[]]
            .iter()
            .take(if table == "inbox" { 2 } else { 1 })
        {
            let (output, code) = doctor(&database.url(), arguments);
            let expected = format!("runmeta.{table} is locked");
            assert!(output.contains(&expected), "{output}");
            assert!(
                output.contains(&format!("Process {pid} has locked it")),
                "{output}"
            );
            assert_eq!(code, Some(2));
        }
        client.batch_execute("ROLLBACK").await.unwrap();
    }
}
