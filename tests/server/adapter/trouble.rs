//! Jobs and queues of which something is wrong: what that costs the others.

use super::execute;
use super::tables::{ADAPT_OWN, OWN};
use crate::harness::{Database, Role, rows};

#[tokio::test]
async fn job_that_writes_does_not_wait_for_a_parent_that_is_nowhere() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[OWN, ADAPT_OWN]).await;
    let insert = "INSERT INTO job (key, parent, state, tries) VALUES
        ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-00000000000f', 'busy', 1)";
    let write = "SELECT runmeta.increment('job:00000000-0000-0000-0000-000000000002', 'rows', 5)";
    execute(&client, &[insert, "SELECT runmeta.follow()", write]).await;
    let run = "SELECT parent_id, status, metadata, (SELECT string_agg(sqlstate, ' ') FROM runmeta.adapter_failure) FROM runmeta.run";
    assert_eq!(
        rows(&client, run).await,
        r#"NULL | running | {"rows": 5} | P0002"#
    );
}

#[tokio::test]
async fn jobs_that_have_finished_get_runs_for_those_that_are_to_be_under_them() {
    let database = Database::new().await;
    let client = database.connect().await;
    let jobs = "INSERT INTO job (key, parent, state, tries) SELECT
            ('00000000-0000-0000-0000-00000000000' || key)::uuid, ('00000000-0000-0000-0000-00000000000' || parent)::uuid, state, 1
        FROM (VALUES (1, NULL, 'done'), (2, 1, 'done'), (3, 2, 'busy'), (4, NULL, 'done'), (5, 4, 'done')) AS j (key, parent, state)";
    execute(&client, &[OWN, jobs, ADAPT_OWN, "SELECT runmeta.follow()"]).await;
    let tree =
        "SELECT right(id, 1), right(parent_id, 1), depth, status FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, tree).await, @r"
    1 | NULL | 0 | completed
    2 | 1 | 1 | completed
    3 | 2 | 2 | running
    ");
}

#[tokio::test]
async fn runs_whose_jobs_are_gone_are_cancelled_when_the_queue_is_adapted_again() {
    let database = Database::new().await;
    let client = database.connect().await;
    let statements = [
        OWN,
        ADAPT_OWN,
        "INSERT INTO job (key) SELECT ('00000000-0000-0000-0000-00000000000' || i)::uuid FROM generate_series(1, 3) AS i",
        "UPDATE job SET state = 'done' WHERE key = '00000000-0000-0000-0000-000000000003'",
        "SELECT runmeta.follow()",
        // A run that a job has started under a name of its own is none of the queue's.
        "SELECT runmeta.start('job:00000000-0000-0000-0000-000000000001/part')",
        "ALTER TABLE job DISABLE TRIGGER USER",
        "DELETE FROM job WHERE key <> '00000000-0000-0000-0000-000000000002'",
        "ALTER TABLE job ENABLE TRIGGER USER",
        ADAPT_OWN,
        "SELECT runmeta.follow()",
    ];
    execute(&client, &statements).await;
    let statuses = "SELECT right(id, 6), status FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, statuses).await, @r"
    000001 | cancelled
    1/part | running
    000002 | queued
    000003 | completed
    ");
}

#[tokio::test]
async fn job_of_which_something_is_wrong_loses_no_other_of_its_statement() {
    let database = Database::new().await;
    let client = database.connect().await;
    let statements = [
        "CREATE TABLE job (id int PRIMARY KEY, state text, tries text NOT NULL DEFAULT '1')",
        r#"SELECT runmeta.adapt('table', table_name => 'job', mapping => '{"id": "id", "status": "state", "attempt": "tries::int"}')"#,
        "INSERT INTO job SELECT i, 'queued' FROM generate_series(1, 3) AS i",
        "UPDATE job SET state = CASE id WHEN 2 THEN NULL ELSE 'running' END",
        "UPDATE job SET state = 'completed', tries = CASE id WHEN 3 THEN 'many' ELSE '1' END",
        "SELECT runmeta.follow()",
    ];
    execute(&client, &statements).await;
    let statuses = "SELECT id, status FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, statuses).await, @r"
    job:1 | completed
    job:2 | completed
    job:3 | running
    ");
    let failures = "SELECT operation, jobs, sqlstate FROM runmeta.adapter_failure ORDER BY id";
    assert_eq!(
        rows(&client, failures).await,
        "UPDATE | {2} | 23502\nUPDATE | {3} | 22P02"
    );
    // Nor does it keep the queue from being adapted again.
    let statements = [
        "UPDATE job SET tries = '1', state = CASE id WHEN 3 THEN NULL ELSE state END",
        "SELECT runmeta.adapt('table', table_name => 'job')",
    ];
    execute(&client, &statements).await;
    let last = "SELECT operation, jobs FROM runmeta.adapter_failure ORDER BY id DESC LIMIT 1";
    assert_eq!(rows(&client, last).await, "adapt | {job:3}");
}

