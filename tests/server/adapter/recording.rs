//! What the triggers record, written without an `INSERT` where its table is as the migrations made it.

use super::{CLAIM, COMPLETE, ENQUEUE, FAIL, adapted, execute};
use crate::harness::{Database, Role, process, refusal, rows, until_waiting};

const RECORDED: &str = "SELECT run_id, adapter, role = CURRENT_USER, status, is_deleted, attempt, error, task, parent_id,
        created_at IS NOT NULL, started_at IS NOT NULL, finished_at, at <= clock_timestamp()
    FROM runmeta.transition ORDER BY id";
const CHANGE: &str =
    "runmeta._record_change(1, 'job:9', false, {}, 1, NULL, 'import', NULL, NULL, NULL, NULL)";

/// Returns what a job that fails once leaves, recorded while nobody follows.
async fn recorded(change_of_the_table: &str) -> String {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let job = [
        "BEGIN",
        change_of_the_table,
        ENQUEUE,
        CLAIM,
        FAIL,
        CLAIM,
        COMPLETE,
    ];
    execute(&client, &job).await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.adapter_failure").await,
        "0"
    );
    rows(&client, RECORDED).await
}

#[tokio::test]
async fn the_same_is_recorded_whatever_was_done_to_the_table() {
    let plain = recorded("").await;
    insta::assert_snapshot!(plain, @r"
    job:1 | 1 | t | queued | f | 0 | NULL | import | NULL | t | f | NULL | t
    job:1 | 1 | t | running | f | 1 | NULL | import | NULL | t | t | NULL | t
    job:1 | 1 | t | retrying | f | 1 | boom | NULL | NULL | t | f | NULL | t
    job:1 | 1 | t | running | f | 2 | NULL | import | NULL | t | t | NULL | t
    job:1 | 1 | t | completed | t | 2 | NULL | NULL | NULL | f | f | NULL | t
    ");
    let changes = [
        "ALTER TABLE runmeta.transition ADD COLUMN note text DEFAULT 'mine'",
        "ALTER TABLE runmeta.transition ADD CONSTRAINT short CHECK (length(run_id) < 100)",
        "CREATE INDEX ON runmeta.transition (lower(run_id))",
        "CREATE INDEX ON runmeta.transition (at) WHERE is_deleted",
        "CREATE INDEX ON runmeta.transition (at)",
        "ALTER TABLE runmeta.transition ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "ALTER TABLE runmeta.transition ALTER id DROP IDENTITY; CREATE SEQUENCE public.own;
            ALTER TABLE runmeta.transition ALTER id SET DEFAULT nextval('public.own')",
        "CREATE RULE nothing AS ON DELETE TO runmeta.transition WHERE false DO INSTEAD NOTHING",
    ];
    for change in changes {
        assert_eq!(recorded(change).await, plain, "{change}");
    }
}

#[tokio::test]
async fn a_session_that_has_recorded_notices_that_the_table_changed() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let anew = "ALTER TABLE runmeta.transition ALTER id DROP IDENTITY;
        ALTER TABLE runmeta.transition ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 1000)";
    execute(&client, &["BEGIN", ENQUEUE, anew, CLAIM]).await;
    let recorded = "SELECT id >= 1000, status FROM runmeta.transition ORDER BY id";
    insta::assert_snapshot!(rows(&client, recorded).await, @r"
    f | queued
    t | running
    ");
    let no_nulls = "TRUNCATE runmeta.transition; ALTER TABLE runmeta.transition ALTER finished_at SET NOT NULL";
    execute(&client, &[no_nulls, FAIL]).await;
    let failures = "SELECT operation, sqlstate FROM runmeta.adapter_failure";
    insta::assert_snapshot!(rows(&client, failures).await, @"UPDATE | 23502");
    // Rights on each column.
    execute(&client, &["ROLLBACK"]).await;
    let revoke = "REVOKE INSERT (status) ON runmeta.transition FROM runmeta_writer";
    let role = Role::new();
    let grant = format!("GRANT runmeta_writer TO {}", role.quoted());
    execute(&client, &[&grant]).await;
    let worker = database.connect_as(role.name()).await;
    let change = format!("SELECT {}", CHANGE.replace("{}", "'running'"));
    execute(&worker, &[&change]).await;
    execute(&client, &[revoke]).await;
    insta::assert_snapshot!(refusal(worker.batch_execute(&change).await), @"42501: permission denied for table transition");
}

