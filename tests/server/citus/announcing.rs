//! A client that listens on several nodes sees what sessions of each change, and again after one of them was restarted.

use std::time::Duration;

use runmeta_client::{Builder, Snapshots, Watch};
use serde_json::json;
use tokio::time::timeout;

use crate::harness::{OwnCluster, OwnServer, until};

/// Nobody waits longer: something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const LISTENING: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity
    WHERE query ILIKE 'listen%' AND datname = current_database() AND pid <> pg_backend_pid())";

/// Changes a run by a session of this node, as soon as all nodes that take part take it.
async fn set(node: &OwnServer, run: &str, value: i64) {
    let set = format!("SELECT runmeta.set('{run}', 'n', '{value}')");
    let tries = async {
        loop {
            let client = node.connect_again().await;
            if client.batch_execute(&set).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, tries)
        .await
        .expect("a node takes no change");
}

/// Returns once the watch shows this value.
async fn until_seen(run: &mut Snapshots, value: i64) {
    loop {
        let next = timeout(PATIENCE, run.next()).await;
        let snapshot = next.expect("no snapshot comes").expect("the watch ends");
        if snapshot.metadata() == json!({"n": value}) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_see_changes_of_every_node_that_they_listen_to_and_outlast_its_restart() {
    let Some(cluster) = OwnCluster::start().await else {
        return;
    };
    let nodes = &cluster.nodes()[..2];
    // It would not poll within the patience of the test.
    let builder = Builder::url(nodes[0].url())
        .also_listen_url(nodes[1].url())
        .poll_interval(Duration::from_secs(3600));
    let client = builder.connect().await.unwrap();
    let mut runs = Vec::new();
    for (node, run) in nodes.iter().zip(["a", "b"]) {
        let session = node.connect("postgres").await;
        let start = format!("SELECT runmeta.start('{run}')");
        session.batch_execute(&start).await.unwrap();
        runs.push(client.watch(Watch::run(run)).await.unwrap());
    }
    let mut value = 0;
    for restarted in [None, Some(1), Some(0), None] {
        if let Some(node) = restarted {
            nodes[node].crash().await;
        }
        // What is changed meanwhile is read when it listens again, and what is changed after that is announced.
        for is_listening in [false, true] {
            if is_listening {
                let worker = nodes[1].connect_again().await;
                let listening = timeout(PATIENCE, until(&worker, LISTENING));
                listening.await.expect("it does not listen");
            }
            for node in nodes {
                for (run, name) in runs.iter_mut().zip(["a", "b"]) {
                    value += 1;
                    set(node, name, value).await;
                    until_seen(run, value).await;
                }
            }
        }
    }
}
