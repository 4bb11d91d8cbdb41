//! Nothing is for PUBLIC, the two roles can do their work, and neither can do more.

use tokio_postgres::Client;

use crate::harness::{Database, refusal};

/// What PUBLIC may do on anything of ours, in the schema or elsewhere, whether granted or by default.
const PUBLIC_GRANTS: &str = "
    WITH owned (classid, objid) AS (
        SELECT d.classid, d.objid
        FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'runmeta'
        UNION
        SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = 'runmeta'::regnamespace
        UNION
        SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relnamespace = 'runmeta'::regnamespace
        UNION
        SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = 'runmeta'::regnamespace
        UNION
        SELECT 'pg_namespace'::regclass, 'runmeta'::regnamespace
    ), rights (classid, objid, acl) AS (
        SELECT classid, objid, coalesce(proacl, acldefault('f', proowner))
        FROM owned JOIN pg_proc ON classid = 'pg_proc'::regclass AND oid = objid
        UNION ALL
        SELECT classid, objid, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", relowner))
        FROM owned JOIN pg_class ON classid = 'pg_class'::regclass AND oid = objid
        UNION ALL
        SELECT classid, objid, attacl
        FROM owned JOIN pg_attribute ON classid = 'pg_class'::regclass AND attrelid = objid
        UNION ALL
        -- An array has the rights of its elements' type.
        SELECT classid, objid, coalesce(typacl, acldefault('T', typowner))
        FROM owned JOIN pg_type ON classid = 'pg_type'::regclass AND oid = objid AND typcategory <> 'A'
        UNION ALL
        SELECT classid, objid, coalesce(nspacl, acldefault('n', nspowner))
        FROM owned JOIN pg_namespace ON classid = 'pg_namespace'::regclass AND oid = objid
    )
    SELECT coalesce(string_agg(privilege_type || ' on ' || pg_describe_object(classid, objid, 0), E'\\n' ORDER BY classid, objid), '')
    FROM rights, aclexplode(acl) WHERE grantee = 0";

