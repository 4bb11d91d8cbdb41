//! pg-boss 12, whose jobs are in partitions: statements name the table or a partition, and partitions come and go.

use super::execute;
use crate::harness::{Database, rows};

const TABLES: &str = include_str!("pg_boss.sql");
const RUNS: &str = "SELECT id, status, attempt FROM runmeta.run ORDER BY id";

async fn adapted() -> (Database, tokio_postgres::Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(
        &client,
        &[TABLES, "SELECT runmeta.adapt('pg-boss', prefix => '')"],
    )
    .await;
    (database, client)
}

fn insert(table: &str, id: u32, queue: &str) -> String {
    format!(
        "INSERT INTO pgboss.{table} (id, name) VALUES ('00000000-0000-0000-0000-{id:012}', '{queue}')"
    )
}

#[tokio::test]
async fn statement_is_followed_whether_it_names_the_table_or_a_partition() {
    let (_database, client) = adapted().await;
    execute(
        &client,
        &[
            &insert("job", 1, "plain"),
            &insert("job_common", 2, "plain"),
        ],
    )
    .await;
    let claim = |table| {
        format!(
            "UPDATE pgboss.{table} SET state = 'active', started_on = now() WHERE name = 'plain'"
        )
    };
    execute(&client, &[&claim("job"), &claim("job_common")]).await;
    // What failed is deleted and inserted again by one statement.
    let fail = "WITH failed AS (DELETE FROM pgboss.job_common RETURNING *)
        INSERT INTO pgboss.job_common SELECT (f).* FROM (
            SELECT jsonb_populate_record(f::pgboss.job_common, '{\"state\": \"retry\", \"output\": {\"message\": \"boom\"}}') AS f FROM failed AS f) AS f";
    execute(&client, &[fail, "SELECT runmeta.follow()"]).await;
    insta::assert_snapshot!(rows(&client, RUNS).await, @r"
    00000000-0000-0000-0000-000000000001 | retrying | 1
    00000000-0000-0000-0000-000000000002 | retrying | 1
    ");
    let triggers = "SELECT count(*) FROM runmeta.transition";
    assert_eq!(rows(&client, triggers).await, "0");
}

#[tokio::test]
async fn partition_that_is_made_later_is_followed_at_once() {
    let (_database, client) = adapted().await;
    let attach = "CREATE TABLE pgboss.j1 (LIKE pgboss.job INCLUDING DEFAULTS);
        ALTER TABLE pgboss.job ATTACH PARTITION pgboss.j1 FOR VALUES IN ('apart')";
    execute(&client, &[attach, &insert("j1", 1, "apart")]).await;
    // A row once, also after the partition has statement triggers.
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.transition").await,
        "1"
    );
    execute(
        &client,
        &[
            "SELECT runmeta.follow()",
            "SELECT runmeta.adapt('pg-boss')",
            "SELECT runmeta.follow()",
        ],
    )
    .await;
    execute(
        &client,
        &["UPDATE pgboss.j1 SET state = 'active', started_on = now()"],
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.transition").await,
        "1"
    );
    execute(&client, &["SELECT runmeta.follow()"]).await;
    insta::assert_snapshot!(rows(&client, RUNS).await, @"00000000-0000-0000-0000-000000000001 | running | 1");
}

#[tokio::test]
async fn jobs_of_a_queue_that_is_emptied_or_deleted_are_cancelled() {
    let (_database, client) = adapted().await;
    let attach = "CREATE TABLE pgboss.j1 (LIKE pgboss.job INCLUDING DEFAULTS);
        ALTER TABLE pgboss.job ATTACH PARTITION pgboss.j1 FOR VALUES IN ('apart');
        INSERT INTO pgboss.queue (name) VALUES ('plain'), ('apart')";
    execute(&client, &[attach, "SELECT runmeta.adapt('pg-boss')"]).await;
    let done = "UPDATE pgboss.job SET state = 'completed', completed_on = now() WHERE id = '00000000-0000-0000-0000-000000000003'";
    execute(
        &client,
        &[
            &insert("j1", 1, "apart"),
            &insert("job_common", 2, "plain"),
            &insert("j1", 3, "apart"),
            done,
        ],
    )
    .await;
    execute(&client, &["TRUNCATE pgboss.job_common"]).await;
    // As delete_queue() of version 12 does it. The last job has no run yet.
    execute(
        &client,
        &[
            "BEGIN",
            &insert("j1", 4, "apart"),
            "DROP TABLE pgboss.j1",
            "DELETE FROM pgboss.queue WHERE name = 'apart'",
            "COMMIT",
        ],
    )
    .await;
    execute(&client, &["SELECT runmeta.follow()"]).await;
    insta::assert_snapshot!(rows(&client, RUNS).await, @r"
    00000000-0000-0000-0000-000000000001 | cancelled | 1
    00000000-0000-0000-0000-000000000002 | cancelled | 1
    00000000-0000-0000-0000-000000000003 | completed | 1
    00000000-0000-0000-0000-000000000004 | cancelled | 1
    ");
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.adapter_failure").await,
        "0"
    );
}
