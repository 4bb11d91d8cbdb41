//! What happens to the nodes meanwhile.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::RngExt;
use tokio::task::JoinSet;

use super::{PATIENCE, Writer};
use crate::harness::{OwnCluster, OwnServer, seeded};

/// How often a backend is killed until a node crashes.
const KILLS: u32 = 5;

/// How often what was done.
#[derive(Debug, Default)]
pub struct Faults {
    /// Backends that were killed on each node, each of which has its node end all others and recover.
    kills: [u32; 3],
    /// Nodes that were stopped and started.
    crashes: u32,
    /// The longest time from a fault until each writer has had an answer.
    longest: Duration,
}

const BACKEND: &str = "
    SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    ORDER BY random() LIMIT 1";

/// Kills a backend that the node has: of a writer, or one that works for another node. False if there is none any more.
async fn kill(node: &OwnServer) -> bool {
    let client = node.connect_again().await;
    let Ok(found) = client.query(BACKEND, &[]).await else {
        return false;
    };
    let Some(row) = found.first() else {
        return false;
    };
    let process = row.get::<_, i32>(0).to_string();
    let kill = Command::new("kill").args(["-9", &process]).status();
    kill.unwrap().success()
}

/// Returns once each writer has had an answer to a batch that it sent after this was called.
async fn until_all_go_on(writers: &[Arc<Writer>], tasks: &mut JoinSet<()>) {
    let before: Vec<u64> = writers.iter().map(|writer| writer.batches()).collect();
    let went_on = |(writer, before): (&Arc<Writer>, &u64)| writer.batches() >= before + 2;
    let began = Instant::now();
    while !writers.iter().zip(&before).all(went_on) {
        if let Some(ended) = tasks.try_join_next() {
            panic!("a writer has ended: {ended:?}");
        }
        assert!(
            began.elapsed() < PATIENCE,
            "a writer does not go on: {before:?} {writers:?}"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Kills backends and has nodes crash until `end`, each time when all writers have gone on since the last time.
pub async fn cause(
    cluster: &OwnCluster,
    writers: &[Arc<Writer>],
    tasks: &mut JoinSet<()>,
    end: Instant,
) -> Faults {
    let (_, mut runner) = seeded();
    let nodes = cluster.nodes();
    let mut faults = Faults::default();
    let mut number = 0;
    until_all_go_on(writers, tasks).await;
    while Instant::now() < end {
        // Somewhere in a batch.
        let pause = runner.rng().random_range(0..100);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        number += 1;
        let began = Instant::now();
        if number % KILLS == 0 {
            let worker = &nodes[runner.rng().random_range(1..nodes.len())];
            worker.crash().await;
            faults.crashes += 1;
        } else {
            let node = runner.rng().random_range(0..nodes.len());
            faults.kills[node] += u32::from(kill(&nodes[node]).await);
        }
        until_all_go_on(writers, tasks).await;
        faults.longest = faults.longest.max(began.elapsed());
    }
    faults
}