const OWNED_OBJECTS: &str = "
    SELECT coalesce(string_agg(pg_describe_object(classid, objid, objsubid), E'\\n' ORDER BY classid, pg_describe_object(classid, objid, objsubid) COLLATE \"C\"), '')
    FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'runmeta'
        -- Newer versions of Postgres count the array of a type too.
        AND NOT EXISTS (SELECT FROM pg_type AS t WHERE d.classid = 'pg_type'::regclass AND t.oid = objid AND typcategory = 'A')";

async fn text(client: &Client, query: &str) -> String {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// Tells what PUBLIC may do, a line each; there should be none.
pub async fn public_grants(client: &Client) -> String {
    text(client, PUBLIC_GRANTS).await
}

#[tokio::test]
async fn nothing_is_granted_to_public() {
    let database = Database::new().await;
    assert_eq!(public_grants(&database.connect().await).await, "");
}

#[tokio::test]
async fn extension_owns_functions_and_types_only() {
    let database = Database::new().await;
    insta::assert_snapshot!(text(&database.connect().await, OWNED_OBJECTS).await, @"
    type runmeta.target
    function runmeta._adapter_dbos(text)
    function runmeta._adapter_functions(integer,text,text,text[],text,name,boolean,boolean)
    function runmeta._adapter_graphile_worker(text)
    function runmeta._adapter_lost(integer,regclass,text,name)
    function runmeta._adapter_oban(text)
    function runmeta._adapter_own_table(regclass,jsonb)
    function runmeta._adapter_pg_boss(text)
    function runmeta._adapter_pgmq(text)
    function runmeta._adapter_procrastinate(text)
    function runmeta._adapter_queue(text,text,text,text,text,jsonb)
    function runmeta._adapter_river(text)
    function runmeta._adapter_rows(text,text)
    function runmeta._adapter_sync(integer,regclass,text,text[],text)
    function runmeta._adapter_triggers(integer,regclass,boolean,regclass)
    function runmeta._apply_in_shard(text,jsonb,bigint,integer,boolean,jsonb,integer)
    function runmeta._apply_lists(text,text,jsonb,bigint,timestamp with time zone,integer,text,timestamp with time zone,timestamp with time zone)
    function runmeta._await_commits(bigint,integer)
    function runmeta._changed_bound()
    function runmeta._changed_document()
    function runmeta._check_contract()
    function runmeta._depth_first(text[],text[])
    function runmeta._diagnose(uuid,text[])
    function runmeta._family(text)
    function runmeta._is_distributed()
    function runmeta._is_schema(jsonb)
    function runmeta._is_split()
    function runmeta._keep_histories()
    function runmeta._last_change(timestamp with time zone[],double precision[],numeric)
    function runmeta._live_metadata(jsonb,text,text,timestamp with time zone)
    function runmeta._live_updated_at(timestamp with time zone,text,text,timestamp with time zone)
    function runmeta._live_version(bigint,text,text,timestamp with time zone)
    function runmeta._noted(text)
    function runmeta._progress(jsonb,timestamp with time zone,timestamp with time zone,text,text,numeric)
    function runmeta._recent_rate(timestamp with time zone[],double precision[],interval,timestamp with time zone,timestamp with time zone,numeric)
    function runmeta._record_change(integer,text,boolean,text,integer,text,text,text,timestamp with time zone,timestamp with time zone,timestamp with time zone)
    function runmeta._record_jobs(integer,regclass,text)
    function runmeta._rollup_of(text,text,integer,text,boolean)
    function runmeta._root_of(text)
    function runmeta._value_at(jsonb,text)
    function runmeta._worker_state()
    function runmeta.adapt(text,text,text,text[],jsonb,text,text,jsonb,interval,boolean)
    function runmeta.ancestors(text)
    function runmeta.append(text,text,jsonb,runmeta.target,integer)
    function runmeta.apply(text,jsonb,runmeta.target)
    function runmeta.apply_operations(jsonb,jsonb)
    function runmeta.contract(text,jsonb,text)
    function runmeta.contract_violations(text,integer,jsonb)
    function runmeta.decrement(text,text,numeric,runmeta.target)
    function runmeta.del(text,text,runmeta.target)
    function runmeta.deliver(integer)
    function runmeta.descendants(text)
    function runmeta.finish(text,text,integer)
    function runmeta.flush(jsonb,uuid,bigint)
    function runmeta.fold(integer)
    function runmeta.follow(integer)
    function runmeta.get(text)
    function runmeta.get(text,text)
    function runmeta.increment(text,text,numeric,runmeta.target)
    function runmeta.merge(text,jsonb,runmeta.target,text)
    function runmeta.number_at(jsonb,text)
    function runmeta.prune(timestamp with time zone,integer)
    function runmeta.prune_streams(timestamp with time zone,integer)
    function runmeta.remove(text,text,jsonb,runmeta.target)
    function runmeta.replace(text,jsonb,runmeta.target)
    function runmeta.rollup(text,text,integer,text,boolean)
    function runmeta.rollup_each(text[],text,integer,text,boolean)
    function runmeta.samples(text,text)
    function runmeta.set(text,text,jsonb,runmeta.target)
    function runmeta.set_status(text,text,integer)
    function runmeta.size(jsonb)
    function runmeta.start(text,jsonb,text,text,text[],text,integer)
    function runmeta.stream_append(text,text,jsonb,runmeta.target)
    function runmeta.stream_close(text,text,text,runmeta.target)
    function runmeta.stream_read(text,text,bigint,integer)
    function runmeta.streams(text)
    function runmeta.track(text,text,interval,integer)
    function runmeta.tree(text)
    function runmeta.unadapt(text,text,text,boolean)
    function runmeta.unapplied_operations(jsonb,jsonb)
    function runmeta.untrack(text,text)
    ");
}

const READS: &[&str] = &[
    "SELECT * FROM runmeta.run",
    "SELECT * FROM runmeta.activity",
    "SELECT * FROM runmeta.progress",
    "SELECT * FROM runmeta.task",
    "SELECT * FROM runmeta.task_summary",
    "SELECT * FROM runmeta.stuck_run",
    "SELECT * FROM runmeta.task_setting",
    "SELECT * FROM runmeta.contract",
    "SELECT * FROM runmeta.contract_violations('import', schema => '{}')",
    "SELECT runmeta.get('child')",
    "SELECT runmeta.get('child', 'key')",
    "SELECT runmeta.size('{}')",
    "SELECT runmeta.number_at('{}', 'key')",
    "SELECT runmeta.apply_operations('{}', '[]')",
    "SELECT runmeta.unapplied_operations('{}', '[]')",
    "SELECT * FROM runmeta.ancestors('child')",
    "SELECT * FROM runmeta.descendants('top')",
    "SELECT * FROM runmeta.tree('top')",
    "SELECT * FROM runmeta.rollup('top', 'key')",
    "SELECT * FROM runmeta.rollup_each('{top}', 'key')",
    "SELECT * FROM runmeta.stream_read('top', 'logs')",
    "SELECT * FROM runmeta.streams('top')",
    "SELECT * FROM runmeta.stream",
    "SELECT * FROM runmeta.stream_chunk",
    "SELECT * FROM runmeta.adapter",
    "SELECT * FROM runmeta.samples('top', 'key')",
    "SELECT * FROM runmeta.history",
    "SELECT * FROM runmeta.tracked",
];

const WRITES: &[&str] = &[
    "SELECT runmeta.start('other')",
    "SELECT runmeta.set('child', 'key', '1')",
    "SELECT runmeta.set('child', 'key', '1', target => 'root')",
    "SELECT runmeta.del('child', 'key')",
    "SELECT runmeta.replace('child', '{}')",
    "SELECT runmeta.merge('child', '{}')",
    "SELECT runmeta.append('child', 'list', '1')",
    "SELECT runmeta.remove('child', 'list', '1')",
    "SELECT runmeta.increment('child', 'count')",
    "SELECT runmeta.decrement('child', 'count')",
    "SELECT * FROM runmeta.apply('child', '[]')",
    "SELECT * FROM runmeta.flush('[]')",
    "SELECT * FROM runmeta.flush('[]', '00000000-0000-4000-8000-000000000001', 1)",
    "SELECT * FROM runmeta.flush('[{\"run\": \"other\", \"start\": {}, \"status\": \"paused\", \"finish\": {}}]')",
    "SELECT runmeta.follow()",
    "INSERT INTO runmeta.transition (run_id, adapter, status) VALUES ('queue:1', 1, 'queued')",
    "SELECT runmeta.stream_append('child', 'logs', '[1]')",
    "SELECT runmeta.stream_close('child', 'logs')",
    "SELECT * FROM runmeta.flush('[{\"run\": \"child\", \"streams\": {\"other\": [1]}}]')",
    "SELECT runmeta.set_status('child', 'paused')",
    "SELECT runmeta.finish('child')",
    "SELECT runmeta.start('child', attempt => 2)",
];

/// What is for the owner alone, however well a statement may be meant.
const OWNERS: &[&str] = &[
    "SELECT runmeta.prune(now())",
    "SELECT runmeta.prune_streams(now())",
    "SELECT runmeta.adapt('pg-boss')",
    "SELECT runmeta.unadapt('pg-boss')",
    "SELECT * FROM runmeta.transition",
    "SELECT * FROM runmeta.adapter_failure",
    "SELECT runmeta.track('import', 'rows')",
    "SELECT runmeta.untrack('import')",
    "DELETE FROM runmeta.history",
    "DELETE FROM runmeta.tracked",
    "DELETE FROM runmeta.stream",
    "DELETE FROM runmeta.stream_chunk",
    "DELETE FROM runmeta.run",
    "TRUNCATE runmeta.run",
    "UPDATE runmeta.run SET parent_id = NULL",
    "UPDATE runmeta.run SET id = 'mine'",
    "DELETE FROM runmeta.writer",
    "INSERT INTO runmeta.task_setting (task, done_key) VALUES ('import', 'rows')",
    "DELETE FROM runmeta.task_setting",
    "SELECT runmeta.contract('import', '{}')",
    "DELETE FROM runmeta.contract",
    "UPDATE runmeta.contract SET mode = 'warn'",
    "SELECT * FROM runmeta.schema_history",
    "DELETE FROM runmeta.schema_history",
    "CREATE TABLE runmeta.mine ()",
    "CREATE FUNCTION runmeta.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
];

async fn database_with_a_family() -> Database {
    let database = Database::new().await;
    database
        .connect()
        .await
        .batch_execute(
            "SELECT runmeta.start('top'); SELECT runmeta.start('child', parent_run_id => 'top')",
        )
        .await
        .unwrap();
    database
}

async fn assert_allowed(client: &Client, statements: &[&str]) {
    for statement in statements {
        if let Err(error) = client.batch_execute(statement).await {
            panic!("{statement}: {error:?}");
        }
    }
}

async fn assert_denied(client: &Client, statements: &[&str]) {
    for statement in statements {
        let refusal = refusal(client.batch_execute(statement).await);
        assert!(
            refusal.starts_with("42501: permission denied"),
            "{statement}: {refusal}"
        );
    }
}

#[tokio::test]
async fn reader_reads_and_changes_nothing() {
    let database = database_with_a_family().await;
    let reader = database.connect_as("runmeta_reader").await;
    assert_allowed(&reader, READS).await;
    assert_denied(&reader, WRITES).await;
    assert_denied(&reader, OWNERS).await;
}

#[tokio::test]
async fn writer_reads_and_writes_and_owns_nothing() {
    let database = database_with_a_family().await;
    let writer = database.connect_as("runmeta_writer").await;
    assert_allowed(&writer, READS).await;
    assert_allowed(&writer, WRITES).await;
    assert_denied(&writer, OWNERS).await;
}

#[tokio::test]
async fn everybody_else_can_do_nothing() {
    let database = database_with_a_family().await;
    // A role of Postgres' own that has no rights here, so that none has to be made.
    let stranger = database.connect_as("pg_signal_backend").await;
    assert_denied(&stranger, READS).await;
    assert_denied(&stranger, WRITES).await;
    assert_denied(&stranger, OWNERS).await;
}
