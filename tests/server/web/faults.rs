//! Readers of events while connections and the database are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::task::JoinSet;

use super::Web;
use super::reader::{Next, Reader, View};
use crate::harness::{Database, OwnServer, until_worker_runs};

const RUNS: usize = 10;
/// Readers of each run.
const READERS: usize = 3;

/// The session that listens for the gateway, but for those that were killed.
const LISTENING: &str = "SELECT pid FROM pg_stat_activity WHERE application_name = 'runmeta serve'
    AND datname = current_database() AND pid <> ALL ($1) AND query LIKE '%runmeta.%' AND state = 'idle'";

/// Counts up a run until it is to end, and finishes it. Returns how far it came.
async fn work(server: tokio_postgres::Client, run: usize, ends: Arc<AtomicBool>) -> (usize, i64) {
    let id = format!("run {run}");
    let mut count = 0;
    while !ends.load(Relaxed) {
        let increment = "SELECT runmeta.increment($1, 'n')";
        server.execute(increment, &[&id]).await.unwrap();
        count += 1;
    }
    let finish = "SELECT runmeta.finish($1)";
    server.execute(finish, &[&id]).await.unwrap();
    (run, count)
}

/// Follows a run to its end without a reconnect, and returns what was seen.
async fn follow(mut reader: Reader) -> View {
    let mut view = View::default();
    loop {
        match reader.next().await {
            Next::Event(event) => view.take(&event),
            Next::End => return view,
            Next::Broken => panic!("a reader was cut"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_lose_nothing_though_listening_connections_are_killed() {
    let database = Database::with_worker().await;
    let server = database.connect().await;
    let start = format!(
        "SELECT count(runmeta.start('run ' || n)) FROM generate_series(0, {}) AS n",
        RUNS - 1
    );
    server.batch_execute(&start).await.unwrap();
    let web = Web::start(&database).await;
    let mut readers = JoinSet::new();
    for run in 0..RUNS {
        for _ in 0..READERS {
            let reader = Reader::of(&web, &format!("/v1/runs/run%20{run}/events")).await;
            readers.spawn(async move { (run, follow(reader).await) });
        }
    }
    let mut all = Reader::of(&web, "/v1/events?all&select=n").await;
    let ends = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for run in 0..RUNS {
        workers.spawn(work(database.connect().await, run, ends.clone()));
    }
    let mut killed: Vec<i32> = Vec::new();
    for _ in 0..8 {
        let listening = loop {
            all.event().await;
            if let Some(row) = server
                .query_opt(LISTENING, &[&killed])
                .await
                .unwrap_or(None)
            {
                break row.get(0);
            }
        };
        let kill = "SELECT pg_terminate_backend($1::int4)";
        server.execute(kill, &[&listening]).await.unwrap();
        killed.push(listening);
    }
    let worker = until_worker_runs(&server).await;
    server
        .execute("SELECT pg_terminate_backend($1::int4)", &[&worker])
        .await
        .unwrap();
    ends.store(true, Relaxed);
    let counts: std::collections::HashMap<_, _> = workers.join_all().await.into_iter().collect();
    let views = readers.join_all().await;
    assert_eq!(views.len(), RUNS * READERS);
    for (run, view) in views {
        assert_eq!(view.object["metadata"]["n"], counts[&run]);
        assert_eq!(
            view.object,
            web.get(&format!("/v1/runs/run%20{run}")).await.body
        );
        assert!(view.has_ended && view.changes > 0, "{view:?}");
    }
    let mut finished = 0;
    while finished < RUNS {
        let event = all.event().await;
        let run = if event.name == "change" {
            &event.data["patch"]
        } else {
            &event.data
        };
        finished += usize::from(run.get("finished_at").is_some());
    }
}

#[tokio::test]
async fn database_that_stops_and_starts_again_shows_as_a_pause() {
    let server = OwnServer::start().await;
    let session = server.connect("postgres").await;
    let start = "SELECT runmeta.start('a', '{\"n\": 0}'), runmeta.stream_append('a', 's', '[0]')";
    session.batch_execute(start).await.unwrap();
    let web = Web::of(server.url().to_owned(), |_| ()).await;
    let mut run = Reader::of(&web, "/v1/runs/a/events").await;
    let mut set = Reader::of(&web, "/v1/events?all").await;
    let mut chunks = Reader::of(&web, "/v1/runs/a/streams/s").await;
    let mut view = View::default();
    view.take(&run.event().await);
    assert_eq!(set.event().await.name, "snapshot");
    assert_eq!(set.event().await.name, "ready");
    assert_eq!(chunks.event().await.id, "0");
    server.crash().await;
    let session = server.connect_again().await;
    let change = "SELECT runmeta.stream_append('a', 's', '[1]'), runmeta.set('a', 'n', '1');
        SELECT runmeta.finish('a')";
    session.batch_execute(change).await.unwrap();
    assert_eq!(chunks.event().await.id, "1");
    assert_eq!(chunks.event().await.name, "end");
    while !view.has_ended {
        view.take(&run.event().await);
    }
    assert_eq!(view.object["metadata"]["n"], 1);
    assert_eq!(set.event().await.data["id"], "a");
}
