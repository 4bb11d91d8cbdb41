//! Reading runs: what is not there, numbers in documents, and tables that were changed by their owner.

use tokio_postgres::Client;

use crate::harness::{Database, by_hand, is_partitioned, refusal, rows};

async fn database_with_a_family() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            r#"SELECT runmeta.start('top', '{"n": 1, "nothing": null}', task => 'import', tags => '{a,b}');
            SELECT runmeta.start('child', '{"n": 2}', 'top', 'part');"#,
        )
        .await
        .unwrap();
    (database, client)
}

/// Calls that read, each as a query that gives how much it found.
const READS: &[&str] = &[
    "SELECT count(runmeta.get($run))",
    "SELECT count(runmeta.get($run, 'n'))",
    "SELECT count(runmeta.get($run, '$.n'))",
    "SELECT count(*) FROM runmeta.ancestors($run)",
    "SELECT count(*) FROM runmeta.descendants($run)",
    "SELECT count(*) FROM runmeta.tree($run)",
    "SELECT count(*) FROM runmeta.rollup($run, 'n')",
    "SELECT count(*) FROM runmeta.rollup($run, 'n', 1, 'part', true)",
    "SELECT count(*) FROM runmeta.rollup_each(ARRAY[$run], 'n')",
];

#[tokio::test]
async fn reading_a_run_that_is_not_there_finds_nothing() {
    let (_database, client) = database_with_a_family().await;
    for read in READS {
        for run in ["'nobody'", "''", "repeat('x', 10000)", "NULL::text"] {
            let query = read.replace("$run", run);
            assert_eq!(rows(&client, &query).await, "0", "{query}");
        }
    }
    let jobs = "SELECT j.id, runmeta.get(j.id), runmeta.get(j.id, 'n'), r.sum
        FROM (VALUES ('top'), ('nobody'), ('child')) AS j (id)
        LEFT JOIN LATERAL runmeta.rollup(j.id, 'n') AS r ON true";
    insta::assert_snapshot!(rows(&client, jobs).await, @r#"
    top | {"n": 1, "nothing": null} | 1 | 2
    nobody | NULL | NULL | NULL
    child | {"n": 2} | 2 | NULL
    "#);
}

#[tokio::test]
async fn null_key_reads_nothing_and_json_null_is_not_nothing() {
    let (_database, client) = database_with_a_family().await;
    let keys = "SELECT runmeta.get('top', NULL), runmeta.get('top', 'nothing'), runmeta.get('top', 'none'),
        (SELECT count(*) FROM runmeta.rollup('top', NULL)), (SELECT count(*) FROM runmeta.rollup_each('{top}', NULL))";
    assert_eq!(rows(&client, keys).await, "NULL | null | NULL | 0 | 0");
}

#[tokio::test]
async fn path_that_cannot_be_read_is_refused_also_where_there_is_no_run() {
    let (_database, client) = database_with_a_family().await;
    for run in ["'top'", "'nobody'", "NULL"] {
        for read in [
            "runmeta.get($run, '$.a[*]')",
            "runmeta.rollup($run, '$.a[*]')",
            "runmeta.rollup_each(ARRAY[$run], '$.a[*]')",
        ] {
            let statement = format!("SELECT {}", read.replace("$run", run));
            let refusal = refusal(client.batch_execute(&statement).await);
            assert!(
                refusal.starts_with("22023: bad path: \"$.a[*]\"\n"),
                "{statement}: {refusal}"
            );
        }
    }
}

#[tokio::test]
async fn number_at_is_null_for_what_is_no_number() {
    let database = Database::new().await;
    let client = database.connect().await;
    let document = r#"{"whole": 7, "exact": 0.10, "big": 123456789012345678901234567890.000000000000000000001, "huge": 1e400,
        "tiny": -1e-400, "zero": 0, "text": "7", "true": true, "null": null, "list": [1, 2.5], "object": {"n": 3}, "a.b": 4, "": 5}"#;
    let numbers = format!(
        "SELECT k, n, pg_typeof(n) FROM (SELECT k, runmeta.number_at($document${document}$document$, k) AS n
         FROM unnest('{{whole,exact,big,zero,text,true,\"null\",list,object,none,a.b,\"\",$.list[1],$.list.-1,$.list[2],$.object.n,$.text.n,NULL}}'::text[]) AS k) AS v"
    );
    insta::assert_snapshot!(rows(&client, &numbers).await, @"
    whole | 7 | numeric
    exact | 0.10 | numeric
    big | 123456789012345678901234567890.000000000000000000001 | numeric
    zero | 0 | numeric
    text | NULL | numeric
    true | NULL | numeric
    null | NULL | numeric
    list | NULL | numeric
    object | NULL | numeric
    none | NULL | numeric
    a.b | 4 | numeric
     | 5 | numeric
    $.list[1] | 2.5 | numeric
    $.list.-1 | 2.5 | numeric
    $.list[2] | NULL | numeric
    $.object.n | 3 | numeric
    $.text.n | NULL | numeric
    NULL | NULL | numeric
    ");
    let same = format!(
        "SELECT bool_and(runmeta.number_at(d, k) = (d->>k)::numeric), sum(runmeta.number_at(d, k)) = sum((d->>k)::numeric)
         FROM (SELECT $document${document}$document$::jsonb AS d) AS v, unnest('{{whole,exact,big,huge,tiny,zero}}'::text[]) AS k"
    );
    assert_eq!(rows(&client, &same).await, "t | t");
    let others = "SELECT runmeta.number_at('7', ''), runmeta.number_at('[1, 2]', '$.[1]'), runmeta.number_at('[1, 2]', '1'), runmeta.number_at(NULL, 'k')";
    insta::assert_snapshot!(rows(&client, others).await, @"NULL | 2 | NULL | NULL");
    let refusal = refusal(
        client
            .batch_execute("SELECT runmeta.number_at('{}', '$.a[*]')")
            .await,
    );
    assert!(
        refusal.starts_with("22023: bad path: \"$.a[*]\"\n"),
        "{refusal}"
    );
}

