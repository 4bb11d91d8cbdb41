//! The listeners of docs/drivers.md under load: each ends with the state that the database has, and shows no older state
//! after a newer one. So does the reader of streams of docs/protocol.md: it reads each chunk once and in order.
//!
//! Beside the load, its transactions are rolled back, in whole and to savepoints, the listener's connections are killed, and
//! so is the worker, which then announces a resync. A run is deleted and started anew. Payloads are sent that are none of
//! the protocol's.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::task::{JoinSet, spawn_blocking};
use tokio_postgres::Client;

use super::markdown::Document;
use super::program::{self, Language};
use crate::harness::{Database, delete_by_hand, repository};

/// Sessions that write at the same time, each on a run of its own.
const WRITERS: usize = 4;

/// Transactions of each writer at the least.
const ROUNDS: usize = 200;

/// How often the listener's connections are killed. It reads everything again before each.
const KILLS: usize = 6;

/// Payloads that anyone may send, for which a listener may not end.
const ODD: [&str; 7] = [
    "no JSON",
    "[]",
    r#"{"runs":null,"streams":null}"#,
    r#"{"runs":[{}],"streams":[{}]}"#,
    r#"{"runs":[{"id":7,"root":"never finished"}]}"#,
    r#"{"runs":[{"id":"writer 0","root":"never finished","version":"12"}]}"#,
    r#"{"runs":[{"id":"\u0000","root":"never finished"}]}"#,
];

/// Names the sessions of the load, so that the others are the listener's.
const LOAD: &str = "SET application_name = 'load'";

