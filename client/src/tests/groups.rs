//! What was said atomically leaves together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{FakeServer, client_of, on_a_fast_clock, start, start_child, threads};
use crate::buffer::lock;
use crate::settings::Settings;
use crate::transport::Transport;
use crate::{Client, NewRun, metadata};

fn here(settings: Settings) -> (Arc<FakeServer>, Client) {
    let server = Arc::new(FakeServer::default());
    (server.clone(), client_of(&server, settings))
}

/// Sends the batches that a server was sent to one that has the same runs, and looks at it after each.
async fn replay(server: &FakeServer, runs: &[(&str, Option<&str>)], look: impl Fn(&FakeServer)) {
    let again = FakeServer::default();
    for (id, parent) in runs {
        let mut run = NewRun::new(*id);
        run.parent = parent.map(str::to_owned);
        again.start(&run, "{}").await.unwrap();
    }
    let batches = lock(&server.batches).clone();
    for (batch, sequence) in batches.iter().zip(1..) {
        let batch = batch.to_string();
        again
            .flush(&batch, Uuid::nil(), sequence, Duration::ZERO)
            .await
            .unwrap();
        look(&again);
    }
}

fn number(document: &Value, key: &str) -> u64 {
    document[key].as_u64().unwrap_or(0)
}

#[test]
fn every_batch_has_a_group_whole_or_not_at_all() {
    const CHILDREN: [&str; 4] = ["a", "b", "c", "d"];
    const ROUNDS: u64 = 1_500;
    threads(4).block_on(async {
        let (server, client) = here(Settings {
            interval: Duration::ZERO,
            batch_operations: 3,
            ..Settings::default()
        });
        start(&client, "root").await;
        start_child(&client, "parent", "root").await;
        let mut tasks = Vec::new();
        for id in CHILDREN {
            let child = start_child(&client, id, "parent").await;
            tasks.push(tokio::spawn(async move {
                for round in 0..ROUNDS {
                    // What is said alone before, between and after goes its own way, in its order.
                    child.metadata().append("log", round).parent().set("last", round);
                    child.metadata().atomically(|metadata| {
                        metadata.increment("n", 1).set("even", round * 2);
                        metadata.parent().increment("n", 1);
                        metadata.root().increment("n", 1);
                    });
                    child.metadata().root().set(child.id(), round);
                    if round % 7 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        client.flush().await.unwrap();

        let runs = [("root", None), ("parent", Some("root"))];
        let children = CHILDREN.map(|id| (id, Some("parent")));
        let runs = [runs.as_slice(), children.as_slice()].concat();
        replay(&server, &runs, |server| {
            let children = CHILDREN.map(|id| number(&server.document(id), "n"));
            let [parent, root] = ["parent", "root"].map(|id| number(&server.document(id), "n"));
            let all: u64 = children.iter().sum();
            assert_eq!((all, all), (parent, root));
        })
        .await;
        for id in CHILDREN {
            let expected = json!({"n": ROUNDS, "even": 2 * (ROUNDS - 1), "log": (0..ROUNDS).collect::<Value>()});
            assert_eq!(server.document(id), expected);
        }
        assert!(lock(&server.batches).len() > 1);
        assert_eq!(client.buffer().meter.weight.load(Relaxed), 0);
        assert_eq!(client.buffer().meter.waiting.load(Relaxed), 0);
    });
}

#[test]
fn group_is_seen_and_sent_when_its_closure_is_left() {
    on_a_fast_clock(async {
        let (server, client) = here(Settings::default());
        start(&client, "parent").await;
        let run = start_child(&client, "a", "parent").await;
        run.metadata().atomically(|metadata| {
            metadata
                .increment("n", 1)
                .set("text", "x")
                .parent()
                .decrement("left", 0.5);
            assert_eq!(metadata.get::<u8>("n"), None);
        });
        assert_eq!(run.metadata().current(), Some(json!({"n": 1, "text": "x"})));
        run.metadata().flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 1, "text": "x"}));
        assert_eq!(server.document("parent"), json!({"left": -0.5}));
        assert_eq!(lock(&server.batches).len(), 1);
    });
}

#[test]
fn panicking_closure_says_nothing() {
    on_a_fast_clock(async {
        let (server, client) = here(Settings::default());
        let run = start(&client, "a").await;
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            run.metadata().atomically(|metadata| {
                metadata.set("half", true);
                panic!("the job fails");
            });
        }));
        assert!(panicked.is_err());
        run.metadata().set("after", 1).flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"after": 1}));
    });
}

#[test]
fn group_within_a_group_belongs_to_it_and_a_handle_that_outlives_it_says_things_alone() {
    on_a_fast_clock(async {
        let (server, client) = here(Settings::default());
        let run = start(&client, "a").await;
        let mut kept = None;
        run.metadata().atomically(|outer| {
            outer.append("log", 1);
            outer.atomically(|inner| drop(inner.append("log", 2).clone()));
            outer.append("log", 3);
            kept = Some(outer.clone());
            assert_eq!(client.metrics().buffered_operations, 0);
        });
        kept.unwrap().append("log", 4);
        client.flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"log": [1, 2, 3, 4]}));
    });
}