#[tokio::test]
async fn average_of_a_key_passes_over_texts() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            r#"SELECT runmeta.start('a', '{"rows": 1}'), runmeta.start('b', '{"rows": "many"}'), runmeta.start('c', '{"rows": 2.5}'), runmeta.start('d')"#,
        )
        .await
        .unwrap();
    let average = "SELECT round(avg(runmeta.number_at(metadata, 'rows')), 2) FROM runmeta.run";
    assert_eq!(rows(&client, average).await, "1.75");
    // An index on it is possible, as it is immutable.
    client
        .batch_execute("CREATE INDEX ON runmeta.run (runmeta.number_at(metadata, 'rows'))")
        .await
        .unwrap();
}

#[tokio::test]
async fn columns_of_other_types_are_read_as_the_functions_declare_them() {
    if is_partitioned() {
        return; // It looks at one table.
    }
    let (_database, client) = database_with_a_family().await;
    client
        .batch_execute(
            "DROP VIEW IF EXISTS runmeta.layout; DROP POLICY IF EXISTS of_visible_runs ON runmeta.run_root;
             DROP VIEW runmeta.progress, runmeta.task_summary, runmeta.task, runmeta.stuck_run, runmeta.live_run, runmeta.activity; DROP POLICY of_visible_runs ON runmeta.unapplied; DROP POLICY of_visible_runs ON runmeta.stream; DROP POLICY of_visible_runs ON runmeta.history;
             ALTER TABLE runmeta.run ALTER COLUMN task TYPE varchar(100), ALTER COLUMN status TYPE varchar(20),
                ALTER COLUMN tags TYPE varchar(50)[], ALTER COLUMN version TYPE numeric, ALTER COLUMN depth TYPE bigint,
                ALTER COLUMN attempt TYPE bigint, ALTER COLUMN created_at TYPE timestamptz(0),
                ALTER COLUMN updated_at TYPE timestamp, ALTER COLUMN started_at TYPE date, ALTER COLUMN finished_at TYPE timestamp;
             ALTER TABLE runmeta.run ALTER COLUMN root_id TYPE varchar(255) COLLATE \"C\", ALTER COLUMN id TYPE varchar(255) COLLATE \"C\",
                ALTER COLUMN parent_id TYPE varchar(255) COLLATE \"C\";",
        )
        .await
        .unwrap();
    for (read, found) in READS
        .iter()
        .zip(["1", "1", "1", "0", "1", "2", "1", "1", "1"])
    {
        let query = read.replace("$run", "'top'");
        assert_eq!(rows(&client, &query).await, found, "{query}");
    }
    let parent = "SELECT id, task, tags FROM runmeta.ancestors('child')";
    assert_eq!(rows(&client, parent).await, "top | import | {a,b}");
}

#[tokio::test]
async fn rows_of_the_greatest_depth_are_read() {
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    client
        .batch_execute(
            r#"INSERT INTO runmeta.run (root_id, id, parent_id, depth, metadata) VALUES
                ('top', 'deep', 'top', 2147483646, '{"n": 1}'), ('top', 'deepest', 'deep', 2147483647, '{"n": 2}'),
                ('top', 'below', 'deepest', 2147483647, '{"n": 4}')"#,
        )
        .await
        .unwrap();
    let reads = "SELECT string_agg(id || ' ' || depth, ', ') FROM runmeta.tree('deepest');
        SELECT string_agg(id || ' ' || depth, ', ') FROM runmeta.tree('deep');
        SELECT string_agg(id || ' ' || depth, ', ') FROM runmeta.descendants('deep');
        SELECT string_agg(id || ' ' || depth, ', ') FROM runmeta.descendants('deepest');
        SELECT string_agg(id || ' ' || depth, ', ') FROM runmeta.ancestors('deepest');
        SELECT count, sum FROM runmeta.rollup('deep', 'n', 2147483647, include_self => true);
        SELECT count, sum FROM runmeta.rollup('deepest', 'n', include_self => true)";
    insta::assert_snapshot!(rows(&client, reads).await, @"
    deepest 0
    deep 0, deepest 1
    deepest 2147483647
    NULL
    deep 2147483646
    2 | 3
    1 | 2
    ");
}