#[tokio::test(flavor = "multi_thread")]
async fn listener_of_psycopg_converges() {
    converges(Language::Python, "psycopg 3", &["psycopg.py"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listener_of_asyncpg_converges() {
    converges(Language::Python, "asyncpg", &["asyncpg.py"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listener_of_pg_converges() {
    converges(
        Language::JavaScript,
        "pg for Node",
        &["collect.js", "pg.js"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listener_of_postgres_js_converges() {
    let driver = ["collect.js", "postgres.js"];
    converges(Language::JavaScript, "postgres.js", &driver).await;
}

/// Runs the listener of a chapter and these files, which print the last state of each run, beside the load.
async fn converges(language: Language, chapter: &str, driver: &[&str]) {
    let database = Database::with_worker().await;
    let client = session(&database).await;
    client
        .batch_execute("SELECT runmeta.start('never finished')")
        .await
        .unwrap();
    let mut blocks = blocks("docs/drivers.md", language, chapter);
    blocks.extend(driver.iter().map(|file| {
        fs::read_to_string(repository("tests/server/docs/listeners").join(file)).unwrap()
    }));
    let variables = database.variables();
    let mut program = spawn_blocking(move || {
        language.set_up();
        program::output(language, &blocks.concat(), &variables)
    });
    tokio::select! {
        ended = &mut program => panic!("the listener ended early: {ended:?}"),
        () = load(&database) => {}
    }
    let shown = states(program.await.unwrap().lines().map(str::to_owned));

    let stored = "SELECT pg_catalog.json_build_array(id, version, attempt, status, finished_at, metadata)::text FROM runmeta.live_run";
    let stored = client.query(stored, &[]).await.unwrap();
    let stored = states(stored.iter().map(|row| row.get(0)));
    pretty_assertions::assert_eq!(shown, stored);
}

/// Reads the states that a program prints or the database has. Each driver writes the time in a form of its own.
fn states(lines: impl Iterator<Item = String>) -> BTreeMap<String, Value> {
    lines
        .map(|line| {
            let mut state: Value = serde_json::from_str(&line).expect(&line);
            state[4] = (!state[4].is_null()).into();
            (state[0].to_string(), state)
        })
        .collect()
}

/// Returns the blocks of a chapter that make up its listener.
fn blocks(file: &str, language: Language, chapter: &str) -> Vec<String> {
    let text = fs::read_to_string(repository(file)).unwrap();
    let start = format!("{chapter}\n");
    let chapter = text
        .split("\n## ")
        .find(|text| text.starts_with(&start))
        .unwrap();
    let document = Document::parse(chapter, language.fence());
    let parts = [
        "async def connect(",
        "def watch",
        "def follow",
        "function watch",
        "function* watch",
    ];
    let blocks: Vec<String> = document
        .blocks()
        .filter(|block| parts.iter().any(|part| block.contains(part)))
        .map(str::to_owned)
        .collect();
    assert!(!blocks.is_empty(), "{chapter}");
    blocks
}

#[tokio::test(flavor = "multi_thread")]
async fn reader_of_streams_reads_each_chunk_once_and_in_order() {
    let database = Database::with_worker().await;
    let client = session(&database).await;
    client
        .batch_execute("SELECT runmeta.start('answer')")
        .await
        .unwrap();
    let mut blocks = blocks("docs/protocol.md", Language::Python, "Streams");
    blocks.push(fs::read_to_string(repository("tests/server/docs/listeners/follow.py")).unwrap());
    let variables = database.variables();
    let program = spawn_blocking(move || {
        Language::Python.set_up();
        program::output(Language::Python, &blocks.concat(), &variables)
    });
    let killed = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(append(session(&database).await, writer, killed.clone()));
    }
    let mut seen = HashSet::new();
    for kill in 0..KILLS {
        kill_listener(&client, &mut seen, kill).await;
    }
    killed.store(true, Ordering::Relaxed);
    let mut appended = vec![0; WRITERS];
    while let Some(ended) = writers.join_next().await {
        let (writer, chunks) = ended.unwrap();
        appended[writer] = chunks;
    }
    client
        .batch_execute("SELECT runmeta.stream_close('answer', 'tokens')")
        .await
        .unwrap();
    // The program asserts the order; it prints how many chunks of each writer it has read.
    assert_eq!(program.await.unwrap().trim(), format!("{appended:?}"));
}

/// Appends chunks, of which some are taken back, until the reader was killed; returns how many are left.
async fn append(client: Client, writer: usize, killed: Arc<AtomicBool>) -> (usize, u64) {
    let mut chunks = 0;
    for round in 0.. {
        if round >= ROUNDS && killed.load(Ordering::Relaxed) {
            break;
        }
        let append = format!(
            "SELECT runmeta.stream_append('answer', 'tokens', '[[{writer}, {chunks}], [{writer}, {}]]');",
            chunks + 1
        );
        let statements = match round % 4 {
            0 => format!("BEGIN; {append} ROLLBACK; {}", odd(round / 4)),
            1 => format!("BEGIN; SAVEPOINT s; {append} ROLLBACK TO s; COMMIT"),
            _ => append,
        };
        client.batch_execute(&statements).await.unwrap();
        if round % 4 > 1 {
            chunks += 2;
        }
    }
    (writer, chunks)
}

/// Writes and kills until the listener has been killed often enough; then all runs but the root reach their last state.
async fn load(database: &Database) {
    let killed = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(session(database).await, writer, killed.clone()));
    }
    let client = session(database).await;
    let mut seen = HashSet::new();
    for kill in 0..KILLS {
        kill_listener(&client, &mut seen, kill).await;
        if kill % 3 == 1 {
            let worker = "SELECT pg_terminate_backend(pid) FROM runmeta._worker_state() WHERE pid IS NOT NULL";
            client.batch_execute(worker).await.unwrap();
        }
    }
    killed.store(true, Ordering::Relaxed);
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let reborn = "SELECT runmeta.start('reborn', parent_run_id => 'never finished'), runmeta.increment('reborn', 'rows', 7);
        BEGIN";
    client.batch_execute(reborn).await.unwrap();
    delete_by_hand(&client, "id = 'reborn'").await;
    let end = "
        SELECT pg_notify('runmeta', '{\"resync\":true}');
        COMMIT;
        SELECT runmeta.start('reborn', parent_run_id => 'never finished'), runmeta.finish('reborn', 'completed again');
        SELECT runmeta.set('never finished', 'runs', (SELECT to_jsonb(count(*)) FROM runmeta.run))";
    client.batch_execute(end).await.unwrap();
}

/// Waits until the listener has read everything since the last time, and kills connections: all, those that listen, those
/// that read.
async fn kill_listener(client: &Client, seen: &mut HashSet<i32>, kill: usize) {
    let sessions = "SELECT pid, query ILIKE 'listen%' FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> 'load'
            -- The sessions of other nodes.
            AND application_name NOT LIKE 'citus%'
            AND EXISTS (
                SELECT FROM pg_stat_activity
                WHERE datname = current_database() AND application_name <> 'load' AND query ~ 'runmeta[.](live_run|stream_read)'
                    AND NOT pid = ANY($1)
            )";
    let sessions = loop {
        let old: Vec<i32> = seen.iter().copied().collect();
        let sessions = client.query(sessions, &[&old]).await.unwrap();
        if !sessions.is_empty() {
            break sessions;
        }
        tokio::task::yield_now().await;
    };
    let chosen = |listens: bool| match kill % 3 {
        0 => true,
        1 => listens,
        _ => !listens,
    };
    let (mut some, mut all) = (Vec::new(), Vec::new());
    for session in sessions {
        let pid: i32 = session.get(0);
        all.push(pid);
        if chosen(session.get(1)) {
            some.push(pid);
        }
    }
    // A driver with one connection reads and listens on the same.
    let doomed = if some.is_empty() { all } else { some };
    client
        .query(
            "SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid",
            &[&doomed],
        )
        .await
        .unwrap();
    seen.extend(doomed);
}

/// Writes to a run, to the root and to runs below it, of which some is taken back; ends when the listener was killed.
async fn write(client: Client, writer: usize, killed: Arc<AtomicBool>) {
    let run = format!("writer {writer}");
    let start = format!("SELECT runmeta.start('{run}', parent_run_id => 'never finished')");
    client.batch_execute(&start).await.unwrap();
    for round in 0.. {
        if round >= ROUNDS && killed.load(Ordering::Relaxed) {
            break;
        }
        let count = format!(
            "SELECT runmeta.increment('{run}', 'rows'), runmeta.increment('{run}', 'rows', target => 'parent');"
        );
        let set = format!("SELECT runmeta.set('{run}', 'round', '{round}');");
        let statements = match round % 5 {
            0 => format!("BEGIN; {count} ROLLBACK; {}", odd(round / 5)),
            1 => format!("BEGIN; {set} SAVEPOINT s; {count} ROLLBACK TO s; {set} COMMIT"),
            2 => format!("BEGIN; SAVEPOINT s; {set} ROLLBACK TO s; {count} COMMIT"),
            // Few runs, so that each read of everything is quick.
            3 if round % 100 == 3 => format!(
                "SELECT runmeta.start('{run}, round {round}', parent_run_id => '{run}'), runmeta.finish('{run}, round {round}')"
            ),
            _ => count,
        };
        client.batch_execute(&statements).await.unwrap();
    }
    let finish = format!("SELECT runmeta.finish('{run}', 'completed')");
    client.batch_execute(&finish).await.unwrap();
}

fn odd(round: usize) -> String {
    format!("SELECT pg_notify('runmeta', '{}')", ODD[round % ODD.len()])
}

async fn session(database: &Database) -> Client {
    let client = database.connect().await;
    client.batch_execute(LOAD).await.unwrap();
    client
}
