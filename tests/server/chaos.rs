//! Many sessions count up one parent, watched live: without faults, and while workers, backends and the server die.
//!
//! `RUNMETA_CHAOS=1000000` has them count so far, instead of 30,000.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::harness::{Database, Listener, OwnServer, rows, until};

/// Sessions that count.
const SESSIONS: i64 = 32;
/// Runs of each session that writes batches.
const RUNS: i64 = 3;
/// How often each of these runs counts up the parent in a batch.
const TIMES: i64 = 2;
/// Counted by one batch.
const BATCH: i64 = RUNS * TIMES;
/// Counted from one fault to the next: about a second's worth.
const STEP: i64 = 1_500;
/// Nobody may take longer than this for what 1,000 sessions could have counted: something hangs.
const PATIENCE: Duration = Duration::from_millis(40);

/// Returns how far the sessions count, about: each the same number of batches.
fn total() -> i64 {
    let total = std::env::var("RUNMETA_CHAOS").map_or(30_000, |total| total.parse().unwrap());
    total / (SESSIONS * BATCH) * SESSIONS * BATCH
}

/// Returns what a future returns, unless it takes so long that something must hang.
async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let patience = Duration::from_secs(60) + PATIENCE * u32::try_from(total() / 10).unwrap();
    match timeout(patience, future).await {
        Ok(result) => result,
        Err(_) => panic!("{what} does not come to an end"),
    }
}

/// A watcher of the parent, as an application has one: it listens, then reads, and reads again what is announced.
#[derive(Debug, Default)]
struct Watcher {
    version: i64,
    done: i64,
    /// The greatest version that was announced, and how often one was smaller than that.
    announced: i64,
    late: u32,
    reads: u32,
    connections: u32,
}

