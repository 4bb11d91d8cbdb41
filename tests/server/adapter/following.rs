//! When runs follow: by the worker, and before whoever writes them.

use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use tokio_postgres::AsyncMessage;

use super::{CLAIM, COMPLETE, ENQUEUE, FAIL, LEFT, adapted, execute};
use crate::harness::{Database, Role, process, rows, until, until_waiting};

const RUN: &str = "SELECT status, attempt, metadata->'rows' FROM runmeta.run WHERE id = 'job:1'";

/// Returns as soon as nothing waits any more.
async fn until_followed(client: &tokio_postgres::Client) {
    until(client, "SELECT NOT EXISTS (SELECT FROM runmeta.transition)").await;
}

#[tokio::test]
async fn worker_has_runs_follow_and_announces_them() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    let mut listener = crate::harness::Listener::new(&database).await;
    adapted(&client).await;
    execute(&client, &[ENQUEUE]).await;
    until_followed(&client).await;
    listener
        .until(r#"{"runs":[{"id":"job:1","root":"job:1","version":1}]}"#)
        .await;
    execute(&client, &[CLAIM, FAIL, CLAIM, COMPLETE]).await;
    until_followed(&client).await;
    assert_eq!(rows(&client, RUN).await, "completed | 2 | 0");
    assert_eq!(rows(&client, LEFT).await, "0 | 0");
}

#[tokio::test]
async fn worker_that_begins_finds_what_was_put_down_before() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    execute(&client, &[ENQUEUE, CLAIM]).await;
    let reset = "DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
    END $$";
    execute(&client, &[reset]).await;
    let client = database.connect().await;
    crate::harness::until_worker_runs(&client).await;
    until_followed(&client).await;
    assert_eq!(rows(&client, RUN).await, "running | 1 | 0");
}

#[tokio::test]
async fn more_jobs_than_are_named_to_the_worker_are_followed_all_the_same() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    adapted(&client).await;
    let many = "INSERT INTO graphile_worker._private_jobs (task_id) SELECT 1 FROM generate_series(1, 10001)";
    execute(&client, &[many]).await;
    until_followed(&client).await;
    assert_eq!(
        rows(
            &client,
            "SELECT count(*), min(status), max(status) FROM runmeta.run"
        )
        .await,
        "10001 | queued | queued"
    );
}

#[tokio::test]
async fn prepared_transaction_is_followed_when_it_is_committed() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    adapted(&client).await;
    let prepare = format!("BEGIN; {ENQUEUE}; PREPARE TRANSACTION 'enqueue'");
    if let Err(error) = client.batch_execute(&prepare).await {
        // The server of the tests may have none.
        assert_eq!(
            error.code().map(|code| code.code()),
            Some("55000"),
            "{error:?}"
        );
        return;
    }
    execute(&client, &["COMMIT PREPARED 'enqueue'"]).await;
    until(&client, "SELECT EXISTS (SELECT 1 FROM runmeta.run)").await;
    until_followed(&client).await;
}

/// What the session is told while it runs these statements.
pub(super) async fn notices(database: &Database, statements: &str) -> Vec<String> {
    let config: tokio_postgres::Config = database.url().parse().unwrap();
    let (client, mut connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    let notices = tokio::spawn(async move {
        let mut texts = Vec::new();
        let mut messages = poll_fn(|context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notice(notice) = message {
                texts.push(notice.message().to_owned());
            }
        }
        texts
    });
    client.batch_execute(statements).await.unwrap();
    drop(client);
    notices.await.unwrap()
}

#[tokio::test]
async fn no_plan_is_compiled_for_what_a_job_writes() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    execute(&client, &[ENQUEUE, CLAIM]).await;
    // Whatever is planned would be compiled, if that were left on. Each plan is told to the session.
    let told = notices(
        &database,
        "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
         SET auto_explain.log_level = 'notice'; SET jit = on; SET jit_above_cost = 0;
         SELECT runmeta.increment('job:1', 'rows', 5);",
    )
    .await;
    let (outer, ours): (Vec<_>, Vec<_>) = told
        .iter()
        .filter(|text| text.contains("Query Text"))
        .partition(|text| text.contains("SELECT runmeta.increment("));
    assert_eq!(outer.len(), 1, "{told:?}");
    assert!(
        ours.iter().any(|text| text.contains("runmeta.adapter")),
        "{told:?}"
    );
    for plan in ours {
        assert!(!plan.contains("JIT:"), "{plan}");
    }
}