#[tokio::test]
async fn a_change_comes_into_the_table_that_has_the_name_when_it_is_recorded() {
    let database = Database::new().await;
    let (client, worker) = (database.connect().await, database.connect().await);
    adapted(&client).await;
    let pid = process(&worker).await;
    let swap = "BEGIN; ALTER TABLE runmeta.transition RENAME TO before;
        CREATE TABLE runmeta.transition (LIKE runmeta.before INCLUDING ALL)";
    execute(&client, &[swap]).await;
    let enqueue = tokio::spawn(async move { worker.batch_execute(ENQUEUE).await });
    until_waiting(&database.connect().await, pid).await;
    execute(&client, &["COMMIT"]).await;
    enqueue.await.unwrap().unwrap();
    let recorded =
        "SELECT (SELECT count(*) FROM runmeta.before), (SELECT count(*) FROM runmeta.transition)";
    assert_eq!(rows(&client, recorded).await, "0 | 1");
}

#[tokio::test]
async fn a_trigger_on_the_table_fires_and_an_index_has_what_was_recorded() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let trigger = "CREATE FUNCTION public.mark() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.task := upper(NEW.task); RETURN NEW; END $$;
        CREATE TRIGGER mark BEFORE INSERT ON runmeta.transition FOR EACH ROW EXECUTE FUNCTION public.mark()";
    execute(&client, &["BEGIN", ENQUEUE, trigger, ENQUEUE]).await;
    let by_index = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off";
    execute(&client, &[by_index]).await;
    let tasks = "SELECT run_id, task FROM runmeta.transition WHERE run_id = ANY ('{job:1,job:2}') ORDER BY run_id";
    insta::assert_snapshot!(rows(&client, tasks).await, @r"
    job:1 | import
    job:2 | IMPORT
    ");
}

#[tokio::test]
async fn a_change_that_cannot_be_recorded_is_refused_as_an_insert_would_be() {
    let role = Role::new();
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let name = role.quoted();
    execute(&client, &[&format!("GRANT runmeta_writer TO {name}")]).await;
    let worker = database.connect_as(role.name()).await;
    let (whole, without_status) = (
        CHANGE.replace("{}", "'running'"),
        CHANGE.replace("{}", "NULL"),
    );
    let refused = [
        format!("SELECT {without_status}"),
        format!("BEGIN READ ONLY; SELECT {whole}"),
    ];
    let mut refusals = Vec::new();
    for statement in refused {
        refusals.push(refusal(worker.batch_execute(&statement).await));
        execute(&worker, &["ROLLBACK"]).await;
    }
    execute(&worker, &[&format!("BEGIN; SELECT {whole}")]).await;
    execute(&worker, &["COMMIT"]).await;
    execute(
        &client,
        &["REVOKE INSERT ON runmeta.transition FROM runmeta_writer"],
    )
    .await;
    refusals.push(refusal(
        worker.batch_execute(&format!("SELECT {whole}")).await,
    ));
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    23502: null value in column "status" of relation "transition" violates not-null constraint
    DETAIL: Failing row contains (run_id, adapter, status, is_deleted, attempt, error, task, parent_id, created_at, started_at, finished_at) = (job:9, 1, null, f, 1, null, import, null, null, null, null).
    25006: cannot execute INSERT in a read-only transaction
    42501: permission denied for table transition
    "#);
}
