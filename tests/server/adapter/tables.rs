//! Queues whose clients are not run here: the tables of their migrations, and the statements that their clients issue. And
//! tables of one's own.

use tokio_postgres::Client;

use super::execute;
use crate::harness::{Database, refusal, rows};

const RUNS: &str = "SELECT id, parent_id, task, status, attempt, started_at IS NOT NULL, finished_at IS NOT NULL, metadata
    FROM runmeta.run ORDER BY created_at, id";
const FAILURES: &str = "SELECT count(*) FROM runmeta.adapter_failure";

/// Executes statements one by one, has runs follow behind each, and returns what the runs are behind each.
async fn history(client: &Client, statements: &[&str]) -> String {
    let mut seen = Vec::new();
    for statement in statements {
        execute(client, &[statement, "SELECT runmeta.follow()"]).await;
        seen.push(rows(client, RUNS).await);
    }
    assert_eq!(rows(client, FAILURES).await, "0");
    seen.join("\n\n")
}

#[tokio::test]
async fn river_is_followed() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(
        &client,
        &[include_str!("river.sql"), "SELECT runmeta.adapt('river')"],
    )
    .await;
    let claim =
        "UPDATE river_job SET state = 'running', attempt = attempt + 1, attempted_at = now(),
        attempted_by = array_append(attempted_by, 'worker') WHERE state = 'available'";
    let insert = "INSERT INTO river_job (args, kind, max_attempts, queue, scheduled_at, state)
        VALUES ('{}', 'import', 2, 'default', now(), 'available')";
    let error = "UPDATE river_job SET state = 'retryable', scheduled_at = now(), errors = array_append(errors,
        '{\"at\": \"2026-01-01T00:00:00Z\", \"attempt\": 1, \"error\": \"boom\", \"trace\": \"\"}'::jsonb) WHERE state = 'running'";
    let schedule = "UPDATE river_job SET state = 'available' WHERE state = 'retryable'";
    let complete =
        "UPDATE river_job SET state = 'completed', finalized_at = now() WHERE state = 'running'";
    let cancel =
        "UPDATE river_job SET state = 'cancelled', finalized_at = now() WHERE state = 'available'";
    let seen = history(
        &client,
        &[
            insert,
            claim,
            error,
            schedule,
            claim,
            complete,
            insert,
            cancel,
            "DELETE FROM river_job",
        ],
    )
    .await;
    insta::assert_snapshot!(seen, @r#"
    river:1 | NULL | import | queued | 1 | f | f | {}

    river:1 | NULL | import | running | 1 | t | f | {}

    river:1 | NULL | import | retrying | 1 | t | f | {"error": "boom", "errors": [{"text": "boom", "attempt": 1}]}

    river:1 | NULL | import | retrying | 1 | t | f | {"error": "boom", "errors": [{"text": "boom", "attempt": 1}]}

    river:1 | NULL | import | running | 2 | t | f | {"errors": [{"text": "boom", "attempt": 1}]}

    river:1 | NULL | import | completed | 2 | t | t | {"errors": [{"text": "boom", "attempt": 1}]}

    river:1 | NULL | import | completed | 2 | t | t | {"errors": [{"text": "boom", "attempt": 1}]}
    river:2 | NULL | import | queued | 1 | f | f | {}

    river:1 | NULL | import | completed | 2 | t | t | {"errors": [{"text": "boom", "attempt": 1}]}
    river:2 | NULL | import | cancelled | 1 | f | t | {}

    river:1 | NULL | import | completed | 2 | t | t | {"errors": [{"text": "boom", "attempt": 1}]}
    river:2 | NULL | import | cancelled | 1 | f | t | {}
    "#);
}