#[test]
fn ambient_groups_mean_the_run_of_the_scope_and_have_no_effect_outside() {
    on_a_fast_clock(async {
        let (server, client) = here(Settings::default());
        let run = start(&client, "a").await;
        let say = || metadata::atomically(|metadata| drop(metadata.set("n", 1).clone()));
        say();
        run.scope(async { drop(say()) }).await;
        assert_eq!(server.document("a"), json!({"n": 1}));
        assert_eq!(lock(&server.batches).len(), 1);
    });
}

#[test]
fn operation_that_is_wrong_in_itself_is_refused_alone() {
    on_a_fast_clock(async {
        let (server, client) = here(Settings::default());
        let run = start(&client, "a").await;
        run.metadata().atomically(|metadata| {
            metadata
                .set("", 1)
                .set("$.a[", 1)
                .increment("n", f64::NAN)
                .set("n", 1);
        });
        let error = run.metadata().flush().await.unwrap_err();
        assert_eq!(error.refusals().len(), 2, "{error}");
        assert_eq!(server.document("a")["n"], 1);
    });
}

#[test]
fn group_for_which_there_is_no_room_is_refused_whole_and_leaves_nothing_behind() {
    on_a_fast_clock(async {
        let (server, client) = here(Settings {
            buffer_bytes: 64 * 1024,
            ..Settings::default()
        });
        start(&client, "parent").await;
        let run = start_child(&client, "a", "parent").await;
        // More than a batch takes, at once and little by little.
        run.metadata().atomically(|metadata| {
            metadata.parent().increment("n", 1);
            metadata.append("log", "x".repeat(9_000)).set("n", 1);
        });
        let mut taken = 0;
        for _ in 0..1_000 {
            let before = client.metrics().refused;
            run.metadata().atomically(|metadata| {
                metadata.parent().increment("n", 1);
                metadata.append("log", "y").increment("n", 1);
            });
            taken += u64::from(client.metrics().refused == before);
        }
        assert!((5..1_000).contains(&taken), "{taken}");
        // What is said alone on such a run is within the same bound, on others it is not.
        run.metadata().append("log", "z".repeat(7_000));
        assert_eq!(client.metrics().refused, 3 + 3 * (1_000 - taken) + 1);
        start(&client, "b")
            .await
            .metadata()
            .append("log", "z".repeat(7_000));
        let error = client.flush().await.unwrap_err();
        assert!(
            error
                .refusals()
                .iter()
                .all(|refusal| refusal.reason() == "buffer_full")
        );
        assert_eq!(number(&server.document("a"), "n"), taken);
        assert_eq!(number(&server.document("parent"), "n"), taken);
        assert_eq!(
            server.document("b")["log"][0].as_str().map(str::len),
            Some(7_000)
        );
        assert_eq!(client.buffer().meter.weight.load(Relaxed), 0);
        // There is room again.
        run.metadata()
            .atomically(|metadata| drop(metadata.increment("n", 1).clone()));
        run.metadata().flush().await.unwrap_err();
        assert_eq!(number(&server.document("a"), "n"), taken + 1);
    });
}

#[test]
fn batch_that_is_refused_is_never_split_within_a_tree_that_was_spoken_of_atomically() {
    on_a_fast_clock(async {
        let (server, client) = here(Settings::default());
        start(&client, "parent").await;
        let mut runs = Vec::new();
        for id in ["a", "b", "c"] {
            runs.push(start_child(&client, id, "parent").await);
            runs.push(start(&client, &format!("other {id}")).await);
        }
        lock(&server.denied).push("b".to_owned());
        for run in &runs {
            run.metadata().atomically(|metadata| {
                metadata.increment("n", 1);
                metadata.parent().increment("all", 1);
            });
        }
        let error = client.flush().await.unwrap_err();
        assert_eq!(error.refusals().len(), 4, "{error}");
        for id in ["a", "b", "c", "parent"] {
            assert_eq!(server.document(id), json!({}));
        }
        for id in ["a", "b", "c"] {
            assert_eq!(
                server.document(&format!("other {id}")),
                json!({"n": 1, "all": 1})
            );
        }
    });
}

#[test]
fn group_said_after_shutdown_is_refused() {
    on_a_fast_clock(async {
        let (server, client) = here(Settings::default());
        let run = start(&client, "a").await;
        client.shutdown(Duration::from_secs(1)).await.unwrap();
        run.metadata()
            .atomically(|metadata| drop(metadata.set("n", 1).set("m", 1).clone()));
        assert_eq!(client.metrics().refused, 2);
        assert_eq!(server.document("a"), json!({}));
    });
}
