//! A load on a family of runs, and the proof that all of it arrived exactly once and in order.

use std::sync::Arc;

use runmeta_client::{Client, NewRun};
use serde_json::Value;
use tokio::task::JoinSet;

/// Tasks that say something at the same time, each on a run of its own.
const TASKS: usize = 16;

/// Rounds of each: 10,000 in all. In each round a task counts and appends to its run, to the parent and to the root.
const ROUNDS: usize = 625;

/// How often a task waits until everything is committed, so that the load is many flushes.
const FLUSH_EVERY: usize = 25;

/// Parents, of four tasks each. All have one root.
const PARENTS: usize = 4;

/// Runs the load. Before each round of the first task, and with its number, `disturb` may do something to the server.
pub async fn load<F>(client: &Client, disturb: impl Fn(usize) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + Send,
{
    client.start(NewRun::new("root")).await.unwrap();
    for parent in 0..PARENTS {
        client
            .start(NewRun::new(format!("parent {parent}")).parent("root"))
            .await
            .unwrap();
    }
    let disturb = Arc::new(disturb);
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let run = NewRun::new(format!("child {task}")).parent(format!("parent {}", task % PARENTS));
        let metadata = client.start(run).await.unwrap().metadata();
        let disturb = disturb.clone();
        tasks.spawn(async move {
            for round in 0..ROUNDS {
                if task == 0 {
                    disturb(round).await;
                }
                for target in [metadata.clone(), metadata.parent(), metadata.root()] {
                    target.increment("count", 1).append("log", (task, round));
                }
                if round % FLUSH_EVERY == FLUSH_EVERY - 1 {
                    metadata.flush().await.unwrap();
                } else {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// Asserts that the documents in the database are those of the load.
pub async fn assert_complete(database: &tokio_postgres::Client) {
    let rows = database
        .query("SELECT id, runmeta.get(id) FROM runmeta.run", &[])
        .await
        .unwrap();
    assert_eq!(rows.len(), 1 + PARENTS + TASKS);
    for row in rows {
        let (id, document): (String, Value) = (row.get(0), row.get(1));
        let tasks: Vec<usize> = match id.split_once(' ') {
            Some(("parent", parent)) => (0..TASKS)
                .filter(|task| (task % PARENTS).to_string() == parent)
                .collect(),
            Some((_, task)) => vec![task.parse().unwrap()],
            None => (0..TASKS).collect(),
        };
        assert_eq!(document["count"], tasks.len() * ROUNDS, "{id}");
        let log: Vec<(usize, usize)> = serde_json::from_value(document["log"].clone()).unwrap();
        assert_eq!(log.len(), tasks.len() * ROUNDS, "{id}");
        for task in tasks {
            let rounds = log
                .iter()
                .filter(|(of, _)| *of == task)
                .map(|(_, round)| *round);
            assert!(
                rounds.eq(0..ROUNDS),
                "what task {task} said on {id} is out of order"
            );
        }
    }
}
