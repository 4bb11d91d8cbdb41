//! Watching while connections, workers and notifications are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use runmeta_client::{Builder, Client, Snapshots, Watch};
use tokio::task::JoinSet;

use super::{connect, line, next, until};
use crate::harness::{Database, OwnServer, until as until_true, until_worker_runs};
use crate::notify::server_with_small_queue;

const RUNS: usize = 40;

/// The session of the watchers, once it has read something, but for those that were killed.
const LISTENING: &str = "SELECT pid FROM pg_stat_activity WHERE application_name = 'watchers'
    AND datname = current_database() AND pid <> ALL ($1) AND query <> ''";

/// Counts up a run until it is to end, and finishes it. Returns how far it came.
async fn work(server: tokio_postgres::Client, run: usize, ends: Arc<AtomicBool>) -> (usize, i64) {
    let id = format!("run {run}");
    let mut count = 0;
    while !ends.load(Relaxed) {
        let increment = "SELECT runmeta.increment($1, 'n')";
        server.execute(increment, &[&id]).await.unwrap();
        count += 1;
    }
    server
        .execute("SELECT runmeta.finish($1)", &[&id])
        .await
        .unwrap();
    (run, count)
}

/// Takes snapshots to the end, each newer than the one before, and returns how far the run came.
async fn follow(mut runs: Snapshots) -> i64 {
    let (mut version, mut count) = (0, 0);
    while let Some(snapshot) = next(&mut runs).await {
        assert!(snapshot.version() > version, "{snapshot:?} after {version}");
        let n = snapshot.get("n").unwrap_or(0);
        assert!(n >= count);
        (version, count) = (snapshot.version(), n);
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn all_end_with_the_final_state_though_listeners_and_workers_are_killed() {
    let database = Database::with_worker().await;
    let server = database.connect().await;
    let start = format!(
        "SELECT count(runmeta.start('run ' || n)) FROM generate_series(0, {}) AS n",
        RUNS - 1
    );
    server.batch_execute(&start).await.unwrap();
    let builder = Builder::url(&database.url()).application_name("watchers");
    let client = builder.connect().await.unwrap();
    let mut watchers = JoinSet::new();
    for run in 0..RUNS {
        let watch = Watch::run(format!("run {run}"));
        let runs = client.watch(watch).await.unwrap();
        watchers.spawn(async move { (run, follow(runs).await) });
    }
    let mut all = client.watch(Watch::all().select(["n"])).await.unwrap();

    let ends = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for run in 0..RUNS {
        workers.spawn(work(database.connect().await, run, ends.clone()));
    }
    let mut killed: Vec<i32> = Vec::new();
    for round in 0..12 {
        // A listener that lives, and has brought something.
        let listening = loop {
            next(&mut all).await.unwrap();
            if let Some(row) = server.query_opt(LISTENING, &[&killed]).await.unwrap() {
                break row.get(0);
            }
        };
        let kill = "SELECT pg_terminate_backend($1::int4)";
        server.execute(kill, &[&listening]).await.unwrap();
        killed.push(listening);
        if round % 3 == 2 {
            let worker = until_worker_runs(&server).await;
            server.execute(kill, &[&worker]).await.unwrap();
        }
    }
    ends.store(true, Relaxed);
    let mut counts = workers.join_all().await;
    let mut seen = watchers.join_all().await;
    counts.sort();
    seen.sort();
    assert_eq!(seen, counts);
    let mut finished = vec![None; RUNS];
    while finished.iter().any(Option::is_none) {
        let snapshot = next(&mut all).await.unwrap();
        let run: usize = snapshot.id()["run ".len()..].parse().unwrap();
        if snapshot.is_finished() {
            finished[run] = snapshot.get("n");
        }
    }
    let expected: Vec<_> = counts.iter().map(|(_, count)| Some(*count)).collect();
    assert_eq!(finished, expected);
}

/// Changes a run without a notification of it, and notifies that everything may have changed.
const QUIETLY: &str =
    "SET runmeta.notify = off; SELECT runmeta.set('a', 'n', '1'); SELECT runmeta.start('b');
    DELETE FROM runmeta.run WHERE id = 'c'; RESET runmeta.notify;";

#[tokio::test]
async fn resync_brings_everything_that_was_not_announced() {
    let database = Database::new().await;
    let server = database.connect().await;
    let client = connect(&database).await;
    let start = "SELECT runmeta.start('a'), runmeta.start('c')";
    server.batch_execute(start).await.unwrap();
    let mut one = client.watch(Watch::run("a")).await.unwrap();
    let mut all = client.watch(Watch::all()).await.unwrap();
    line(&mut one).await;
    let mut seen = vec![line(&mut all).await, line(&mut all).await];
    server.batch_execute(QUIETLY).await.unwrap();
    let resync = "SELECT pg_notify('runmeta', '{\"resync\": true}')";
    server.batch_execute(resync).await.unwrap();
    assert_eq!(line(&mut one).await, r#"a 2 running {"n":1}"#);
    for _ in 0..3 {
        seen.push(line(&mut all).await);
    }
    seen.sort();
    let expected = [
        "a 1 running {}",
        r#"a 2 running {"n":1}"#,
        "b 1 running {}",
        "c 1 gone {}",
        "c 1 running {}",
    ];
    assert_eq!(seen, expected);
}

/// Any role that may connect may notify.
#[tokio::test]
async fn forged_notifications_of_ids_that_no_run_can_have_stop_no_watch() {
    let database = Database::new().await;
    let server = database.connect().await;
    let client = connect(&database).await;
    server
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    let mut one = client.watch(Watch::run("a")).await.unwrap();
    let mut all = client.watch(Watch::all().select(["n"])).await.unwrap();
    line(&mut one).await;
    line(&mut all).await;
    let forge = r#"SELECT pg_notify('runmeta', format('{"runs":[{"id":"%s","root":"z"}]}', id))
        FROM unnest(ARRAY['\u0000', '', repeat('x', 300), 'a\u0000']) AS id"#;
    server.batch_execute(forge).await.unwrap();
    server
        .batch_execute("SELECT runmeta.set('a', 'n', '1')")
        .await
        .unwrap();
    assert_eq!(line(&mut one).await, r#"a 2 running {"n":1}"#);
    assert_eq!(line(&mut all).await, r#"a 2 running {"n":1}"#);
}

#[tokio::test]
async fn what_a_server_has_that_lost_commits_is_taken() {
    let database = Database::new().await;
    let server = database.connect().await;
    let builder = Builder::url(&database.url()).application_name("watchers");
    let client = builder.connect().await.unwrap();
    let start = "SELECT runmeta.start('a'); SELECT count(runmeta.increment('a', 'n')) FROM generate_series(1, 5)";
    server.batch_execute(start).await.unwrap();
    let mut runs = client.watch(Watch::run("a")).await.unwrap();
    assert_eq!(line(&mut runs).await, r#"a 6 running {"n":5}"#);
    // As if the last changes had not been replicated.
    let lose = "UPDATE runmeta.run SET version = 3, metadata = '{\"n\": 2}';
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'watchers' AND datname = current_database()";
    server.batch_execute(lose).await.unwrap();
    assert_eq!(line(&mut runs).await, r#"a 3 running {"n":2}"#);
    server
        .batch_execute("SELECT runmeta.finish('a')")
        .await
        .unwrap();
    assert_eq!(line(&mut runs).await, r#"a 4 completed {"n":2}"#);
}

#[tokio::test]
async fn server_that_stops_and_starts_again_shows_as_a_pause() {
    let server = OwnServer::start().await;
    let session = server.connect("postgres").await;
    session
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    let client = Client::connect(server.url()).await.unwrap();
    let mut runs = client.watch(Watch::run("a")).await.unwrap();
    assert_eq!(line(&mut runs).await, "a 1 running {}");
    server.crash().await;
    let session = server.connect_again().await;
    session
        .batch_execute("SELECT runmeta.finish('a')")
        .await
        .unwrap();
    until(&mut runs, |snapshot| snapshot.is_finished()).await;
    assert_eq!(line(&mut runs).await, "end");
}

/// From Postgres 17 on the queue can be made small enough to be filled.
#[tokio::test]
async fn full_queue_of_notifications_loses_nothing() {
    let Some((server, session)) = server_with_small_queue("worker").await else {
        return;
    };
    let client = Client::connect(server.url()).await.unwrap();
    session
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    let mut runs = client.watch(Watch::run("a")).await.unwrap();
    let blocker = server.connect("postgres").await;
    for statement in ["LISTEN other", "BEGIN", "SELECT 1"] {
        blocker.batch_execute(statement).await.unwrap();
    }
    let owes = "SELECT owes_resync FROM runmeta._worker_state()";
    for round in 0.. {
        let fill = format!(
            "SELECT count(runmeta.start('fill {round} ' || n)) FROM generate_series(1, 2000) AS n"
        );
        session.batch_execute(&fill).await.unwrap();
        let announced = "SELECT unannounced_since IS NULL FROM runmeta._worker_state()";
        until_true(&session, announced).await;
        if session.query_one(owes, &[]).await.unwrap().get(0) {
            break;
        }
    }
    session
        .batch_execute("SELECT runmeta.finish('a')")
        .await
        .unwrap();
    until_true(&session, owes).await;
    blocker.batch_execute("ROLLBACK; UNLISTEN *").await.unwrap();
    session
        .batch_execute("SELECT runmeta.start('last')")
        .await
        .unwrap();
    until(&mut runs, |snapshot| snapshot.is_finished()).await;
}
