//! A batch of any entries does what the same single calls do one after the other.
//!
//! Each run draws new batches. A failure prints the seed, and `RUNMETA_SEED` draws the same ones again.

use std::collections::HashSet;

use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::strategy::ValueTree;
use serde_json::{Map, Value, json};
use tokio_postgres::Client;

use super::database;
use crate::harness::{by_hand, rows, seeded};

const RUNS: usize = 5;

/// Runs by their numbers; a parent has a smaller one, so that no start is refused for the order of the entries alone.
fn entry() -> impl Strategy<Value = (usize, Value)> {
    let list = || {
        prop_oneof![
            Just(json!([{"type": "increment", "key": "n"}])),
            Just(json!([{"type": "set", "key": "n", "value": 1}])),
            Just(
                json!([{"type": "append", "key": "log", "value": "line"}, {"type": "remove", "key": "n", "value": 1}])
            ),
            Just(json!([{"type": "set", "key": "text", "value": "x".repeat(90)}])),
            Just(json!([{"type": "merge", "value": {"a": {"b": 1}, "text": null}}])),
            Just(json!([])),
        ]
    };
    let word = || {
        prop_oneof![
            Just("running"),
            Just("queued"),
            Just("checking"),
            Just("completed"),
            Just("failed"),
            Just("gave up"),
        ]
    };
    let attempt = || proptest::option::of(1..4i32);
    let metadata = prop_oneof![
        Just(json!({})),
        Just(json!({"n": 5})),
        Just(json!({"text": "y".repeat(60)})),
        Just(json!({"n": null, "a": {"c": true}})),
    ];
    let start = (
        attempt(),
        proptest::option::of(word()),
        metadata,
        any::<u8>(),
    );
    let change = || (word(), attempt());
    (
        0..RUNS,
        proptest::option::of(start),
        [(); 3].map(|()| proptest::option::of(list())),
        proptest::option::weighted(0.3, change()),
        proptest::option::weighted(0.3, change()),
    )
        .prop_map(|(run, start, lists, status, finish)| {
            let mut entry = Map::new();
            entry.insert("run".into(), json!(format!("ID {run}")));
            if let Some((attempt, status, metadata, parent)) = start {
                let mut start = json!({"metadata": metadata, "attempt": attempt, "status": status});
                if run > 0 && parent % 3 > 0 {
                    start["parent"] = json!(format!("ID {}", usize::from(parent) % run));
                }
                entry.insert("start".into(), start);
            }
            let names = ["operations", "parentOperations", "rootOperations"];
            for (name, list) in names.into_iter().zip(lists) {
                if let Some(list) = list {
                    entry.insert(name.into(), list);
                }
            }
            let change = |(word, attempt): (&str, Option<i32>)| match attempt {
                Some(attempt) => json!({"status": word, "attempt": attempt}),
                None => json!(word),
            };
            if let Some(status) = status {
                entry.insert("status".into(), change(status));
            }
            if let Some(finish) = finish {
                entry.insert("finish".into(), change(finish));
            }
            (run, Value::Object(entry))
        })
}

/// Leaves the parent out of a start where that is not started before it.
fn with_parents_first(batch: Vec<(usize, Value)>, started: &mut HashSet<String>) -> Vec<Value> {
    let mut entries = Vec::new();
    for (_, mut entry) in batch {
        let id = entry["run"].as_str().unwrap_or_default().to_owned();
        if let Some(start) = entry.get_mut("start").and_then(Value::as_object_mut) {
            let is_started =
                |parent: &Value| parent.as_str().is_some_and(|id| started.contains(id));
            if start
                .get("parent")
                .is_some_and(|parent| !is_started(parent))
            {
                start.remove("parent");
            }
            // A start that fails may be followed by one of the same batch that makes the run.
            let fails = ["completed", "failed"].map(Value::from);
            if !started.contains(&id)
                && start.get("status").is_some_and(|word| fails.contains(word))
            {
                start.remove("status");
            }
            started.insert(id);
        }
        entries.push(entry);
    }
    entries
}