impl Watcher {
    /// Watches until the parent has counted so far.
    async fn watch(mut self, url: &str, until: i64) -> Self {
        while self.done < until {
            if let Ok(mut listener) = Listener::connect(url).await {
                self.connections += 1;
                while self.read(listener.client()).await && self.done < until {
                    let Some(payloads) = listener.next().await else {
                        break;
                    };
                    payloads.iter().for_each(|payload| self.hear(payload));
                }
            }
            // The server is restarting.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self
    }

    /// Reads the parent. False if the connection is lost.
    async fn read(&mut self, client: &Client) -> bool {
        let query =
            "SELECT version, (metadata->'done')::int8 FROM runmeta.live_run WHERE id = 'parent'";
        let Ok(row) = client.query_one(query, &[]).await else {
            return false;
        };
        let (version, done) = (row.get(0), row.get(1));
        assert!(version >= self.announced, "{version} read, {self:?}");
        assert!(version >= self.version, "{version} read, {self:?}");
        assert!(done >= self.done, "{done} read, {self:?}");
        (self.version, self.done) = (version, done);
        self.reads += 1;
        true
    }

    /// A change that a worker left behind when it ended is announced by the next one, after later ones that sessions have
    /// announced themselves meanwhile.
    fn hear(&mut self, payload: &str) {
        let payload: Value = serde_json::from_str(payload).unwrap();
        for run in payload["runs"].as_array().into_iter().flatten() {
            if run["id"] == "parent"
                && let Some(version) = run["version"].as_i64()
            {
                self.late += u32::from(version < self.announced);
                self.announced = self.announced.max(version);
            }
        }
    }
}

/// Starts the parent and the children of all sessions.
async fn start(client: &Client) {
    client
        .batch_execute(&format!(
            "SELECT runmeta.start('parent', '{{\"done\": 0}}');
            SELECT count(runmeta.start('child ' || n, '{{\"sent\": 0}}', 'parent'))
            FROM generate_series(0, {}) AS n",
            SESSIONS * RUNS - 1
        ))
        .await
        .unwrap();
}

/// Asserts that the parent was counted up so far, and that nothing is left of the way there.
async fn assert_quiet(client: &Client, total: i64) {
    let look = "SELECT runmeta.get('parent', 'done')";
    assert_eq!(rows(client, look).await, total.to_string());
    until(
        client,
        &format!("SELECT metadata->'done' = '{total}' FROM runmeta.run WHERE id = 'parent'"),
    )
    .await;
    let empty = "SELECT NOT EXISTS (SELECT FROM runmeta.inbox)";
    until(client, empty).await;
    assert_eq!(rows(client, "SELECT * FROM runmeta.unapplied").await, "");
    // Once nothing waits, counters in shared memory keep a read from looking into the inbox.
    let looks = "BEGIN; SET LOCAL stats_fetch_consistency = none;
        CREATE TEMPORARY TABLE looks ON COMMIT DROP AS SELECT pg_stat_get_xact_numscans(i.oid) AS before
        FROM pg_class AS i WHERE i.oid = 'runmeta.inbox_pkey'::regclass;
        SELECT runmeta.get('parent')";
    loop {
        client.batch_execute(looks).await.unwrap();
        let none =
            "SELECT pg_stat_get_xact_numscans('runmeta.inbox_pkey'::regclass) = before FROM looks";
        let none = rows(client, none).await;
        client.batch_execute("COMMIT").await.unwrap();
        if none == "t" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let version = "SELECT version FROM runmeta.live_run WHERE id = 'parent'";
    let version: i64 = rows(client, version).await.parse().unwrap();
    let written = rows(client, "SELECT runmeta.set('parent', 'end', 'true')").await;
    assert_eq!(written, (version + 1).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_count_up_one_parent_exactly_while_it_is_watched() {
    let total = total();
    let database = Database::with_worker().await;
    let client = database.connect().await;
    start(&client).await;
    let url = database.url();
    let watcher = tokio::spawn(async move { Watcher::default().watch(&url, total).await });
    let mut sessions = JoinSet::new();
    for session in 0..SESSIONS {
        let client = database.connect().await;
        sessions.spawn(async move {
            let increment =
                format!("SELECT runmeta.increment('child {session}', 'done', 1, 'parent') IS NULL");
            let increment = client.prepare(&increment).await.unwrap();
            let mut queued = 0;
            for _ in 0..total / SESSIONS {
                let row = client.query_one(&increment, &[]).await.unwrap();
                queued += i64::from(row.get::<_, bool>(0));
            }
            queued
        });
    }
    let mut queued = 0;
    while let Some(session) = in_time("counting", sessions.join_next()).await {
        queued += session.unwrap();
    }
    let watcher = in_time("watching", watcher).await.unwrap();
    assert_eq!((watcher.version, watcher.done), (total + 1, total));
    assert_eq!((watcher.connections, watcher.late), (1, 0));
    assert!(watcher.reads >= 10, "{watcher:?}");
    assert!(queued > total / 2, "{queued} of {total} waited");
    assert_quiet(&client, total).await;
}

/// Sends the batches of one writer, each until it is answered.
async fn send(
    config: tokio_postgres::Config,
    writer: i64,
    batches: i64,
    progress: watch::Sender<i64>,
) {
    let entries: Vec<Value> = (0..RUNS)
        .map(|run| {
            let increment = json!({"type": "increment", "key": "done", "value": 1});
            let times = usize::try_from(TIMES).unwrap();
            json!({
                "run": format!("child {}", writer * RUNS + run),
                "operations": [{"type": "increment", "key": "sent", "value": 1}],
                "parentOperations": vec![increment; times],
            })
        })
        .collect();
    let flush = format!(
        "SELECT array_agg(outcome) <@ '{{applied,queued,duplicate}}', array_agg(outcome)::text
        FROM runmeta.flush($1, '00000000-0000-4000-8000-{writer:012}', $2)"
    );
    let batch = json!(entries);
    let mut sequence = 1;
    while sequence <= batches {
        // Refused while the server restarts.
        let Ok((client, connection)) = config.connect(tokio_postgres::NoTls).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let connection = tokio::spawn(connection);
        while sequence <= batches {
            match client.query_one(&flush, &[&batch, &sequence]).await {
                Ok(row) => {
                    assert!(row.get::<_, bool>(0), "{}", row.get::<_, String>(1));
                    sequence += 1;
                    progress.send_modify(|counted| *counted += BATCH);
                }
                Err(error) => {
                    // Nothing but a lost connection stands in the way of a batch.
                    let code = error.code().map_or("", |code| code.code());
                    assert!(
                        error.is_closed() || ["", "57P01", "57P02", "57P03"].contains(&code),
                        "{error:?}"
                    );
                    break;
                }
            }
        }
        drop(client);
        drop(connection.await);
    }
}

/// Each second's worth a worker is terminated, each fifth a backend killed, and once the server stopped.
async fn disturb(server: &OwnServer, total: i64, mut progress: watch::Receiver<i64>) {
    let worker = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'runmeta worker'";
    let backend = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND query LIKE '%flush%' AND pid <> pg_backend_pid() LIMIT 1";
    let faults = total / STEP;
    for fault in 1..faults {
        let reached = progress.wait_for(|counted| *counted >= fault * STEP);
        drop(reached.await.unwrap());
        if fault == faults / 2 {
            server.crash().await;
        }
        let client = server.connect_again().await;
        // The server may be on its way down again, for the last fault.
        let target = if fault % 5 == 0 { backend } else { worker };
        let Ok(found) = client.query(target, &[]).await else {
            continue;
        };
        if fault % 5 == 0
            && let Some(row) = found.first()
        {
            let process: i32 = row.get(0);
            let kill = std::process::Command::new("kill")
                .args(["-9", &process.to_string()])
                .status();
            assert!(kill.unwrap().success());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_count_exactly_while_workers_backends_and_the_server_die() {
    let total = total();
    let server = Arc::new(OwnServer::start().await);
    let client = server.connect("postgres").await;
    start(&client).await;
    drop(client);
    let config: tokio_postgres::Config = server.url_of("postgres").parse().unwrap();
    let url = server.url_of("postgres");
    let watcher = tokio::spawn(async move { Watcher::default().watch(&url, total).await });
    let (progress, counted) = watch::channel(0);
    let mut tasks = JoinSet::new();
    let batches = total / SESSIONS / BATCH;
    for writer in 0..SESSIONS {
        tasks.spawn(send(config.clone(), writer, batches, progress.clone()));
    }
    let disturbed = server.clone();
    tasks.spawn(async move { disturb(&disturbed, total, counted).await });
    while let Some(task) = in_time("counting", tasks.join_next()).await {
        task.unwrap();
    }
    let watcher = in_time("watching", watcher).await.unwrap();
    assert_eq!(watcher.done, total);
    assert!(watcher.connections >= 3, "{watcher:?}");
    let client = server.connect_again().await;
    let sent = "SELECT DISTINCT metadata->>'sent' FROM runmeta.live_run WHERE id LIKE 'child %'";
    assert_eq!(rows(&client, sent).await, batches.to_string());
    assert_quiet(&client, total).await;
}