#[tokio::test]
async fn oban_is_followed() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(
        &client,
        &[include_str!("oban.sql"), "SELECT runmeta.adapt('oban')"],
    )
    .await;
    let insert = "INSERT INTO oban_jobs (state, worker, args, max_attempts) VALUES ('available', 'MyApp.Import', '{}', 2)";
    let claim = "UPDATE oban_jobs SET state = 'executing', attempted_at = timezone('UTC', now()), attempted_by = ARRAY['node'],
        attempt = attempt + 1 WHERE state = 'available'";
    let error = "UPDATE oban_jobs SET state = 'retryable', scheduled_at = timezone('UTC', now()), errors = array_append(errors,
        '{\"at\": \"2026-01-01T00:00:00Z\", \"attempt\": 1, \"error\": \"** (RuntimeError) boom\"}'::jsonb) WHERE state = 'executing'";
    let stage =
        "UPDATE oban_jobs SET state = 'available' WHERE state IN ('scheduled', 'retryable')";
    let discard = "UPDATE oban_jobs SET state = 'discarded', discarded_at = timezone('UTC', now()), errors = array_append(errors,
        '{\"at\": \"2026-01-01T00:00:01Z\", \"attempt\": 2, \"error\": \"** (RuntimeError) again\"}'::jsonb) WHERE state = 'executing'";
    let seen = history(
        &client,
        &[
            insert,
            claim,
            error,
            stage,
            claim,
            discard,
            insert,
            "DELETE FROM oban_jobs",
        ],
    )
    .await;
    insta::assert_snapshot!(seen, @r#"
    oban:1 | NULL | MyApp.Import | queued | 1 | f | f | {}

    oban:1 | NULL | MyApp.Import | running | 1 | t | f | {}

    oban:1 | NULL | MyApp.Import | retrying | 1 | t | f | {"error": "** (RuntimeError) boom", "errors": [{"text": "** (RuntimeError) boom", "attempt": 1}]}

    oban:1 | NULL | MyApp.Import | retrying | 1 | t | f | {"error": "** (RuntimeError) boom", "errors": [{"text": "** (RuntimeError) boom", "attempt": 1}]}

    oban:1 | NULL | MyApp.Import | running | 2 | t | f | {"errors": [{"text": "** (RuntimeError) boom", "attempt": 1}]}

    oban:1 | NULL | MyApp.Import | failed | 2 | t | t | {"error": "** (RuntimeError) again", "errors": [{"text": "** (RuntimeError) boom", "attempt": 1}, {"text": "** (RuntimeError) again", "attempt": 2}]}

    oban:1 | NULL | MyApp.Import | failed | 2 | t | t | {"error": "** (RuntimeError) again", "errors": [{"text": "** (RuntimeError) boom", "attempt": 1}, {"text": "** (RuntimeError) again", "attempt": 2}]}
    oban:2 | NULL | MyApp.Import | queued | 1 | f | f | {}

    oban:1 | NULL | MyApp.Import | failed | 2 | t | t | {"error": "** (RuntimeError) again", "errors": [{"text": "** (RuntimeError) boom", "attempt": 1}, {"text": "** (RuntimeError) again", "attempt": 2}]}
    oban:2 | NULL | MyApp.Import | cancelled | 1 | f | t | {}
    "#);
    // Its times have no zone, and the session has one.
    let times = "SELECT count(*) FROM runmeta.run WHERE created_at NOT BETWEEN now() - interval '5 minutes' AND now()
        OR started_at NOT BETWEEN now() - interval '5 minutes' AND now() OR finished_at < now() - interval '5 minutes'";
    assert_eq!(rows(&client, times).await, "0");
}