async fn job_writes_behind_its_own_claim(database: Database) {
    let client = database.connect().await;
    adapted(&client).await;
    let count = "SELECT runmeta.increment('job:1', 'rows', 5)";
    // No round of a worker in between: the run is there, and its counter is that of its attempt.
    execute(&client, &[ENQUEUE, CLAIM, count, FAIL, CLAIM, count, count]).await;
    assert_eq!(rows(&client, RUN).await, "running | 2 | 10");
    let flush = r#"SELECT runmeta.flush('[{"run": "job:1", "operations": [{"type": "increment", "key": "rows", "value": 1}]}]')"#;
    execute(&client, &[FAIL, CLAIM, flush]).await;
    assert_eq!(rows(&client, RUN).await, "running | 3 | 1");
    execute(
        &client,
        &[
            ENQUEUE,
            "SELECT runmeta.stream_append('job:2', 'log', '[1]')",
        ],
    )
    .await;
    execute(
        &client,
        &[ENQUEUE, "SELECT runmeta.set_status('job:3', 'paused')"],
    )
    .await;
    execute(
        &client,
        &[ENQUEUE, "SELECT runmeta.finish('job:4', 'skipped')"],
    )
    .await;
    execute(
        &client,
        &[
            ENQUEUE,
            "SELECT runmeta.start('child', parent_run_id => 'job:5')",
        ],
    )
    .await;
    execute(
        &client,
        &[
            ENQUEUE,
            r#"SELECT runmeta.flush('[{"run": "child-2", "start": {"parent": "job:6"}}]')"#,
        ],
    )
    .await;
    let statuses = "SELECT string_agg(status, ' ' ORDER BY id) FROM runmeta.run WHERE id > 'job:1'";
    assert_eq!(
        rows(&client, statuses).await,
        "queued paused skipped queued queued"
    );
}

#[tokio::test]
async fn job_writes_behind_its_own_claim_while_a_worker_runs() {
    job_writes_behind_its_own_claim(Database::with_worker().await).await;
}

#[tokio::test]
async fn job_writes_behind_its_own_claim_without_a_worker() {
    job_writes_behind_its_own_claim(Database::new().await).await;
}

#[tokio::test]
async fn counts_for_a_parent_come_behind_its_own_claim() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    adapted(&client).await;
    let child = "SELECT runmeta.start('child', parent_run_id => 'job:1')";
    let count = "SELECT runmeta.increment('child', 'rows', 1, target => 'parent')";
    execute(
        &client,
        &[ENQUEUE, CLAIM, child, count, count, FAIL, CLAIM, count],
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT runmeta.get('job:1', 'rows')").await,
        "1"
    );
}

#[tokio::test]
async fn run_that_its_job_makes_in_an_open_transaction_holds_up_nobody() {
    let database = Database::with_worker().await;
    let (client, job) = (database.connect().await, database.connect().await);
    adapted(&client).await;
    execute(&job, &["SET runmeta.notify = off"]).await;
    // The job has its run made in a transaction that stays open.
    execute(&client, &["BEGIN", ENQUEUE]).await;
    let write = "SELECT runmeta.set('job:1', 'rows', '3')";
    execute(&client, &[CLAIM, write]).await;
    execute(&job, &[ENQUEUE]).await;
    until(
        &job,
        "SELECT EXISTS (SELECT 1 FROM runmeta.run WHERE id = 'job:2')",
    )
    .await;
    // Another session that writes the run waits for it as for any row.
    let other = database.connect().await;
    let waiting = process(&other).await;
    execute(&client, &["COMMIT"]).await;
    let both = async {
        execute(
            &client,
            &["BEGIN", "SELECT runmeta.set('job:1', 'rows', '4')"],
        )
        .await;
        let write = tokio::spawn(async move {
            execute(&other, &["SELECT runmeta.increment('job:1', 'rows')"]).await;
        });
        until_waiting(&job, waiting).await;
        execute(&client, &["COMMIT"]).await;
        write.await.unwrap();
    };
    both.await;
    assert_eq!(rows(&client, RUN).await, "running | 1 | 5");
}

