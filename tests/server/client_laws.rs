//! Whatever is recorded and whenever the connection is cut, the server's documents end as `core` computes them.
//!
//! The client's own tests play the same against a server in memory, thousands of times. Here it is the real one.

#[path = "../../core/tests/generate/mod.rs"]
#[allow(dead_code, missing_docs, clippy::duplicate_mod)]
mod generate;

use std::iter::successors;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use runmeta_client::{Builder, Client, Metadata, NewRun};
use runmeta_core::{Json, Operation, apply};
use serde_json::Number;
use serde_json::value::RawValue;

use crate::harness::{Database, Proxy};

#[derive(Clone, Debug)]
enum Step {
    /// Record an operation by run 0, 1 or 2 on itself, its parent or its root.
    Record(usize, usize, Operation<Json>),
    Flush(usize),
    /// Cut the connection between commit and answer of every such flush.
    Cut(u32),
    Yield,
}

/// Returns operations that some document takes. An increment is by a number that Rust has, as the client's method takes it.
fn operation() -> impl Strategy<Value = Operation<Json>> {
    let parsed = |operation: Json| Operation::parse(&operation).ok();
    generate::operation().prop_filter_map("is an operation", move |operation| {
        let mut operation = parsed(operation)?;
        if let Operation::Increment { value, .. } = &mut operation {
            let by: Number = value.to_string().parse().ok()?;
            *value = Json::parse(&by.to_string()).ok()?;
        }
        Some(operation)
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0usize..3, 0usize..3, operation()).prop_map(|(run, target, operation)| Step::Record(run, target, operation)),
        2 => (0usize..3).prop_map(Step::Flush),
        1 => prop_oneof![Just(0), Just(2), Just(3)].prop_map(Step::Cut),
        2 => Just(Step::Yield),
    ]
}

/// Calls the method that stands for an operation.
fn record(metadata: &Metadata, operation: &Operation<Json>) {
    let key = operation.key().map(|key| key.as_str());
    // With all digits of its numbers.
    let value = operation.value().map(Json::to_string);
    let value = value.map(|text| RawValue::from_string(text).unwrap());
    match (operation, key) {
        (Operation::Set { .. }, Some(key)) => metadata.set(key, value),
        (Operation::Delete { .. }, Some(key)) => metadata.del(key),
        (Operation::Update { .. }, _) => metadata.replace(value),
        (Operation::Merge { .. }, Some(key)) => metadata.merge_at(key, value),
        (Operation::Merge { .. }, None) => metadata.merge(value),
        (
            Operation::Append {
                keep: Some(keep), ..
            },
            Some(key),
        ) => metadata.append_keep(key, value, *keep),
        (Operation::Append { .. }, Some(key)) => metadata.append(key, value),
        (Operation::Remove { .. }, Some(key)) => metadata.remove(key, value),
        (Operation::Increment { value, .. }, Some(key)) => {
            let by: Number = value.to_string().parse().unwrap();
            metadata.increment(key, &by).clone()
        }
        (other, _) => panic!("{other:?}"),
    };
}

/// Rounds what an increment is by to what a [`Number`] can hold.
fn with_number_of_serde(operation: Operation<Json>) -> Operation<Json> {
    match operation {
        Operation::Increment { key, value } => {
            // Parsing a number that was printed may give its neighbour, and so on, until one gives itself. Some two give each other.
            let print = |text: &String| Some(text.parse::<Number>().unwrap().to_string());
            let texts: Vec<String> = successors(Some(value.to_string()), print)
                .take(100)
                .collect();
            let stable = texts.windows(2).find(|pair| pair[0] == pair[1]);
            let value = Json::parse(stable.map_or("1", |pair| &pair[0])).unwrap();
            Operation::Increment { key, value }
        }
        other => other,
    }
}

/// Plays the steps on a family of three runs of this case.
async fn play(
    client: &Client,
    proxy: &Proxy,
    server: &tokio_postgres::Client,
    case: u32,
    steps: Vec<Step>,
) {
    let ids = ["a", "b", "c"].map(|name| format!("{name} {case}"));
    let mut runs = Vec::new();
    for (position, id) in ids.iter().enumerate() {
        let run = NewRun::new(id);
        let run = if position > 0 {
            run.parent(&ids[position - 1])
        } else {
            run
        };
        runs.push(client.start(run).await.unwrap().metadata());
    }
    let mut expected = vec![Json::parse("{}").unwrap(); 3];
    for step in steps {
        match step {
            Step::Record(run, target, operation) => {
                let operation = with_number_of_serde(operation);
                let (addressed, metadata) = match target {
                    0 => (run, runs[run].clone()),
                    1 => (run.saturating_sub(1), runs[run].parent()),
                    _ => (0, runs[run].root()),
                };
                apply(&mut expected[addressed], &[Ok(operation.clone())]);
                record(&metadata, &operation);
                let read: Box<RawValue> = metadata.typed().unwrap();
                assert!(
                    Json::parse(read.get())
                        .unwrap()
                        .same_value(&expected[addressed]),
                    "{} is read, {} was recorded",
                    read.get(),
                    expected[addressed]
                );
            }
            // Operations that do not fit the document are reported, and had no effect on either side.
            Step::Flush(run) => drop(runs[run].flush().await),
            Step::Cut(every) => proxy.cut_every(every),
            Step::Yield => tokio::task::yield_now().await,
        }
    }
    if let Err(error) = client.flush().await {
        assert!(
            error
                .unapplied()
                .iter()
                .all(|unapplied| unapplied.reason() != "too_large"),
            "{error}"
        );
    }
    for (id, expected) in ids.iter().zip(expected) {
        let stored: String = server
            .query_one("SELECT runmeta.get($1)::text", &[id])
            .await
            .unwrap()
            .get(0);
        assert!(
            Json::parse(&stored).unwrap().same_value(&expected),
            "{id}: {stored} is stored, {expected} was recorded"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_end_as_core_computes_them() {
    let database = Database::new().await;
    let proxy = Proxy::before(&database).await;
    let server = database.connect().await;
    // A document may grow beyond the ordinary limit by a few of the longest numbers.
    server
        .batch_execute("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET runmeta.maximum_size = ''16MB''', current_database()); END $$")
        .await
        .unwrap();
    let builder = Builder::url(proxy.url()).interval(Duration::from_millis(1));
    let client = builder
        .backoff(Duration::from_millis(1)..=Duration::from_millis(20))
        .connect()
        .await
        .unwrap();
    let mut runner = TestRunner::new(Config::default());
    let script = proptest::collection::vec(step(), 0..40);
    for case in 0..60 {
        let steps = script.new_tree(&mut runner).unwrap().current();
        println!("{steps:?}"); // shown if it fails
        play(&client, &proxy, &server, case, steps).await;
    }
    assert!(proxy.cuts() > 0);
    client.shutdown(Duration::from_secs(10)).await.unwrap();
}