#[tokio::test]
async fn pgmq_is_followed_queue_by_queue() {
    let database = Database::new().await;
    let client = database.connect().await;
    let adapt = ["mail", "image"]
        .map(|queue| format!("SELECT runmeta.adapt('pgmq', table_name => 'q_{queue}')"));
    execute(&client, &[include_str!("pgmq.sql"), &adapt[0], &adapt[1]]).await;
    let send = "INSERT INTO pgmq.q_mail (vt, message) VALUES (clock_timestamp(), '{}')";
    let read = "UPDATE pgmq.q_mail SET vt = clock_timestamp() + interval '30 seconds', read_ct = read_ct + 1";
    let extend = "UPDATE pgmq.q_mail SET vt = clock_timestamp() + interval '60 seconds'";
    let archive = "WITH archived AS (DELETE FROM pgmq.q_mail RETURNING msg_id, vt, read_ct, enqueued_at, message)
        INSERT INTO pgmq.a_mail (msg_id, vt, read_ct, enqueued_at, message)
        SELECT msg_id, vt, read_ct, enqueued_at, message FROM archived";
    let other = "INSERT INTO pgmq.q_image (vt, message) VALUES (clock_timestamp(), '{}')";
    let seen = history(&client, &[send, read, extend, read, archive, other]).await;
    insta::assert_snapshot!(seen, @r#"
    pgmq:mail:1 | NULL | mail | queued | 1 | f | f | {}

    pgmq:mail:1 | NULL | mail | running | 1 | t | f | {}

    pgmq:mail:1 | NULL | mail | running | 1 | t | f | {}

    pgmq:mail:1 | NULL | mail | running | 2 | t | f | {}

    pgmq:mail:1 | NULL | mail | completed | 2 | t | t | {}

    pgmq:mail:1 | NULL | mail | completed | 2 | t | t | {}
    pgmq:image:1 | NULL | image | queued | 1 | f | f | {}
    "#);
    // Which of them is not named.
    let refused = refusal(client.batch_execute("SELECT runmeta.unadapt('pgmq')").await);
    insta::assert_snapshot!(refused, @r#"
    42704: "pgmq" is adapted more than once
    HINT: SELECT * FROM runmeta.adapter shows what is adapted: name the schema and the table.
    "#);
    execute(
        &client,
        &[
            "SELECT runmeta.unadapt('pgmq', table_name => 'q_mail')",
            send,
        ],
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.transition").await,
        "0"
    );
}

#[tokio::test]
async fn dbos_is_followed_with_its_parents() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(
        &client,
        &[include_str!("dbos.sql"), "SELECT runmeta.adapt('dbos')"],
    )
    .await;
    // A workflow that calls another one, which waits in a queue.
    let parent = "INSERT INTO dbos.workflow_status (workflow_uuid, status, name, recovery_attempts, created_at, updated_at)
        VALUES ('order', 'PENDING', 'checkout', 1, 1790000000000, 1790000000000)";
    let child = "INSERT INTO dbos.workflow_status (workflow_uuid, status, name, recovery_attempts, created_at, updated_at, queue_name, parent_workflow_id)
        VALUES ('order-1', 'ENQUEUED', 'pay', 0, 1790000001000, 1790000001000, 'payments', 'order')";
    let dequeue = "UPDATE dbos.workflow_status SET status = 'PENDING', started_at_epoch_ms = 1790000002000 WHERE status = 'ENQUEUED'";
    let begin = "UPDATE dbos.workflow_status SET recovery_attempts = recovery_attempts + 1, updated_at = 1790000002100 WHERE workflow_uuid = 'order-1'";
    let error = "UPDATE dbos.workflow_status SET status = 'ERROR', error = 'card refused', updated_at = 1790000003000 WHERE workflow_uuid = 'order-1'";
    let recover = "UPDATE dbos.workflow_status SET recovery_attempts = recovery_attempts + 1, updated_at = 1790000004000 WHERE workflow_uuid = 'order'";
    let success = "UPDATE dbos.workflow_status SET status = 'SUCCESS', output = '1', updated_at = 1790000005000 WHERE workflow_uuid = 'order'";
    let seen = history(
        &client,
        &[parent, child, dequeue, begin, error, recover, success],
    )
    .await;
    insta::assert_snapshot!(seen, @r#"
    dbos:order | NULL | checkout | running | 1 | t | f | {}

    dbos:order | NULL | checkout | running | 1 | t | f | {}
    dbos:order-1 | dbos:order | pay | queued | 1 | f | f | {}

    dbos:order | NULL | checkout | running | 1 | t | f | {}
    dbos:order-1 | dbos:order | pay | running | 1 | t | f | {}

    dbos:order | NULL | checkout | running | 1 | t | f | {}
    dbos:order-1 | dbos:order | pay | running | 1 | t | f | {}

    dbos:order | NULL | checkout | running | 1 | t | f | {}
    dbos:order-1 | dbos:order | pay | failed | 1 | t | t | {"error": "card refused", "errors": [{"text": "card refused", "attempt": 1}]}

    dbos:order | NULL | checkout | running | 2 | t | f | {}
    dbos:order-1 | dbos:order | pay | failed | 1 | t | t | {"error": "card refused", "errors": [{"text": "card refused", "attempt": 1}]}

    dbos:order | NULL | checkout | completed | 2 | t | t | {}
    dbos:order-1 | dbos:order | pay | failed | 1 | t | t | {"error": "card refused", "errors": [{"text": "card refused", "attempt": 1}]}
    "#);
}

pub(super) const OWN: &str = "CREATE TABLE job (key uuid PRIMARY KEY DEFAULT gen_random_uuid(), state text NOT NULL DEFAULT 'new', tries int NOT NULL DEFAULT 0,
    kind text, parent uuid, problem text, came timestamptz NOT NULL DEFAULT now(), other int)";
pub(super) const ADAPT_OWN: &str = r#"SELECT runmeta.adapt('table', table_name => 'job', parent => '''job:'' || j.parent', mapping => '{
    "id": "key", "status": "state", "attempt": "tries", "task": "COALESCE(j.kind, ''none'')", "error": "problem", "created_at": "came",
    "statuses": {"new": "queued", "busy": "running", "again": "retrying", "done": "completed", "broken": "failed"}}')"#;

