//! Whatever is said, whenever it is flushed, and whatever happens to the connection: the documents end as `core` computes
//! them from what was said, and reads show it all along.

#[path = "../../../core/tests/generate/mod.rs"]
#[allow(dead_code, missing_docs)]
mod generate;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use runmeta_core::{Operation, apply, same_value};
use serde_json::{Value, json};

use crate::answer::Target;
use crate::buffer::lock;
use crate::settings::Settings;
use crate::{Metadata, NewRun, Run};

use super::fake_server::{FakeServer, Fault};
use super::say::say;
use super::{client_of, on_a_fast_clock};

#[derive(Clone, Debug)]
enum Step {
    /// Say something on run 0, 1 or 2, or on its parent or root.
    Say(usize, Target, Value),
    /// Say several things atomically.
    SayTogether(usize, Vec<(Target, Value)>),
    /// Count another writer's way.
    OtherWriter(usize),
    Read(usize),
    Flush(usize),
    Refresh(usize),
    /// Let time pass.
    Wait(u64),
    Fail(Fault),
    /// Somebody locks a run's row, or lets go of all.
    Lock(usize),
    Unlock,
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![3 => Just(Target::Own), 1 => Just(Target::Parent), 1 => Just(Target::Root)]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::CutBefore),
        Just(Fault::CutAfter),
        (1usize..5).prop_map(Fault::Late),
        (1usize..4).prop_map(Fault::Failover)
    ]
}

fn operation() -> impl Strategy<Value = Value> {
    generate::operation().prop_map(|operation| Value::try_from(&operation).unwrap())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0usize..3, target(), operation()).prop_map(|(run, target, operation)| Step::Say(run, target, operation)),
        3 => (0usize..3, proptest::collection::vec((target(), operation()), 0..5))
            .prop_map(|(run, operations)| Step::SayTogether(run, operations)),
        1 => (0usize..3).prop_map(Step::OtherWriter),
        6 => (0usize..3).prop_map(Step::Read),
        2 => (0usize..3).prop_map(Step::Flush),
        1 => (0usize..3).prop_map(Step::Refresh),
        3 => (0u64..400).prop_map(Step::Wait),
        2 => fault().prop_map(Step::Fail),
        1 => (0usize..3).prop_map(Step::Lock),
        2 => Just(Step::Unlock),
    ]
}

fn addressed(run: &Run, target: Target) -> &str {
    match target {
        Target::Own => run.id(),
        Target::Parent => run.parent_id(),
        Target::Root => run.root_id(),
    }
}

/// Takes out what no document takes: it is refused here and never sent.
fn parsed(operations: Vec<(Target, Value)>) -> Vec<(Target, Operation<Value>)> {
    let parse = |(target, operation)| Some((target, Operation::parse(&operation).ok()?));
    operations.into_iter().filter_map(parse).collect()
}

fn count_other() -> Value {
    json!({"type": "increment", "key": "other writer", "value": 1})
}

fn without_other(document: &Value) -> Value {
    let mut document = document.clone();
    document.as_object_mut().unwrap().remove("other writer");
    document
}

/// Applies an operation to what is expected.
fn hear(
    expected: &mut BTreeMap<&str, Value>,
    run: &Run,
    target: Target,
    operation: Operation<Value>,
) {
    let document = expected.get_mut(addressed(run, target)).unwrap();
    apply(document, &[Ok(operation)]);
}

async fn play(steps: Vec<Step>, settings: Settings) {
    let server = Arc::new(FakeServer::default());
    let client = client_of(&server, settings);
    let mut runs = Vec::new();
    for (id, parent) in [("a", None), ("b", Some("a")), ("c", Some("b"))] {
        let run = NewRun::new(id).metadata(json!({"n": 0.5}));
        let run = parent.into_iter().fold(run, NewRun::parent);
        runs.push(client.start(run).await.unwrap());
    }
    let mut expected: BTreeMap<&str, Value> =
        ["a", "b", "c"].map(|id| (id, json!({"n": 0.5}))).into();
    for step in steps {
        match step {
            Step::Say(run, target, operation) => {
                for (target, operation) in parsed(vec![(target, operation)]) {
                    say(&Metadata::of(runs[run].clone(), target), operation.clone());
                    hear(&mut expected, &runs[run], target, operation);
                }
            }
            Step::SayTogether(run, operations) => {
                let operations = parsed(operations);
                runs[run].metadata().atomically(|metadata| {
                    for (target, operation) in operations.clone() {
                        say(&metadata.other(target), operation);
                    }
                });
                for (target, operation) in operations {
                    hear(&mut expected, &runs[run], target, operation);
                }
            }
            Step::OtherWriter(run) => server.write(runs[run].id(), count_other()),
            // What was refused is told in full by other tests.
            Step::Flush(run) => {
                let metadata = runs[run].metadata();
                drop(tokio::time::timeout(Duration::from_secs(3), metadata.flush()).await);
            }
            Step::Read(run) => {
                let (seen, said) = (
                    runs[run].metadata().current().unwrap(),
                    &expected[runs[run].id()],
                );
                assert!(
                    same_value(&without_other(&seen), said),
                    "{seen} is read, {said} was said"
                );
            }
            Step::Refresh(run) => {
                // Batches that a failover lost are sent first, and wait for locks.
                let refreshed = runs[run].metadata().refresh().await;
                assert!(refreshed.is_ok() || !lock(&server.locked).is_empty());
            }
            Step::Wait(milliseconds) => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await
            }
            Step::Fail(fault) => server.fail_next(fault),
            Step::Lock(run) => lock(&server.locked).push(runs[run].id().to_owned()),
            Step::Unlock => lock(&server.locked).clear(),
        }
    }
    lock(&server.locked).clear();
    drop(client.flush().await);
    // A failover that nothing was sent after is found out by the next batch only.
    for _ in 0..8 {
        runs[0].metadata().increment("n", 0);
        drop(client.flush().await);
    }
    apply(
        expected.get_mut("a").unwrap(),
        &[Operation::parse(
            &json!({"type": "increment", "key": "n", "value": 0}),
        )],
    );
    for run in &runs {
        let (document, expected) = (
            without_other(&server.document(run.id())),
            &expected[run.id()],
        );
        assert!(
            same_value(&document, expected),
            "run {}: {document} is stored, {expected} was said",
            run.id()
        );
        run.metadata().refresh().await.unwrap();
        assert!(same_value(
            &run.metadata().current().unwrap(),
            &server.document(run.id())
        ));
    }
    assert_eq!(client.metrics().lost_batches, 0);
    client.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(client.metrics().buffered_operations, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn documents_end_as_core_computes_them(steps in proptest::collection::vec(step(), 0..60)) {
        on_a_fast_clock(play(steps, Settings::default()));
    }

    #[test]
    fn tiny_batches_change_nothing(steps in proptest::collection::vec(step(), 0..60), operations in 1usize..4) {
        on_a_fast_clock(play(steps, Settings { batch_operations: operations, ..Settings::default() }));
    }
}
