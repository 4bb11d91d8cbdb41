//! The client's server in memory answers batches as the extension does, and keeps the same runs.
//!
//! Only the numbers of versions differ: the extension gives lists that stand together one version, and the server in memory each
//! list its own.
//!
//! Each run of the test draws new batches. A failure prints the seed, and `RUNMETA_SEED` draws the same ones again.

#[path = "../../core/tests/generate/mod.rs"]
#[allow(dead_code, missing_docs, clippy::duplicate_mod)]
mod generate;

use std::fmt::Write;
use std::time::Duration;

use proptest::option::weighted;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::strategy::ValueTree;
use runmeta_client::testing::Database as Memory;
use runmeta_core::Json;
use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::harness::{Database, is_citus, is_split, rows, seeded};

const RUNS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

const STATUSES: [&str; 7] = [
    "running",
    "queued",
    "checking",
    "completed",
    "failed",
    "gave up",
    "",
];

/// Little enough that documents meet it.
const MAXIMUM_SIZE: usize = 300;

fn run() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&RUNS[..])
}

fn status() -> impl Strategy<Value = Json> {
    proptest::sample::select(&STATUSES[..]).prop_map(Json::from)
}

fn attempt() -> impl Strategy<Value = Json> {
    prop_oneof![12 => (0..4).prop_map(Json::from), 1 => Just(Json::Null)]
}

fn members<const N: usize>(members: [(&str, Option<Json>); N]) -> Json {
    let given = members
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    Json::Object(given.collect())
}

fn start() -> impl Strategy<Value = Json> {
    let metadata = prop_oneof![
        9 => generate::document(),
        1 => Just(Json::from("x".repeat(100))),
        1 => Just(Json::from([("text", Json::from("x".repeat(400)))])),
    ];
    let tags = prop_oneof![Just(0..2), Just(1..2), Just(99..102)];
    let tags = tags.prop_map(|tags| tags.map(|tag| Json::from(tag.to_string())).collect());
    (
        weighted(0.7, metadata),
        weighted(0.5, run()),
        weighted(0.2, prop_oneof![4 => Just("import"), 1 => Just("")]),
        weighted(0.2, tags),
        weighted(0.4, status()),
        weighted(0.5, attempt()),
    )
        .prop_map(|(metadata, parent, task, tags, status, attempt)| {
            members([
                ("metadata", metadata),
                ("parent", parent.map(Json::from)),
                ("task", task.map(Json::from)),
                ("tags", tags),
                ("status", status),
                ("attempt", attempt),
            ])
        })
}

fn change() -> impl Strategy<Value = Json> {
    let both = (status(), weighted(0.7, attempt()))
        .prop_map(|(status, attempt)| members([("status", Some(status)), ("attempt", attempt)]));
    prop_oneof![status(), both]
}

fn streams() -> impl Strategy<Value = Json> {
    let chunk = prop_oneof![
        6 => (0..9).prop_map(Json::from),
        1 => Just(Json::from("x".repeat(400))),
    ];
    let chunks = || proptest::collection::vec(chunk.clone(), 0..4).prop_map(Json::from);
    let whole = (
        weighted(0.8, chunks()),
        weighted(0.4, any::<bool>().prop_map(Json::from)),
        weighted(0.3, Just(Json::from("it broke"))),
    );
    let whole = whole.prop_map(|(chunks, closed, error)| {
        members([("chunks", chunks), ("closed", closed), ("error", error)])
    });
    let append = || prop_oneof![2 => chunks(), 1 => whole.clone()];
    (weighted(0.7, append()), weighted(0.4, append()))
        .prop_map(|(one, other)| members([("s", one), ("t", other)]))
}

