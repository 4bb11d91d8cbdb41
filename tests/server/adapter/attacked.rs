//! What an attacker, or bad luck, did to queues and to those who write their runs.

use super::execute;
use crate::harness::{Database, Role, rows};

const OWN: &str = "CREATE TABLE job (id int PRIMARY KEY, state text, tries int, parent text)";
const ADAPT: &str = r#"SELECT runmeta.adapt('table', table_name => 'job', parent => 'j.parent',
    mapping => '{"id": "id", "status": "state", "attempt": "tries"}')"#;
const FOLLOW: &str = "SELECT runmeta.follow()";

#[tokio::test]
async fn settings_that_the_owner_of_a_queue_changes_end_with_the_look_at_its_jobs() {
    let database = Database::new().await;
    let client = database.connect().await;
    let owner = Role::new();
    let plant = format!(
        "CREATE SCHEMA q AUTHORIZATION {};
         SET ROLE {0};
         CREATE TYPE q.state AS ENUM ('new');
         CREATE FUNCTION q.text(q.state) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_catalog.set_config('search_path', 'q, pg_catalog', false); RETURN 'new'; END $$;
         CREATE CAST (q.state AS text) WITH FUNCTION q.text(q.state);
         CREATE TABLE q.job (id int PRIMARY KEY, state q.state);
         INSERT INTO q.job VALUES (1, 'new');
         RESET ROLE;",
        owner.name()
    );
    let adapt = r#"SELECT runmeta.adapt('table', schema => 'q', table_name => 'job', mapping => '{"id": "id", "status": "state"}')"#;
    let before = rows(&client, "SHOW search_path").await;
    execute(&client, &[&plant, adapt]).await;
    assert_eq!(rows(&client, "SHOW search_path").await, before);
}

#[tokio::test]
async fn policies_of_a_queue_are_not_run_by_whoever_adapts_it() {
    let database = Database::new().await;
    let client = database.connect().await;
    let (owner, dba) = (Role::new(), Role::new());
    let plant = format!(
        "CREATE SCHEMA q AUTHORIZATION {owner};
         SET ROLE {owner};
         CREATE TABLE q.seen (role text);
         CREATE FUNCTION q.spy() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO q.seen VALUES (current_user); RETURN true; END $$;
         CREATE TABLE q.job (id int PRIMARY KEY, state text);
         ALTER TABLE q.job ENABLE ROW LEVEL SECURITY;
         ALTER TABLE q.job FORCE ROW LEVEL SECURITY;
         CREATE POLICY spy ON q.job USING (q.spy());
         RESET ROLE;
         GRANT {owner}, {tables} TO {dba};
         SELECT runmeta.start('job:2');
         SET ROLE {dba};",
        owner = owner.name(),
        dba = dba.name(),
        tables = rows(
            &client,
            "SELECT quote_ident(tableowner) FROM pg_tables WHERE tablename = 'adapter'"
        )
        .await,
    );
    let adapt = r#"SELECT runmeta.adapt('table', schema => 'q', table_name => 'job', mapping => '{"id": "id", "status": "state"}')"#;
    // A superuser owns the tables here, and no policy holds for one.
    let is_super = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";
    execute(&client, &[&plant]).await;
    assert_eq!(rows(&client, is_super).await, "f");
    execute(&client, &[adapt, "RESET ROLE"]).await;
    let seen = format!("SELECT count(*) FROM q.seen WHERE role = '{}'", dba.name());
    assert_eq!(rows(&client, &seen).await, "0");
}

#[tokio::test]
async fn very_many_changes_of_one_job_are_followed_in_parts() {
    let database = Database::new().await;
    let client = database.connect().await;
    let changes = "INSERT INTO runmeta.transition (adapter, run_id, status, attempt, error)
        SELECT 1, runmeta._noted('job:1'), 'running', i, repeat('x', 1000) FROM generate_series(1, 30000) AS i";
    let write = "SELECT runmeta.set('job:1', 'rows', '5')";
    execute(&client, &[OWN, ADAPT, changes, write]).await;
    let run = "SELECT attempt, runmeta.get(id, 'rows'), (SELECT count(*) FROM runmeta.transition) FROM runmeta.run";
    assert_eq!(rows(&client, run).await, "30000 | 5 | 0");
}

#[tokio::test]
async fn a_child_counts_into_its_parent_while_that_is_locked_and_its_job_changes() {
    let database = Database::new().await;
    let (client, other) = (database.connect().await, database.connect().await);
    let jobs = "INSERT INTO job VALUES (1, 'running', 1, NULL), (2, 'running', 1, 'job:1')";
    execute(&client, &[OWN, ADAPT, jobs, FOLLOW]).await;
    execute(
        &other,
        &[
            "BEGIN",
            "SELECT FROM runmeta.run WHERE root_id = 'job:1' AND id = 'job:1' FOR NO KEY UPDATE",
        ],
    )
    .await;
    let count = "SELECT runmeta.increment('job:2', 'rows', 1, target => 'parent')";
    let statements = [
        "SET lock_timeout = '10s'",
        "SET runmeta.inbox = on",
        "UPDATE job SET tries = 2 WHERE id = 1",
        count,
    ];
    execute(&client, &statements).await;
    execute(&other, &["COMMIT"]).await;
    execute(&client, &[FOLLOW]).await;
    let run = "SELECT attempt, runmeta.get(id, 'rows') FROM runmeta.run WHERE id = 'job:1'";
    assert_eq!(rows(&client, run).await, "2 | 1");
}

#[tokio::test]
async fn a_lock_that_a_trigger_waits_for_is_awaited_once_for_all_jobs_of_a_statement() {
    let database = Database::new().await;
    let (client, other) = (database.connect().await, database.connect().await);
    execute(&client, &[OWN, ADAPT]).await;
    execute(
        &other,
        &["BEGIN", "LOCK TABLE runmeta.transition IN SHARE MODE"],
    )
    .await;
    let insert = "INSERT INTO job SELECT i, 'queued', 0 FROM generate_series(1, 50) AS i";
    execute(&client, &["SET lock_timeout = '50ms'", insert]).await;
    execute(&other, &["COMMIT"]).await;
    let failures = "SELECT operation, cardinality(jobs), sqlstate FROM runmeta.adapter_failure";
    assert_eq!(rows(&client, failures).await, "INSERT | 50 | 55P03");
}

#[tokio::test]
async fn the_number_of_an_adapter_is_not_given_out_again_while_its_functions_are_there() {
    let database = Database::new().await;
    let client = database.connect().await;
    let statements = [
        "CREATE SCHEMA one; CREATE TABLE one.job (id int PRIMARY KEY, state text)",
        "CREATE TABLE mail (id int PRIMARY KEY, state text)",
        r#"SELECT runmeta.adapt('table', schema => 'one', table_name => 'job', mapping => '{"id": "id", "status": "state"}')"#,
        "ALTER SCHEMA one RENAME TO two",
        "SELECT runmeta.unadapt('table', schema => 'one', table_name => 'job')",
        r#"SELECT runmeta.adapt('table', table_name => 'mail', mapping => '{"id": "id", "status": "state"}')"#,
    ];
    execute(&client, &statements).await;
    assert_eq!(rows(&client, "SELECT id FROM runmeta.adapter").await, "2");
}
