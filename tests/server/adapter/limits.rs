//! What jobs and whoever records changes of them may put there: texts without end, ids that no run has, words that mean nothing.

use super::following::notices;
use super::{LEFT, execute};
use crate::harness::{Database, Peak, Role, refusal, rows};

const FAILURES: &str = "SELECT operation, array_length(jobs, 1), left(jobs[1], 10), sqlstate, message FROM runmeta.adapter_failure ORDER BY id";
const TEXT_IDS: &str =
    "CREATE TABLE job (id text PRIMARY KEY, state text, kind text, parent text, problem text)";
const ADAPT: &str = r#"SELECT runmeta.adapt('table', table_name => 'job', prefix => '', parent => 'j.parent',
    mapping => '{"id": "id", "status": "state", "task": "kind", "error": "problem"}')"#;

#[tokio::test]
async fn error_is_cut_where_it_is_recorded() {
    let database = Database::new().await;
    let client = database.connect().await;
    let insert = "INSERT INTO job (id, state) VALUES ('a', 'running')";
    let fail = "UPDATE job SET state = 'failed', problem = repeat('é', 3000000)";
    execute(&client, &[TEXT_IDS, ADAPT, insert, fail]).await;
    let longest = "SELECT max(length(error)) FROM runmeta.transition";
    assert_eq!(rows(&client, longest).await, "1000");
    execute(&client, &["SELECT runmeta.follow()"]).await;
    let kept = "SELECT length(metadata->>'error') FROM runmeta.run";
    assert_eq!(rows(&client, kept).await, "1000");
}

#[tokio::test]
async fn many_jobs_of_one_statement_are_compared_in_little_memory() {
    let database = Database::new().await;
    let client = database.connect().await;
    let insert =
        "INSERT INTO job (id, state) SELECT i, 'queued' FROM generate_series(1, 60000) AS i";
    let fail = "UPDATE job SET state = 'failed', problem = repeat('boom ', 100)";
    execute(
        &client,
        &[
            TEXT_IDS,
            insert,
            ADAPT,
            "TRUNCATE runmeta.transition",
            "BEGIN",
        ],
    )
    .await;
    let peak = Peak::watch(&client).await;
    execute(&client, &[fail]).await;
    let (most, _) = peak.end();
    // 50 where rows were compared by hashing.
    assert!(most < 24, "the peak was {most} MB");
    let kept = "SELECT count(*), current_setting('enable_hashagg') FROM runmeta.transition";
    assert_eq!(rows(&client, kept).await, "60000 | on");
}

