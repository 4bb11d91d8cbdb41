//! Tables that are distributed over the nodes of a Citus cluster: distributing them, what every node has then, and the way back.
//! Run by `scripts/with-citus`; without it, these tests do nothing.

mod refused;
mod rights;

use runmeta_migrations::{Layout, distribute, distribution, migrate};
use tokio_postgres::Client;

use crate::cli::program;
use crate::harness::{Cluster, Role, merged_output, rows};
use crate::schema::dumped_at;

/// Makes a database that is migrated and not distributed, with a family and a stream, if there is Citus.
async fn plain() -> Option<(Cluster, Client)> {
    Some(migrated(Cluster::new().await?).await)
}

async fn migrated(cluster: Cluster) -> (Cluster, Client) {
    let mut client = cluster.connect(0).await;
    migrate(&mut client).await.unwrap();
    run(&client, FAMILY).await;
    (cluster, client)
}

/// Makes one that is distributed.
async fn distributed() -> Option<(Cluster, Client)> {
    let (cluster, mut client) = plain().await?;
    distribute(&mut client, Layout::Citus(4)).await.unwrap();
    Some((cluster, client))
}

/// Makes a role that logs in and writes runs. What is done about a role of another database stays on one node.
async fn writer(cluster: &Cluster) -> Role {
    let role = Role::new();
    let name = role.quoted();
    for node in 0..3 {
        let rights = format!("ALTER ROLE {name} LOGIN; GRANT runmeta_writer TO {name}");
        run(&cluster.connect(node).await, &format!("{ALONE}; {rights}")).await;
    }
    role
}

/// Has the session change nothing but its node.
const ALONE: &str = "SET citus.enable_ddl_propagation = off";

async fn run(client: &Client, statements: &str) {
    client.batch_execute(statements).await.unwrap();
}

/// Runs the command on the coordinator and returns what it prints, and its status.
fn command(cluster: &Cluster, arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = program();
    command
        .args(arguments)
        .args(["--database-url", &cluster.url()]);
    let (output, status) = merged_output(command, "");
    (output, status.code())
}

const FAMILY: &str =
    "SELECT runmeta.start('top', '{\"n\": 1}'), runmeta.start('child', parent_run_id => 'top');
    SELECT runmeta.stream_append('top', 'logs', '[1, 2]')";

/// What there is of runs and of what belongs to them.
const CONTENTS: &str =
    "SELECT (SELECT count(*) FROM runmeta.run), (SELECT count(*) FROM runmeta.stream),
    (SELECT (metadata ->> 'n')::int8 FROM runmeta.run WHERE id = 'top')";

/// Where each table lies: by which column, and beside which others.
const TABLES: &str = "
    SELECT p.logicalrelid::text, p.partmethod::text,
        pg_catalog.column_to_column_name(p.logicalrelid, p.partkey),
        count(s.shardid),
        CASE WHEN p.colocationid = (SELECT colocationid FROM pg_dist_partition WHERE logicalrelid = 'runmeta.run'::regclass)
            THEN 'beside runs' ELSE 'apart' END
    FROM pg_dist_partition AS p JOIN pg_dist_shard AS s USING (logicalrelid)
    GROUP BY p.logicalrelid, p.partmethod, p.partkey, p.colocationid ORDER BY 2, 5 DESC, 1";

