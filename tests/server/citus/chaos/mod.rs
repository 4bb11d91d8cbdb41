//! Writers on all nodes of a cluster change trees that they share, while backends are killed and nodes crash: each batch counts
//! exactly once.
//!
//! `RUNMETA_CHAOS_SECONDS=300` does so for five minutes, instead of 20 seconds. `--nocapture` prints what happened.

mod faults;
mod programs;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use runmeta_migrations::distribution;
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::harness::{OwnCluster, rows};

/// Trees that all writers change. Each is a root, a parent and a leaf at first.
const TREES: u64 = 12;
/// How many of them a batch changes.
const CHANGED: u64 = 4;
/// The nodes to which sessions of SQL are connected, one each.
const SESSIONS: [usize; 3] = [0, 1, 2];
/// The nodes to which programs with the Rust client are connected, one each.
const PROGRAMS: [usize; 2] = [0, 1];
/// Nobody waits longer for a batch: something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a writer knows of the others.
#[derive(Debug, Default)]
struct Writer {
    /// Batches that were answered.
    batches: AtomicU64,
    /// Attempts that failed, by their SQLSTATE.
    failures: Mutex<BTreeMap<String, u64>>,
}

impl Writer {
    fn failed(&self, code: &str) {
        let mut failures = self.failures.lock().unwrap();
        *failures.entry(code.to_owned()).or_default() += 1;
    }

    fn batches(&self) -> u64 {
        self.batches.load(Relaxed)
    }
}

/// Returns the trees that a batch of a writer changes, each one once.
fn trees(writer: usize, batch: u64) -> impl Iterator<Item = u64> {
    let first = batch * 5 + writer as u64;
    (0..CHANGED).map(move |tree| (first + tree * (TREES / CHANGED)) % TREES)
}

/// What a run has counted: of its own, and for those below.
type Counts = BTreeMap<String, (u64, u64)>;

/// Returns what is counted when each writer's batches have each been applied once.
fn expected(writers: &[Arc<Writer>]) -> Counts {
    let mut counts = Counts::new();
    for tree in 0..TREES {
        for run in ["root", "parent", "leaf"] {
            counts.insert(format!("{run} {tree}"), (0, 0));
        }
    }
    for (number, writer) in writers.iter().enumerate() {
        let is_session = number < SESSIONS.len();
        for batch in 1..=writer.batches() {
            for tree in trees(number, batch) {
                let own = match is_session {
                    true => format!("leaf {tree}"),
                    false => format!("leaf of {number} in {tree}"),
                };
                counts.entry(own).or_default().0 += 1;
                counts.entry(format!("parent {tree}")).or_default().1 += 2;
                counts.entry(format!("root {tree}")).or_default().1 += 3;
            }
            counts.insert(format!("root of {number}, {batch}"), (1, 0));
            if is_session {
                counts.insert(format!("child of {number}, {batch}"), (0, 0));
            }
        }
    }
    counts
}

/// Returns what is counted as this node sees it.
async fn found(client: &Client) -> Counts {
    let query = "
        SELECT id, coalesce((metadata ->> 'sent')::int8, 0), coalesce((metadata ->> 'done')::int8, 0) FROM runmeta.run";
    let found = client.query(query, &[]).await.unwrap();
    let counts = found.iter().map(|row| {
        let count = |column| u64::try_from(row.get::<_, i64>(column)).unwrap();
        (row.get(0), (count(1), count(2)))
    });
    counts.collect()
}

/// Returns the batches of programs that a run counted more than once, as "run | batch | times".
async fn repeated(client: &Client) -> String {
    let query = "
        SELECT r.id, b, count(*)
        FROM runmeta.run AS r, jsonb_array_elements(r.metadata -> 'batches') AS b
        GROUP BY 1, 2
        HAVING count(*) > 1";
    rows(client, query).await
}

/// Returns the runs that differ, and how.
fn differences(expected: &Counts, found: &Counts) -> Vec<String> {
    let runs: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let differing = runs
        .into_iter()
        .filter(|run| expected.get(*run) != found.get(*run));
    differing
        .map(|run| {
            format!(
                "{run}: {:?} sent, {:?} found",
                expected.get(run),
                found.get(run)
            )
        })
        .collect()
}

/// Ends what crashes have left in the middle of a commit, as each node does by itself from time to time.
async fn recover(cluster: &OwnCluster) {
    loop {
        let mut prepared = 0;
        for node in cluster.nodes() {
            let client = node.connect_again().await;
            let recover = "SELECT recover_prepared_transactions()";
            client.batch_execute(recover).await.unwrap();
        }
        for node in cluster.nodes() {
            let client = node.connect_again().await;
            let query = "SELECT count(*) FROM pg_prepared_xacts";
            prepared += rows(&client, query).await.parse::<u64>().unwrap();
        }
        if prepared == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn duration() -> Duration {
    let seconds = std::env::var("RUNMETA_CHAOS_SECONDS");
    Duration::from_secs(seconds.map_or(20, |seconds| seconds.parse().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_batch_counts_once_while_backends_are_killed_and_nodes_crash() {
    let Some(cluster) = OwnCluster::start().await else {
        return;
    };
    let client = cluster.nodes()[0].connect("postgres").await;
    for tree in 0..TREES {
        let start = format!(
            "SELECT runmeta.start('root {tree}');
            SELECT runmeta.start('parent {tree}', parent_run_id => 'root {tree}');
            SELECT runmeta.start('leaf {tree}', parent_run_id => 'parent {tree}')"
        );
        client.batch_execute(&start).await.unwrap();
    }
    drop(client);
    let nodes = SESSIONS.iter().chain(&PROGRAMS);
    let writers: Vec<Arc<Writer>> = nodes.map(|_| Arc::default()).collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for (number, node) in SESSIONS.into_iter().chain(PROGRAMS).enumerate() {
        let url = cluster.nodes()[node].url().to_owned();
        let (writer, is_over) = (writers[number].clone(), is_over.clone());
        if number < SESSIONS.len() {
            tasks.spawn(sessions::send(url, number, writer, is_over));
        } else {
            tasks.spawn(programs::send(url, number, writer, is_over));
        }
    }
    let began = Instant::now();
    let faults = faults::cause(&cluster, &writers, &mut tasks, began + duration()).await;
    is_over.store(true, Relaxed);
    let ended = tokio::time::timeout(PATIENCE, async {
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
        recover(&cluster).await;
    });
    ended.await.expect("writers and recovery come to an end");
    for (writer, node) in writers.iter().zip(SESSIONS.iter().chain(&PROGRAMS)) {
        println!(
            "node {node}: {} batches, failures {:?}",
            writer.batches(),
            writer.failures.lock().unwrap()
        );
    }
    println!("{faults:?} in {:?}", began.elapsed());

    let expected = expected(&writers);
    for node in cluster.nodes() {
        let client = node.connect("postgres").await;
        let differences = differences(&expected, &found(&client).await);
        assert!(
            differences.is_empty(),
            "{} differ: {differences:#?}, repeated: {}",
            differences.len(),
            repeated(&client).await
        );
    }
    let mut client = cluster.nodes()[0].connect("postgres").await;
    let found = distribution(&mut client).await.unwrap();
    assert!(found.is_consistent(), "{found}");
    // Each batch of a session appended one chunk to each stream.
    let chunks = "SELECT coalesce(sum(chunks), 0) FROM runmeta.stream";
    let sent: u64 = writers[..SESSIONS.len()]
        .iter()
        .map(|writer| writer.batches() * CHANGED)
        .sum();
    assert_eq!(rows(&client, chunks).await, sent.to_string());
}