/// What a role may put into its own tables must not be run with the rights of whoever adapts them.
#[tokio::test]
async fn jobs_are_read_with_the_rights_of_their_owner() {
    // Before the database, which is gone first then, with what belongs to them.
    let (owner, other) = (Role::new(), Role::new());
    let database = Database::new().await;
    let client = database.connect().await;
    let name = owner.name();
    let plant = format!(
        "CREATE SCHEMA q AUTHORIZATION {name}; GRANT runmeta_writer TO {name}; SET ROLE {name};
         CREATE TYPE q.state AS ENUM ('new');
         CREATE TABLE q.job (id int PRIMARY KEY, state q.state);
         CREATE TABLE q.seen (role text);
         CREATE FUNCTION q.text(q.state) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO q.seen VALUES (current_user);
                 BEGIN
                     EXECUTE 'SET ROLE postgres';
                     INSERT INTO q.seen VALUES ('became ' || current_user);
                 EXCEPTION WHEN OTHERS THEN
                     INSERT INTO q.seen VALUES (SQLSTATE);
                 END;
                 RETURN 'queued';
             END $$;
         CREATE CAST (q.state AS text) WITH FUNCTION q.text(q.state);
         INSERT INTO q.job VALUES (1, 'new');
         RESET ROLE;"
    );
    let adapt = r#"SELECT runmeta.adapt('table', schema => 'q', table_name => 'job', mapping => '{"id": "id", "status": "state"}')"#;
    execute(&client, &[&plant, adapt, "SELECT runmeta.follow()"]).await;
    let seen = "SELECT string_agg(DISTINCT role, ' ' ORDER BY role) FROM q.seen";
    assert_eq!(rows(&client, seen).await, format!("42501 {name}"));
    assert_eq!(
        rows(&client, "SELECT id, status FROM runmeta.run").await,
        "job:1 | queued"
    );
    // Whoever has not the rights of the owner may not read as that one.
    let call = format!(
        "SET ROLE {}; SELECT runmeta._record_jobs(1, 'q.job', 'SELECT 1')",
        other.name()
    );
    execute(
        &client,
        &[&format!(
            "GRANT runmeta_writer TO {}; GRANT USAGE ON SCHEMA q TO {0}",
            other.name()
        )],
    )
    .await;
    let error = client.batch_execute(&call).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "42501", "{error:?}");
}

#[tokio::test]
async fn run_ends_with_its_job_though_its_contract_has_no_room_for_the_error() {
    let database = Database::new().await;
    let client = database.connect().await;
    let statements = [
        OWN,
        ADAPT_OWN,
        r#"SELECT runmeta.contract('mail', '{"properties": {"rows": true}, "additionalProperties": false}', 'enforce')"#,
        "INSERT INTO job (kind, state, tries) VALUES ('mail', 'busy', 1), ('other', 'busy', 1)",
        "SELECT runmeta.follow()",
        "UPDATE job SET state = 'broken', problem = 'boom'",
        "SELECT runmeta.follow()",
    ];
    execute(&client, &statements).await;
    let runs = "SELECT task, status, metadata->>'error' FROM runmeta.run ORDER BY task";
    assert_eq!(
        rows(&client, runs).await,
        "mail | failed | NULL\nother | failed | boom"
    );
}

#[tokio::test]
async fn failures_that_a_writer_makes_up_are_soon_gone() {
    let database = Database::new().await;
    let client = database.connect().await;
    let statements = [
        OWN,
        ADAPT_OWN,
        "INSERT INTO runmeta.adapter_failure (adapter, operation, sqlstate, message)
            SELECT i / 150, 'x', 'x', 'x' FROM generate_series(1, 20000) AS i",
        "SELECT runmeta.follow()",
    ];
    execute(&client, &statements).await;
    let left = "SELECT adapter, count(*) FROM runmeta.adapter_failure GROUP BY 1";
    assert_eq!(rows(&client, left).await, "1 | 100");
}