#[tokio::test]
async fn table_of_ones_own_is_followed_by_its_columns() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[OWN, ADAPT_OWN]).await;
    let keys = "SELECT id = 'job:' || key, task, status, attempt, metadata FROM runmeta.run, job";
    let steps = [
        "INSERT INTO job (kind) VALUES ('mail')",
        "UPDATE job SET state = 'busy', tries = 1",
        "UPDATE job SET state = 'again', problem = 'boom'",
        "UPDATE job SET state = 'busy', tries = 2, problem = NULL",
        "UPDATE job SET state = 'done'",
    ];
    let mut seen = Vec::new();
    for step in steps {
        execute(&client, &[step, "SELECT runmeta.follow()"]).await;
        seen.push(rows(&client, keys).await);
    }
    insta::assert_snapshot!(seen.join("\n"), @r#"
    t | mail | queued | 1 | {}
    t | mail | running | 1 | {}
    t | mail | retrying | 1 | {"error": "boom", "errors": [{"text": "boom", "attempt": 1}]}
    t | mail | running | 2 | {"errors": [{"text": "boom", "attempt": 1}]}
    t | mail | completed | 2 | {"errors": [{"text": "boom", "attempt": 1}]}
    "#);
    // What changes nothing of a job is not recorded.
    execute(&client, &["UPDATE job SET other = 1"]).await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.transition").await,
        "0"
    );
}