#[tokio::test]
async fn writer_under_a_policy_comes_behind_its_claim_too() {
    let role = Role::new();
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let setup = format!(
        "GRANT runmeta_writer TO {0};
        ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON runmeta.run TO {0} USING (id = 'job:1')",
        role.quoted()
    );
    execute(&client, &[&setup, ENQUEUE, CLAIM]).await;
    let job = database.connect_as(role.name()).await;
    execute(&job, &["SELECT runmeta.increment('job:1', 'rows')"]).await;
    assert_eq!(rows(&client, RUN).await, "running | 1 | 1");
}

#[tokio::test]
async fn last_hundred_failures_of_an_adapter_are_kept() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let failures = "INSERT INTO runmeta.adapter_failure (adapter, operation, sqlstate, message)
        SELECT a, 'UPDATE', '42703', n::text FROM generate_series(1, 2) AS a, generate_series(1, 150) AS n";
    execute(&client, &[failures, "SELECT runmeta.follow()"]).await;
    let kept = "SELECT adapter, count(*), min(message::int) FROM runmeta.adapter_failure GROUP BY adapter ORDER BY adapter";
    insta::assert_snapshot!(rows(&client, kept).await, @"1 | 100 | 51");
}

#[tokio::test]
async fn queue_goes_on_when_the_extension_is_dropped() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    execute(&client, &["DROP EXTENSION runmeta CASCADE", ENQUEUE]).await;
    assert_eq!(rows(&client, LEFT).await, "0 | 0");
    assert_eq!(
        rows(
            &client,
            "SELECT count(*) FROM graphile_worker._private_jobs"
        )
        .await,
        "1"
    );
}

#[tokio::test]
async fn what_cannot_be_stored_at_the_moment_is_followed_later() {
    let database = Database::new().await;
    let (client, holder) = (database.connect().await, database.connect().await);
    adapted(&client).await;
    execute(&client, &[ENQUEUE, "SET lock_timeout = '10ms'"]).await;
    execute(
        &holder,
        &["BEGIN", "LOCK TABLE runmeta.run IN EXCLUSIVE MODE"],
    )
    .await;
    execute(&client, &["SELECT runmeta.follow()"]).await;
    assert_eq!(rows(&client, LEFT).await, "1 | 0");
    execute(&holder, &["COMMIT"]).await;
    execute(&client, &["SELECT runmeta.follow()"]).await;
    assert_eq!(rows(&client, RUN).await, "queued | 1 | 0");
}

#[tokio::test]
async fn run_that_a_constraint_refuses_stops_no_other() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let mail = "INSERT INTO graphile_worker._private_jobs (task_id) VALUES (2)";
    let refuse = "ALTER TABLE runmeta.run ADD CONSTRAINT no_mail CHECK (task <> 'mail')";
    execute(
        &client,
        &[refuse, ENQUEUE, mail, ENQUEUE, "SELECT runmeta.follow()"],
    )
    .await;
    let runs = "SELECT string_agg(id, ' ' ORDER BY id) FROM runmeta.run";
    assert_eq!(rows(&client, runs).await, "job:1 job:3");
    let failures = "SELECT operation, jobs, sqlstate FROM runmeta.adapter_failure";
    assert_eq!(rows(&client, failures).await, "follow | {job:2} | 23514");
    assert_eq!(rows(&client, LEFT).await, "0 | 1");
}
