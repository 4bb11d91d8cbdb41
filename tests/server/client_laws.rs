//! Whatever is said and whenever the connection is cut, the server's documents end as `core` computes them.
//!
//! The client's own tests play the same on a model of the server, thousands of times. Here it is the server.

#[path = "../../core/tests/generate/mod.rs"]
#[allow(dead_code, missing_docs, clippy::duplicate_mod)]
mod generate;

#[path = "../../client/src/tests/say.rs"]
mod say;

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use runmeta_client::{Builder, Client, Metadata, NewRun};
use runmeta_core::{Operation, apply, same_value};
use serde_json::{Value, json};

use crate::harness::{Database, Proxy};
use say::say;

#[derive(Clone, Debug)]
enum Step {
    /// Say something by run 0, 1 or 2 on itself, its parent or its root.
    Say(usize, usize, Value),
    Flush(usize),
    /// Cut the connection between commit and answer of every such flush.
    Cut(u32),
    Yield,
}

fn operation() -> impl Strategy<Value = Value> {
    generate::operation().prop_map(|operation| Value::try_from(&operation).unwrap())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0usize..3, 0usize..3, operation()).prop_map(|(run, target, operation)| Step::Say(run, target, operation)),
        2 => (0usize..3).prop_map(Step::Flush),
        1 => prop_oneof![Just(0), Just(2), Just(3)].prop_map(Step::Cut),
        2 => Just(Step::Yield),
    ]
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
    let mut expected = vec![json!({}); 3];
    for step in steps {
        match step {
            Step::Say(run, target, operation) => {
                // What no document takes is refused by the client and never sent.
                let Ok(operation) = Operation::parse(&operation) else {
                    continue;
                };
                let (addressed, metadata) = match target {
                    0 => (run, runs[run].clone()),
                    1 => (run.saturating_sub(1), runs[run].parent()),
                    _ => (0, runs[run].root()),
                };
                apply(&mut expected[addressed], &[Ok(operation.clone())]);
                say(&metadata, operation);
                assert!(
                    same_value(&metadata.current().unwrap(), &expected[addressed]),
                    "what is read is not what was said"
                );
            }
            // Operations that fit no document are told, and had no effect on either side.
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
                .all(|refusal| refusal.reason() != "too_large"),
            "{error}"
        );
    }
    for (id, expected) in ids.iter().zip(expected) {
        let stored: Value = server
            .query_one("SELECT runmeta.get($1)", &[id])
            .await
            .unwrap()
            .get(0);
        assert!(
            same_value(&stored, &expected),
            "{id}: {stored} is stored, {expected} was said"
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
