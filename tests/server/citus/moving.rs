//! Shards that move, and tables that are distributed, while sessions are at work.

use runmeta_migrations::{Layout, distribute};
use tokio::sync::oneshot;

use crate::harness::{Cluster, Database, is_citus, rows, until_one_waits};

/// Moves the shard of a tree to the other node, unless that takes long.
const MOVE: &str = "SELECT citus_move_shard_placement(s.shardid, s.nodename, s.nodeport, n.nodename, n.nodeport, 'block_writes')
    FROM citus_shards AS s, pg_dist_node AS n
    WHERE s.shardid = get_shard_id_for_distribution_column('runmeta.run', 'a'::text)
        AND n.groupid <> 0 AND n.nodename <> s.nodename";

#[tokio::test]
async fn shard_does_not_move_from_under_a_run_that_is_locked() {
    if !is_citus() {
        return;
    }
    let list = r#""operations": [{"type": "increment", "key": "n"}]"#;
    let calls = [
        "SELECT runmeta.increment('a', 'n')".to_owned(),
        format!("SELECT outcome FROM runmeta.flush('[{{\"run\": \"a\", {list}}}]')"),
        format!(
            "SELECT outcome FROM runmeta.flush('[{{\"run\": \"a\", \"status\": \"running\", {list}}}]')"
        ),
    ];
    let database = Database::new().await;
    let (holder, mover) = (database.connect().await, database.connect().await);
    holder
        .batch_execute(r#"SELECT runmeta.start('a', '{"n": 0}')"#)
        .await
        .unwrap();
    let settings = "SET client_min_messages = warning; SET statement_timeout = '3s'";
    mover.batch_execute(settings).await.unwrap();
    for call in &calls {
        holder.batch_execute("BEGIN").await.unwrap();
        let lock = "SELECT FROM runmeta.run WHERE root_id = 'a' AND id = 'a' FOR NO KEY UPDATE";
        holder.batch_execute(lock).await.unwrap();
        let waiter = database.connect().await;
        waiter
            .batch_execute("SET application_name = 'waiter'")
            .await
            .unwrap();
        let call = call.clone();
        let waits = tokio::spawn(async move { rows(&waiter, &call).await });
        until_one_waits(&mover, "waiter").await;
        let moved = mover.batch_execute(MOVE).await;
        assert_eq!(
            moved.unwrap_err().code().unwrap().code(),
            "57014",
            "{calls:?}"
        );
        holder.batch_execute("ROLLBACK").await.unwrap();
        waits.await.unwrap();
    }
    mover
        .batch_execute("SET statement_timeout = 0")
        .await
        .unwrap();
    mover.batch_execute(MOVE).await.unwrap();
    let query = "SELECT runmeta.increment('a', 'n'), runmeta.get('a', 'n')";
    assert!(rows(&mover, query).await.ends_with("| 4"));
}

#[tokio::test]
async fn session_at_work_while_the_tables_are_distributed_sees_it() {
    let Some(cluster) = Cluster::new().await else {
        return;
    };
    let mut client = cluster.connect(0).await;
    runmeta_migrations::migrate(&mut client).await.unwrap();
    rows(&client, "SELECT runmeta.start('a')").await;
    let worker = cluster.connect(0).await;
    let append = "SELECT runmeta.stream_append('a', 'logs', '[1]')";
    let (stop, mut stopped) = oneshot::channel();
    let at_work = tokio::spawn(async move {
        while stopped.try_recv().is_err() {
            // One that had waited is refused.
            let _ = worker.batch_execute(append).await;
        }
        worker
    });
    distribute(&mut client, Layout::Citus(2)).await.unwrap();
    stop.send(()).unwrap();
    let worker = at_work.await.unwrap();
    worker.batch_execute(append).await.unwrap();
    let flush = r#"SELECT outcome FROM runmeta.flush('[{"run": "a", "streams": {"logs": [2]}, "operations": [{"type": "increment", "key": "n"}]}]')"#;
    assert_eq!(rows(&worker, flush).await, "applied\napplied");
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.inbox").await,
        "0"
    );
}
