//! `runmeta adapt`, and what the doctor says of queues that are adapted.

use super::{ENQUEUE, TABLES, adapted, execute};
use crate::cli::program;
use crate::harness::{Database, Role, merged_output, rows, until};

/// Runs the program on a database and returns all that it printed, and its exit code.
pub(super) fn runmeta(database: &Database, arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = program();
    command.args(arguments);
    command.args(["--database-url", &database.url()]);
    let (output, status) = merged_output(command, "");
    (output, status.code())
}

/// Returns what the doctor says of adapters.
fn doctor(database: &Database) -> String {
    let (output, _) = runmeta(database, &["doctor"]);
    let paragraphs = output.split("\n\n").flat_map(|part| part.split("\nok: "));
    let mut lines: Vec<&str> = paragraphs
        .filter(|part| {
            ["follow", "pg-boss", "graphile-worker"]
                .iter()
                .any(|word| part.contains(word))
        })
        .collect();
    lines.dedup();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_prints_what_would_run_and_changes_nothing() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[TABLES]).await;
    let (script, code) = runmeta(&database, &["adapt", "graphile-worker", "--dry-run"]);
    assert_eq!(code, Some(0), "{script}");
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.adapter").await,
        "0"
    );
    // It is a script: what it makes is what adapt makes.
    let functions = "SELECT string_agg(prosrc, '' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'graphile_worker'::regnamespace";
    execute(&client, &[&script]).await;
    let made = rows(&client, functions).await;
    let adapters = "SELECT queue, prefix FROM runmeta.adapter";
    assert_eq!(
        rows(&client, adapters).await,
        "graphile-worker | graphile-worker:"
    );
    let (output, code) = runmeta(&database, &["adapt", "graphile-worker"]);
    assert_eq!(
        (output.as_str(), code),
        ("runs follow the jobs of graphile-worker\n", Some(0))
    );
    assert_eq!(rows(&client, functions).await, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn command_adapts_and_removes_a_table_of_ones_own() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(
        &client,
        &["CREATE TABLE job (id int PRIMARY KEY, state text, kind text)"],
    )
    .await;
    let adapt = [
        "adapt",
        "--table",
        "job",
        "--id",
        "id",
        "--status",
        "state",
        "--task-column",
        "kind",
        "--map",
        "new=queued",
        "--map",
        "done=completed",
        "--task",
        "mail",
        "--metadata",
        r#"{"sent": 0}"#,
    ];
    let (output, code) = runmeta(&database, &adapt);
    assert_eq!(
        (output.as_str(), code),
        ("runs follow the jobs of job\n", Some(0))
    );
    execute(
        &client,
        &[
            "INSERT INTO job VALUES (1, 'new', 'mail'), (2, 'new', 'other')",
            "UPDATE job SET state = 'done'",
            "SELECT runmeta.follow()",
        ],
    )
    .await;
    let runs = "SELECT id, task, status, metadata FROM runmeta.run";
    assert_eq!(
        rows(&client, runs).await,
        r#"job:1 | mail | completed | {"sent": 0}"#
    );
    // What the doctor recommends finds the table.
    execute(&client, &["ALTER TABLE job DISABLE TRIGGER ALL"]).await;
    let said = doctor(&database);
    assert!(
        said.contains("runmeta adapt --schema public --table job;"),
        "{said}"
    );
    let again = ["adapt", "--schema", "public", "--table", "job"];
    assert_eq!(runmeta(&database, &again).1, Some(0));
    assert!(doctor(&database).contains("runs follow 1 queue"));
    let (output, code) = runmeta(&database, &["adapt", "--table", "job", "--remove"]);
    assert_eq!(
        (output.as_str(), code),
        ("runs follow the jobs of job no more\n", Some(0))
    );
    let triggers = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'job'::regclass";
    assert_eq!(rows(&client, triggers).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn command_says_why_a_queue_cannot_be_adapted() {
    let database = Database::new().await;
    let (output, code) = runmeta(&database, &["adapt", "pg-boss"]);
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(output, @r#"
    error: there is no table "pgboss"."job"
    detail: It is where pg-boss keeps its jobs.
    hint: Have the queue make its tables first, and name its schema if it is another one.
    "#);
    // Somebody who works on the table keeps it: workers do not wait behind us for long.
    let (client, holder) = (database.connect().await, database.connect().await);
    execute(&client, &[TABLES]).await;
    execute(&holder, &["BEGIN", ENQUEUE]).await;
    let (output, code) = runmeta(&database, &["adapt", "graphile-worker"]);
    assert_eq!(
        (output.trim(), code),
        ("error: canceling statement due to lock timeout", Some(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_that_runs_follow_where_a_worker_lives_and_what_waits_all_the_same() {
    let database = Database::with_worker().await;
    let (client, holder) = (database.connect().await, database.connect().await);
    adapted(&client).await;
    execute(&client, &[ENQUEUE]).await;
    until(&client, "SELECT EXISTS (SELECT 1 FROM runmeta.run)").await;
    assert!(doctor(&database).contains("runs follow 1 queue"));
    let lock = ["BEGIN", "SELECT runmeta.set('job:1', 'rows', '5')"];
    execute(&holder, &lock).await;
    let late = "UPDATE runmeta.transition SET at = at - interval '2 minutes'";
    execute(&client, &[super::CLAIM, late]).await;
    let said = doctor(&database);
    assert!(
        said.contains("warning: runs have not followed their jobs for 2 minutes\ndetail: Waiting: 1 change of jobs, though a background worker runs."),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_the_grant_that_a_failure_asks_for() {
    let role = Role::new();
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let grants = format!(
        "GRANT runmeta_writer TO {0}; GRANT USAGE ON SCHEMA graphile_worker TO {0};
         GRANT ALL ON graphile_worker._private_jobs TO {0};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA graphile_worker TO {0}",
        role.quoted()
    );
    execute(&client, &[&grants]).await;
    execute(&database.connect_as(role.name()).await, &[ENQUEUE]).await;
    let said = doctor(&database);
    let grant = format!(
        "GRANT SELECT ON ALL TABLES IN SCHEMA graphile_worker TO \"{}\";",
        role.name()
    );
    assert!(said.contains(&grant), "{said}");
    execute(&client, &[&grant]).await;
    execute(&database.connect_as(role.name()).await, &[ENQUEUE]).await;
    assert_eq!(rows(&client, super::LEFT).await, "1 | 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_shows_what_is_wrong_with_an_adapter() {
    let role = Role::new();
    let database = Database::new().await;
    let client = database.connect().await;
    assert_eq!(doctor(&database), "");
    adapted(&client).await;
    let said = doctor(&database);
    assert!(
        said.contains("warning: runs follow 1 queue, but no background worker runs"),
        "{said}"
    );

    let grant = format!(
        "ALTER ROLE {0} LOGIN; GRANT INSERT ON graphile_worker._private_jobs TO {0}",
        role.quoted()
    );
    execute(&client, &[&grant]).await;
    let said = doctor(&database);
    assert!(
        said.contains(&format!(
            "warning: role \"{}\" may enqueue in graphile-worker",
            role.name()
        )),
        "{said}"
    );
    execute(
        &client,
        &[&format!("GRANT runmeta_writer TO {}", role.quoted())],
    )
    .await;

    let late = "UPDATE runmeta.transition SET at = at - interval '1 hour'";
    execute(&client, &[ENQUEUE, late]).await;
    let said = doctor(&database);
    assert!(
        said.contains("problem: runs have not followed their jobs for 1 hour\ndetail: Waiting: 1 change of jobs, and no background worker runs."),
        "{said}"
    );

    let rename = "ALTER TABLE graphile_worker._private_jobs RENAME COLUMN last_error TO error";
    execute(&client, &[rename, ENQUEUE]).await;
    let said = doctor(&database);
    assert!(
        said.contains("problem: 1 change could not be followed"),
        "{said}"
    );
    assert!(
        said.contains(
            "INSERT of job 2 failed with SQLSTATE 42703: column j.last_error does not exist.\n\
            hint: The queue has other tables, columns or types than this version of runmeta knows"
        ),
        "{said}"
    );

    execute(
        &client,
        &["ALTER TABLE graphile_worker._private_jobs DISABLE TRIGGER ALL"],
    )
    .await;
    let said = doctor(&database);
    assert!(
        said.contains("problem: runs do not follow the jobs of graphile-worker")
            && said.contains("runmeta adapt graphile-worker --schema graphile_worker;"),
        "{said}"
    );
    execute(&client, &["DROP TABLE graphile_worker._private_jobs"]).await;
    let said = doctor(&database);
    assert!(
        said.contains(
            "problem: the table graphile_worker._private_jobs of graphile-worker does not exist"
        ),
        "{said}"
    );
}