#[tokio::test]
async fn job_with_an_id_or_task_that_no_run_has_costs_no_other_anything() {
    let database = Database::new().await;
    let client = database.connect().await;
    let insert = "INSERT INTO job (id, state, kind, parent) VALUES ('a', 'queued', 'mail', NULL), ('', 'queued', NULL, NULL),
        ('b', 'queued', repeat('k', 300), NULL), ('c', 'queued', NULL, ''), ('d', 'queued', NULL, repeat('p', 300)),
        (repeat('x', 256), 'queued', NULL, NULL)";
    let many = "INSERT INTO job (id, state) SELECT repeat(md5(i::text), 9) || i, 'queued' FROM generate_series(1, 2000) AS i
        UNION ALL SELECT 'e' || i, 'queued' FROM generate_series(1, 2000) AS i";
    execute(
        &client,
        &[
            TEXT_IDS,
            ADAPT,
            insert,
            many,
            "SELECT runmeta.follow(10000)",
        ],
    )
    .await;
    let runs =
        "SELECT string_agg(id, ' ' ORDER BY id) FILTER (WHERE id < 'e'), count(*) FROM runmeta.run";
    assert_eq!(rows(&client, runs).await, "a c d | 2003");
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.transition").await,
        "0"
    );
    insta::assert_snapshot!(rows(&client, &format!("SELECT DISTINCT f.left, left(f.message, 35) FROM ({FAILURES}) AS f (operation, jobs, \"left\", sqlstate, message)
        WHERE f.left !~ '^[0-9a-f]{{10}}' ORDER BY 1, 2")).await, @r#"
     | ids of runs have 1 to 255 bytes
    b | tasks have at most 255 bytes
    c | parent "" does not exist
    d | parent "ppppppppppppppppppppppppppp
    "#);
}

#[tokio::test]
async fn what_a_writer_makes_up_is_gone_when_it_was_followed() {
    let role = Role::with("IN ROLE runmeta_writer");
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[TEXT_IDS, ADAPT]).await;
    let writer = database.connect_as(role.name()).await;
    let made_up = [
        "('', 1, 'queued', false, NULL, NULL, NULL, NULL)",
        "('', 1, 'queued', true, NULL, NULL, NULL, NULL)",
        "('', 77, 'queued', true, NULL, 'mail', NULL, NULL)",
        "(repeat('x', 5000), 1, 'queued', false, NULL, NULL, NULL, NULL)",
        "('a', 1, '', false, NULL, NULL, NULL, NULL)",
        "('b', 1, repeat('s', 1000000), false, NULL, NULL, NULL, NULL)",
        "('c', 77, 'parked', false, -2147483648, '', 'c', 'infinity')",
        "('d', 1, 'running', false, 2147483647, repeat('t', 1000000), NULL, '-infinity')",
        "('e', -1, 'nonsense', true, 0, NULL, 'f', NULL)",
        "('f', 1, 'running', false, 2147483647, NULL, repeat('p', 1000000), '-infinity')",
    ];
    for row in made_up {
        let insert = format!(
            "INSERT INTO runmeta.transition (run_id, adapter, status, is_deleted, attempt, task, parent_id, created_at) VALUES {row}"
        );
        execute(&writer, &[&insert]).await;
    }
    execute(
        &client,
        &[
            "UPDATE runmeta.transition SET at = at - interval '2 minutes'",
            "SELECT runmeta.follow()",
        ],
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.transition").await,
        "0"
    );
    let runs = "SELECT id, parent_id, task, status, attempt FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, runs).await, @r"
    c | NULL | NULL | parked | 1
    f | NULL | NULL | running | 2147483647
    ");
}

#[tokio::test]
async fn status_that_is_not_translated_is_named_when_the_table_is_adapted_and_kept_once_later() {
    let database = Database::new().await;
    let client = database.connect().await;
    let insert = "INSERT INTO job (id, state) SELECT s || i, s FROM (VALUES ('parked', 3), ('Done', 2), ('active', 4), ('odd', 1),
        ('x1', 1), ('x2', 1), ('queued', 1)) AS s (s, n), generate_series(1, n) AS i";
    execute(&client, &[TEXT_IDS, insert]).await;
    insta::assert_snapshot!(notices(&database, ADAPT).await.join("\n"), @r#"jobs have statuses that are not translated: "active" (4), "parked" (3), "odd" (1), "x1" (1), "x2" (1)"#);
    let park = "UPDATE job SET state = 'parked' WHERE id = 'queued1'";
    let wake = "UPDATE job SET state = 'running' WHERE id = 'queued1'";
    let follow = "SELECT runmeta.follow()";
    execute(&client, &[follow, park, follow, wake, follow, park, follow]).await;
    let run = "SELECT status FROM runmeta.run WHERE id = 'queued1'";
    assert_eq!(rows(&client, run).await, "parked");
    let failures = "SELECT count(*), min(sqlstate), min(message) FROM runmeta.adapter_failure WHERE message LIKE '%parked%'";
    assert_eq!(
        rows(&client, failures).await,
        r#"1 | 22023 | status "parked" is not translated"#
    );
}

#[tokio::test]
async fn braces_in_expressions_of_the_user_stay_as_they_are() {
    let database = Database::new().await;
    let client = database.connect().await;
    let adapt = r#"SELECT runmeta.adapt('table', table_name => 'job', parent => '''job:{jobs}{parent}{ids}{alone}100%''', mapping => '{
        "id": "id", "status": "state", "task": "''{jobs} {parent} {ids} {alone} 100% %s''"}')"#;
    let parent = "SELECT runmeta.start('job:{jobs}{parent}{ids}{alone}100%')";
    let insert = "INSERT INTO job (id, state) VALUES ('a', 'queued'), ('b', 'queued')";
    let statements = [
        TEXT_IDS,
        parent,
        "INSERT INTO job (id, state) VALUES ('old', 'queued')",
        adapt,
        insert,
        "UPDATE job SET state = CASE id WHEN 'a' THEN 'running' END",
        "SELECT runmeta.follow()",
        "TRUNCATE job",
        "SELECT runmeta.follow()",
    ];
    execute(&client, &statements).await;
    let runs = "SELECT id, parent_id, task, status FROM runmeta.run WHERE depth = 1 ORDER BY id";
    insta::assert_snapshot!(rows(&client, runs).await, @r"
    job:a | job:{jobs}{parent}{ids}{alone}100% | {jobs} {parent} {ids} {alone} 100% %s | cancelled
    job:b | job:{jobs}{parent}{ids}{alone}100% | {jobs} {parent} {ids} {alone} 100% %s | cancelled
    job:old | job:{jobs}{parent}{ids}{alone}100% | {jobs} {parent} {ids} {alone} 100% %s | cancelled
    ");
}

#[tokio::test]
async fn table_is_followed_by_one_adapter() {
    let database = Database::new().await;
    let client = database.connect().await;
    let own = |table: &str| {
        format!(
            r#"SELECT runmeta.adapt('table', schema => 'pgboss', table_name => '{table}', mapping => '{{"id": "id", "status": "state"}}')"#
        )
    };
    let unique = "CREATE UNIQUE INDEX ON pgboss.job_common (id)";
    execute(
        &client,
        &[
            include_str!("pg_boss.sql"),
            unique,
            "SELECT runmeta.adapt('pg-boss')",
        ],
    )
    .await;
    let mut refusals = Vec::new();
    let pgmq = "SELECT runmeta.adapt('pgmq', 'pgboss', table_name => 'job')".to_owned();
    for statement in [own("job_common"), pgmq] {
        refusals.push(refusal(client.batch_execute(&statement).await));
    }
    execute(
        &client,
        &["SELECT runmeta.unadapt('pg-boss')", &own("job_common")],
    )
    .await;
    refusals.push(refusal(
        client
            .batch_execute("SELECT runmeta.adapt('pg-boss')")
            .await,
    ));
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    42710: another adapter follows jobs of "pgboss"."job_common"
    DETAIL: It is that of pg-boss on "pgboss"."job".
    HINT: Remove that one first, with runmeta.unadapt().
    42710: another adapter follows jobs of "pgboss"."job"
    DETAIL: It is that of pg-boss on "pgboss"."job".
    HINT: Remove that one first, with runmeta.unadapt().
    42710: another adapter follows jobs of "pgboss"."job"
    DETAIL: It is that of table on "pgboss"."job_common".
    HINT: Remove that one first, with runmeta.unadapt().
    "#);
}

#[tokio::test]
async fn queue_is_not_adapted_with_an_old_snapshot_of_its_jobs() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[TEXT_IDS]).await;
    let adapt = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; {ADAPT}");
    let refused = refusal(client.batch_execute(&adapt).await);
    insta::assert_snapshot!(refused, @r"
    25000: jobs cannot be read as they are now in a transaction with one snapshot
    HINT: Call runmeta.adapt() in a transaction that is READ COMMITTED.
    ");
    execute(&client, &["ROLLBACK"]).await;
    assert_eq!(rows(&client, LEFT).await, "0 | 0");
}