fn entry() -> impl Strategy<Value = Json> {
    let list = || {
        let counted = Json::parse(r#"[{"type":"increment","key":"n"}]"#).unwrap();
        prop_oneof![2 => generate::operations(), 1 => Just(counted)]
    };
    // A batch that is malformed is rejected as a whole.
    let id = prop_oneof![200 => run(), 1 => Just("")];
    (
        id,
        weighted(0.4, start()),
        weighted(0.6, list()),
        weighted(0.3, list()),
        weighted(0.3, list()),
        (weighted(0.4, streams()), weighted(0.15, streams())),
        weighted(0.25, change()),
        weighted(0.25, change()),
    )
        .prop_map(|(run, start, own, parent, root, streams, status, finish)| {
            members([
                ("run", Some(run.into())),
                ("start", start),
                ("operations", own),
                ("parentOperations", parent),
                ("rootOperations", root),
                ("streams", streams.0),
                ("parentStreams", streams.1),
                ("status", status),
                ("finish", finish),
            ])
        })
}

/// Which sequence a batch has, counted from the one that comes next: an attempt that is sent again is at -1, and a gap
/// before those above 0.
fn step() -> impl Strategy<Value = (Json, i64)> {
    let offset = prop_oneof![20 => Just(0i64), 2 => Just(-1), 1 => Just(-2), 1 => Just(1)];
    // The same runs, which are each other's parents, again and again.
    let family = (run(), weighted(0.8, run())).prop_map(|(run, parent)| {
        let start = members([("parent", parent.map(Json::from))]);
        members([("run", Some(run.into())), ("start", Some(start))])
    });
    let batch = prop_oneof![
        4 => proptest::collection::vec(entry(), 0..6),
        1 => proptest::collection::vec(family, 2..12),
    ];
    (batch.prop_map(Json::from), offset)
}

/// Returns the rows of the answer, or the SQLSTATE with which the batch is rejected.
async fn answer(client: &Client, batch: &str, writer: Uuid, sequence: i64) -> Vec<String> {
    const FLUSH: &str =
        "SELECT run_id, part, target::text, outcome::text, version, unapplied::text, stream
        FROM runmeta.flush($1::text::jsonb, $2, $3)";
    let rows = match client.query(FLUSH, &[&batch, &writer, &sequence]).await {
        Ok(rows) => rows,
        Err(error) => return vec![error.code().unwrap().code().to_owned()],
    };
    let line = |row: &tokio_postgres::Row| {
        let unapplied: Option<&str> = row.get(5);
        let unapplied: Vec<Value> = serde_json::from_str(unapplied.unwrap_or("[]")).unwrap();
        let unapplied: Vec<_> = unapplied
            .iter()
            .map(|one| {
                (
                    one["index"].as_u64().unwrap_or(0),
                    one["reason"].as_str().unwrap(),
                )
            })
            .collect();
        let [run, part, target, outcome] = [0, 1, 2, 3].map(|column| row.get::<_, &str>(column));
        let version = row.get::<_, Option<i64>>(4).is_some();
        let stream: Option<&str> = row.get(6);
        let stream = stream.map_or(String::new(), |stream| format!(" {stream}"));
        format!("{run} {part} {target}{stream} {outcome} {version} {unapplied:?}")
    };
    rows.iter().map(line).collect()
}

/// Returns the streams, a line each.
async fn stored_streams(client: &Client) -> String {
    const STREAMS: &str = "SELECT r.id, s.stream, s.closed_at IS NOT NULL, COALESCE(s.error, '-'),
            ARRAY(SELECT c.chunk::text FROM runmeta.stream_read(r.id, s.stream) AS c)
        FROM unnest($1::text[]) AS r (id) CROSS JOIN LATERAL runmeta.streams(r.id) AS s ORDER BY 1, 2";
    let mut lines = String::new();
    for row in client.query(STREAMS, &[&&RUNS[..]]).await.unwrap() {
        let [run, stream, error] = [0, 1, 3].map(|column| row.get::<_, &str>(column));
        let (closed, chunks) = (row.get::<_, bool>(2), row.get::<_, Vec<&str>>(4).join(","));
        writeln!(lines, "{run} {stream} {closed} {error} {chunks}").unwrap();
    }
    lines
}

fn kept_streams(memory: &Memory) -> String {
    let mut lines = String::new();
    for (run, stream) in RUNS.iter().flat_map(|run| [(run, "s"), (run, "t")]) {
        let Some(chunks) = memory.chunks(run, stream) else {
            continue;
        };
        let (closed, error) = match memory.stream_end(run, stream) {
            None => (false, None),
            Some(error) => (true, error),
        };
        let (error, chunks) = (error.unwrap_or("-".to_owned()), chunks.join(","));
        writeln!(lines, "{run} {stream} {closed} {error} {chunks}").unwrap();
    }
    lines
}

/// Returns the runs, a line each, and their documents.
async fn stored(client: &Client) -> (String, Vec<Json>) {
    const RUNS: &str = "SELECT concat_ws(' ', id, COALESCE(parent_id, '-'), root_id, COALESCE(task, '-'), array_to_string(tags, ','),
            status, attempt, finished_at IS NOT NULL) AS run, metadata::text FROM runmeta.run ORDER BY id";
    let (mut lines, mut documents) = (String::new(), Vec::new());
    for row in client.query(RUNS, &[]).await.unwrap() {
        writeln!(lines, "{}", row.get::<_, &str>(0)).unwrap();
        documents.push(Json::parse(row.get(1)).unwrap());
    }
    (lines, documents)
}