#[tokio::test]
async fn children_are_under_their_parents_whichever_comes_first() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[OWN, ADAPT_OWN]).await;
    let insert = |key: u32, parent: &str| {
        format!(
            "INSERT INTO job (key, parent) VALUES ('00000000-0000-0000-0000-{key:012}', {parent})"
        )
    };
    let parent = "'00000000-0000-0000-0000-000000000005'";
    let grandparent = "'00000000-0000-0000-0000-000000000009'";
    // A child whose parent is not there yet waits.
    execute(&client, &[&insert(1, parent), "SELECT runmeta.follow()"]).await;
    assert_eq!(rows(&client, "SELECT count(*) FROM runmeta.run").await, "0");
    execute(&client, &[&insert(5, grandparent), &insert(9, "NULL")]).await;
    // Whoever writes the child has all three made.
    let write = "SELECT runmeta.set('job:00000000-0000-0000-0000-000000000001', 'a', '1')";
    execute(&client, &[write]).await;
    let tree = "SELECT right(id, 1), right(parent_id, 1), right(root_id, 1), depth FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, tree).await, @r#"
    1 | 5 | 9 | 2
    5 | 9 | 9 | 1
    9 | NULL | 9 | 0
    "#);

    // One whose parent never comes is on its own after a minute, which is kept.
    execute(
        &client,
        &[&insert(2, "'00000000-0000-0000-0000-00000000000f'")],
    )
    .await;
    execute(
        &client,
        &[
            "UPDATE runmeta.transition SET at = at - interval '2 minutes'",
            "SELECT runmeta.follow()",
        ],
    )
    .await;
    let orphan = "SELECT right(r.id, 1), r.parent_id, f.sqlstate, f.message
        FROM runmeta.run AS r, runmeta.adapter_failure AS f WHERE f.jobs = ARRAY[r.id]";
    insta::assert_snapshot!(rows(&client, orphan).await, @r#"2 | NULL | P0002 | parent "job:00000000-0000-0000-0000-00000000000f" does not exist"#);
}

#[tokio::test]
async fn an_error_that_stays_in_its_column_is_that_of_one_attempt() {
    let database = Database::new().await;
    let client = database.connect().await;
    let steps = [
        OWN,
        ADAPT_OWN,
        "INSERT INTO job DEFAULT VALUES",
        "UPDATE job SET state = 'busy', tries = 1",
        "UPDATE job SET state = 'again', problem = 'boom'",
        "UPDATE job SET state = 'busy', tries = 2",
        "UPDATE job SET state = 'done'",
        "SELECT runmeta.follow()",
    ];
    execute(&client, &steps).await;
    let run = "SELECT status, attempt, metadata FROM runmeta.run";
    insta::assert_snapshot!(rows(&client, run).await, @r#"completed | 2 | {"errors": [{"text": "boom", "attempt": 1}]}"#);
}

#[tokio::test]
async fn table_without_what_is_needed_is_refused() {
    let database = Database::new().await;
    let client = database.connect().await;
    execute(&client, &[OWN]).await;
    let refused = [
        "SELECT runmeta.adapt('table')",
        "SELECT runmeta.adapt('pg-boss', table_name => 'job')",
        "SELECT runmeta.adapt('table', table_name => 'job')",
        r#"SELECT runmeta.adapt('table', table_name => 'job', mapping => '{"id": "key"}')"#,
        r#"SELECT runmeta.adapt('table', table_name => 'job', mapping => '{"id": "other", "status": "state"}')"#,
        r#"SELECT runmeta.adapt('table', table_name => 'job', mapping => '{"id": "key", "status": "state", "color": "red"}')"#,
        "SELECT runmeta.unadapt('table')",
    ];
    let mut refusals = Vec::new();
    for statement in refused {
        refusals.push(refusal(client.batch_execute(statement).await));
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    22023: the table of "table" is not named
    HINT: A table is named for pgmq, as in q_mail, and for one of your own.
    22023: "pg-boss" has a table that is known
    HINT: A table is named for pgmq, as in q_mail, and for one of your own.
    22023: mapping has no id or no status
    HINT: It names columns or expressions for id, status, attempt, error, task, created_at, started_at, finished_at, deleted, statuses.
    22023: mapping has no id or no status
    HINT: It names columns or expressions for id, status, attempt, error, task, created_at, started_at, finished_at, deleted, statuses.
    22023: "other" is no column of job with a unique index
    HINT: Name the column that identifies a job, and make it unique.
    22023: mapping has the unknown member "color"
    HINT: It names columns or expressions for id, status, attempt, error, task, created_at, started_at, finished_at, deleted, statuses.
    42704: queue "table" is not adapted
    HINT: SELECT * FROM runmeta.adapter shows what is adapted: name the schema and the table.
    "#);
}