/// Makes the single calls of an entry and returns the outcomes.
async fn call_each(client: &Client, entry: &Value) -> Vec<String> {
    let run = entry["run"].as_str().unwrap_or_default();
    let text = |value: &Value| match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => format!("'{text}'"),
        other => format!("'{other}'"),
    };
    let mut calls = Vec::new();
    if let Some(start) = entry.get("start") {
        let of = |name| text(start.get(name).unwrap_or(&Value::Null));
        calls.push(format!(
            "runmeta.start('{run}', {}, {}, status => {}, attempt => {})",
            of("metadata"),
            of("parent"),
            of("status"),
            of("attempt")
        ));
    }
    for (name, target) in [
        ("operations", "self"),
        ("parentOperations", "parent"),
        ("rootOperations", "root"),
    ] {
        if let Some(list) = entry.get(name) {
            calls.push(format!(
                "(SELECT version FROM runmeta.apply('{run}', '{list}', '{target}'))"
            ));
        }
    }
    for (name, function) in [("status", "set_status"), ("finish", "finish")] {
        match entry.get(name) {
            Some(Value::Object(change)) => calls.push(format!(
                "runmeta.{function}('{run}', {}, attempt => {})",
                text(&change["status"]),
                text(&change["attempt"])
            )),
            Some(status) => calls.push(format!("runmeta.{function}('{run}', {})", text(status))),
            None => {}
        }
    }
    let mut outcomes: Vec<String> = Vec::new();
    let starts = entry.get("start").is_some();
    for call in &calls {
        let refused = ["too_large", "not_found", "closed", "stale", "invalid"];
        let outcome = match outcomes.first() {
            Some(start) if starts && refused.contains(&start.as_str()) => start.clone(),
            _ => outcome(client, call).await,
        };
        outcomes.push(outcome);
    }
    outcomes
}

async fn outcome(client: &Client, call: &str) -> String {
    const VERSIONS: &str = "SELECT string_agg(id || ' ' || version, ',' ORDER BY id) FROM runmeta.run WHERE id LIKE 'single %'";
    let before = rows(client, VERSIONS).await;
    let error = match client.batch_execute(&format!("SELECT {call}")).await {
        Ok(()) if rows(client, VERSIONS).await == before => return "unchanged".to_owned(),
        Ok(()) => return "applied".to_owned(),
        Err(error) => error,
    };
    let error = error.as_db_error().unwrap();
    let word = match (error.code().code(), error.message()) {
        ("P0002", _) => "not_found",
        ("54000", _) => "too_large",
        ("55000", message) if message.ends_with("is over") => "stale",
        ("55000", message) if message.ends_with("has not begun") => "invalid",
        ("55000", _) => "closed",
        ("22023", _) => "invalid",
        (code, message) => panic!("{call}: {code} {message}"),
    };
    word.to_owned()
}

async fn documents(client: &Client, prefix: &str) -> String {
    let documents = format!(
        "SELECT replace(id, '{prefix}', ''), replace(root_id, '{prefix}', ''), replace(parent_id, '{prefix}', ''), depth, attempt, status,
            started_at IS NOT NULL, finished_at IS NOT NULL, metadata FROM runmeta.run WHERE id LIKE '{prefix} %' ORDER BY id"
    );
    rows(client, &documents).await
}

#[tokio::test]
async fn a_batch_does_what_the_single_calls_do_one_after_the_other() {
    let (_, mut runner) = seeded();
    let (_database, client) = database().await;
    by_hand(&client).await;
    client
        .batch_execute("SET runmeta.maximum_size = '100B'")
        .await
        .unwrap();
    for _ in 0..60 {
        client.batch_execute("TRUNCATE runmeta.run").await.unwrap();
        let mut started = HashSet::new();
        for _ in 0..4 {
            let batch = proptest::collection::vec(entry(), 1..8);
            let batch = batch.new_tree(&mut runner).unwrap().current();
            let batch = with_parents_first(batch, &mut started);
            let mut expected = Vec::new();
            for entry in &batch {
                let entry = entry.to_string().replace("ID ", "single ");
                expected.extend(call_each(&client, &serde_json::from_str(&entry).unwrap()).await);
            }
            let text = json!(batch).to_string();
            let flush = format!(
                "SELECT outcome FROM runmeta.flush('{}')",
                text.replace("ID ", "batch ")
            );
            let outcomes = rows(&client, &flush).await;
            assert_eq!(outcomes, expected.join("\n"), "{text}");
            assert_eq!(
                documents(&client, "batch").await,
                documents(&client, "single").await,
                "{text}"
            );
        }
    }
}