#[tokio::test]
async fn distributed_tables_lie_by_root_beside_runs_and_small_ones_on_every_node() {
    let Some((_cluster, mut client)) = distributed().await else {
        return;
    };
    let left = "SELECT pg_relation_size('runmeta.run') + pg_relation_size('runmeta.stream')";
    assert_eq!(rows(&client, left).await, "0");
    insta::assert_snapshot!(rows(&client, TABLES).await, @r"
    runmeta.history | h | root_id | 4 | beside runs
    runmeta.run | h | root_id | 4 | beside runs
    runmeta.run_root | h | id | 4 | beside runs
    runmeta.stream | h | root_id | 4 | beside runs
    runmeta.stream_chunk | h | root_id | 4 | beside runs
    runmeta.writer | h | id | 4 | apart
    runmeta.contract | n | NULL | 1 | apart
    runmeta.task_setting | n | NULL | 1 | apart
    runmeta.tracked | n | NULL | 1 | apart
    ");
    assert_eq!(rows(&client, CONTENTS).await, "2 | 1 | 1");
    let found = distribution(&mut client).await.unwrap();
    assert!(found.is_consistent(), "{found}");
    assert_eq!((found.layout, found.nodes.len()), (Layout::Citus(4), 3));
}

#[tokio::test]
async fn going_back_from_a_cluster_leaves_no_trace() {
    let Some((cluster, mut client)) = plain().await else {
        return;
    };
    let theirs = "CREATE INDEX run_tags_idx ON runmeta.run USING gin (tags);
        ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON runmeta.run FOR UPDATE TO runmeta_writer USING (id <> 'secret') WITH CHECK (true);
        GRANT SELECT ON runmeta.run TO pg_monitor";
    run(&client, theirs).await;
    let before = dumped_at(&cluster.url());
    for (layout, becomes) in [
        (Layout::Citus(0), Layout::Citus(8)),
        (Layout::Citus(8), Layout::Citus(8)),
        (Layout::Split, Layout::Citus(8)),
        (Layout::Partitions(3), Layout::Partitions(3)),
        (Layout::Citus(2), Layout::Citus(2)),
        (Layout::Plain, Layout::Plain),
    ] {
        assert_eq!(distribute(&mut client, layout).await.unwrap(), becomes);
        assert_eq!(rows(&client, CONTENTS).await, "2 | 1 | 1", "{layout}");
        let found = distribution(&mut client).await.unwrap();
        assert!(found.is_consistent(), "{found}");
    }
    pretty_assertions::assert_str_eq!(before, dumped_at(&cluster.url()));
    let left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'runmeta'::regnamespace AND relkind <> 'c'";
    assert_eq!(rows(&cluster.connect(1).await, left).await, "0");
}

/// Options that matter for how a table is stored, of tables or of their shards.
const STORED: &str = "
    SELECT regexp_replace(c.relname, '_[0-9]+$', '') AS name, c.reloptions::text, t.reloptions::text, (
        SELECT string_agg(format('%s %s %s %s', a.attname, a.attcompression, a.attstorage, a.attstattarget), ', ' ORDER BY a.attnum)
        FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.atttypid = ANY ('{jsonb,timestamptz[],float8[]}'::regtype[]))
    FROM pg_class AS c LEFT JOIN pg_class AS t ON t.oid = c.reltoastrelid
    WHERE c.relnamespace = 'runmeta'::regnamespace AND c.relkind = 'r'
        AND c.relname ~ '^(run|stream|stream_chunk|history|writer)SHARD$'
    GROUP BY 1, 2, 3, 4 ORDER BY 1";

#[tokio::test]
async fn shards_are_stored_as_the_tables_were() {
    let Some((cluster, mut client)) = plain().await else {
        return;
    };
    let before = rows(&client, &STORED.replace("SHARD", "")).await;
    distribute(&mut client, Layout::Citus(4)).await.unwrap();
    for node in [1, 2] {
        let worker = cluster.connect(node).await;
        run(&worker, "SET citus.override_table_visibility = off").await;
        let shards = rows(&worker, &STORED.replace("SHARD", "_[0-9]+")).await;
        pretty_assertions::assert_str_eq!(before, shards);
    }
}

#[tokio::test]
async fn what_was_migrated_before_there_was_a_cluster_is_made_on_its_nodes() {
    let Some(cluster) = Cluster::apart().await else {
        return;
    };
    let mut client = cluster.connect(0).await;
    migrate(&mut client).await.unwrap();
    run(&client, FAMILY).await;
    cluster.join(0..3).await;
    distribute(&mut client, Layout::Citus(4)).await.unwrap();
    let found = distribution(&mut client).await.unwrap();
    assert!(found.is_consistent(), "{found}");
    assert_eq!(rows(&client, CONTENTS).await, "2 | 1 | 1");
}

#[tokio::test]
async fn script_for_psql_distributes_and_takes_back() {
    let Some((cluster, mut client)) = plain().await else {
        return;
    };
    let before = dumped_at(&cluster.url());
    for (arguments, layout) in [
        (vec!["--citus", "--shards", "2"], Layout::Citus(2)),
        (vec!["--undo"], Layout::Plain),
    ] {
        let (script, _) = command(
            &cluster,
            &[&["distribute", "--dry-run"], arguments.as_slice()].concat(),
        );
        run(&client, &script).await;
        assert_eq!(distribution(&mut client).await.unwrap().layout, layout);
    }
    pretty_assertions::assert_str_eq!(before, dumped_at(&cluster.url()));
}

#[tokio::test]
async fn runs_inserted_or_deleted_by_hand_on_a_cluster_are_noticed_and_mended() {
    let Some((cluster, client)) = distributed().await else {
        return;
    };
    let (output, status) = command(&cluster, &["doctor"]);
    assert!(
        output.contains("ok: runs and their roots agree"),
        "{output}"
    );
    assert_eq!(status, Some(0), "{output}");
    run(
        &client,
        "INSERT INTO runmeta.run (root_id, id) VALUES ('by hand', 'by hand'), ('again', 'again');
        DELETE FROM runmeta.run WHERE id = 'child'",
    )
    .await;
    let (output, status) = command(&cluster, &["doctor"]);
    let expected = "The functions do not find 2 runs, inserted by hand. The ids of 1 run, deleted by hand, are taken.";
    assert!(output.contains(expected), "{output}");
    assert_eq!(status, Some(1));
    let (output, status) = command(&cluster, &["distribute", "--status"]);
    let expected =
        "runs that are not in runmeta.run_root: 2\nrows of runmeta.run_root without a run: 1";
    assert!(output.contains(expected), "{output}");
    assert_eq!(status, Some(1));
    for again in ["--split", "--citus"] {
        assert_eq!(command(&cluster, &["distribute", again]).1, Some(0));
        assert_eq!(command(&cluster, &["distribute", "--status"]).1, Some(0));
        run(&client, "DELETE FROM runmeta.run WHERE id = 'again'").await;
    }
}

#[tokio::test]
async fn another_migration_leaves_distributed_tables_and_makes_what_nodes_lack() {
    let Some((cluster, mut client)) = distributed().await else {
        return;
    };
    let worker = cluster.connect(1).await;
    run(
        &worker,
        "REVOKE EXECUTE ON FUNCTION runmeta.size FROM runmeta_reader, runmeta_writer",
    )
    .await;

    let (output, status) = command(&cluster, &["distribute", "--status"]);
    assert!(output.contains("rights missing: 2"), "{output}");
    assert_eq!(status, Some(1));
    let (output, status) = command(&cluster, &["doctor"]);
    let expected = " has 2 rights less.\nhint: Run: runmeta migrate, on the coordinator.";
    assert!(output.contains(expected), "{output}");
    assert_eq!(status, Some(1));
    run(&client, "DROP VIEW runmeta.activity, runmeta.layout").await;
    assert!(migrate(&mut client).await.unwrap().is_empty());
    let found = distribution(&mut client).await.unwrap();
    assert!(found.is_consistent(), "{found}");
    assert_eq!(found.layout, Layout::Citus(4));
    let agree = "SELECT unregistered, stale FROM runmeta.layout";
    assert_eq!(rows(&client, agree).await, "0 | 0");
    let figures = "SELECT unfinished_runs, run_bytes > 65536 FROM runmeta.activity";
    assert_eq!(rows(&client, figures).await, "2 | t");
}

#[tokio::test]
async fn shards_move_to_a_node_that_joins_while_runs_are_written() {
    let Some(cluster) = Cluster::apart().await else {
        return;
    };
    cluster.join(0..2).await;
    let (cluster, mut client) = migrated(cluster).await;
    distribute(&mut client, Layout::Citus(4)).await.unwrap();
    let batch = "SELECT jsonb_agg(jsonb_build_object('run', 'run ' || n, '{}', {})) FROM generate_series(1, 40) AS n";
    let flush = |member: &str, value: &str| {
        let batch = batch.replacen("{}", member, 1).replacen("{}", value, 1);
        format!("SELECT outcome, count(*) FROM runmeta.flush(({batch})) GROUP BY 1")
    };
    let starts = flush("start", "'{}'::jsonb");
    assert_eq!(rows(&client, &starts).await, "applied | 40");

    cluster.join(2..3).await;
    let found = distribution(&mut client).await.unwrap();
    assert!(!found.is_consistent(), "{found}");
    migrate(&mut client).await.unwrap();
    let found = distribution(&mut client).await.unwrap();
    assert!(found.is_consistent(), "{found}");

    let increment = flush(
        "operations",
        r#"'[{"type": "increment", "key": "n"}]'::jsonb"#,
    );
    let (stop, mut stopped) = tokio::sync::oneshot::channel();
    let other = cluster.connect(0).await;
    let rebalance = tokio::spawn(async move {
        let rebalance = "SET client_min_messages = warning; SELECT rebalance_table_shards(shard_transfer_mode => 'block_writes')";
        other.batch_execute(rebalance).await.unwrap();
        stop.send(()).unwrap();
    });
    let mut flushes = 0;
    while stopped.try_recv().is_err() {
        assert_eq!(rows(&client, &increment).await, "applied | 40");
        flushes += 1;
    }
    rebalance.await.unwrap();
    assert_eq!(rows(&client, &increment).await, "applied | 40");
    let counted = format!(
        "SELECT count(*) FROM runmeta.run WHERE metadata = '{{\"n\": {}}}'",
        flushes + 1
    );
    assert_eq!(rows(&client, &counted).await, "40");
    let moved = "SELECT count(*) > 0 FROM citus_shards WHERE table_name = 'runmeta.run'::regclass AND nodename ~ 'worker-2'";
    assert_eq!(rows(&client, moved).await, "t");
    let found = distribution(&mut client).await.unwrap();
    assert!(found.is_consistent(), "{found}");
}