fn kept(memory: &Memory) -> (String, Vec<Json>) {
    let (mut lines, mut documents) = (String::new(), Vec::new());
    for id in RUNS {
        let Some(run) = memory.run(id) else { continue };
        let parent = run.parent.unwrap_or("-".to_owned());
        let task = run.task.unwrap_or("-".to_owned());
        let finished = if run.is_finished { "t" } else { "f" };
        let (root, tags, status) = (run.root, run.tags.join(","), run.status);
        let attempt = run.attempt;
        writeln!(
            lines,
            "{id} {parent} {root} {task} {tags} {status} {attempt} {finished}"
        )
        .unwrap();
        documents.push(Json::parse(&memory.document_text(id).unwrap()).unwrap());
    }
    (lines, documents)
}

#[tokio::test]
async fn server_in_memory_answers_and_keeps_what_the_extension_does() {
    let (_, mut runner) = seeded();
    let database = Database::new().await;
    let client = database.connect().await;
    let limit = format!("SET runmeta.maximum_size = '{MAXIMUM_SIZE}B'");
    client.batch_execute(&limit).await.unwrap();
    let script = (proptest::collection::vec(step(), 1..8), any::<bool>());
    let roots = if is_split() { ", runmeta.run_root" } else { "" };
    // Each step is several round trips on a cluster.
    let cases = if is_citus() { 30 } else { 150 };
    for case in 0..cases {
        let (steps, closes) = script.new_tree(&mut runner).unwrap().current();
        let memory = Memory::new();
        memory.set_maximum_size(MAXIMUM_SIZE);
        let window = if closes { 0 } else { 3600 };
        memory.set_update_window(Duration::from_secs(window));
        let fresh = format!(
            "TRUNCATE runmeta.run, runmeta.stream, runmeta.stream_chunk{roots}; SET runmeta.update_window = '{window}s'"
        );
        client.batch_execute(&fresh).await.unwrap();
        let (writer, mut last, mut before) = (Uuid::from_u128(case + 1), 0, Json::Null);
        for (batch, offset) in steps {
            // A batch that is sent again is the same batch.
            let batch = if offset < 0 { before.clone() } else { batch };
            if batch.is_null() {
                continue;
            }
            let (sequence, text) = (last + 1 + offset, batch.to_string());
            let real = answer(&client, &text, writer, sequence).await;
            let ours = match memory.flush(&text, writer.as_u128(), sequence) {
                Ok(rows) => rows,
                Err(error) => vec![error.code().unwrap().to_owned()],
            };
            assert_eq!(ours, real, "sequence {sequence} after {last}: {text}");
            let ((ours, our_documents), (real, documents)) = (kept(&memory), stored(&client).await);
            assert_eq!(ours, real, "{text}");
            for (ours, real) in our_documents.iter().zip(&documents) {
                assert!(ours.same_value(real), "{ours} is not {real}: {text}");
            }
            assert_eq!(
                kept_streams(&memory),
                stored_streams(&client).await,
                "{text}"
            );
            const LAST: &str =
                "SELECT COALESCE(max(last_sequence), 0) FROM runmeta.writer WHERE id = '$'";
            let known = rows(&client, &LAST.replace('$', &writer.to_string())).await;
            let known: i64 = known.parse().unwrap();
            if known > last {
                before = batch;
            }
            last = known;
        }
    }
}
