//! What was recorded atomically leaves together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{client_of, start, start_child, threads, with_client, with_settings};
use crate::metadata;
use crate::settings::Settings;
use crate::testing::faults::FaultyServer;
use crate::wire::Flush;

/// Sends the batches that a server was sent to another, and looks at that after each.
fn replay(server: &FaultyServer, look: impl Fn(&FaultyServer)) {
    let again = FaultyServer::default();
    for (batch, sequence) in server.batches().iter().zip(1..) {
        let batch = Flush {
            text: Arc::from(batch.to_string()),
            writer: Uuid::nil(),
            sequence,
            lock_timeout: Duration::ZERO,
        };
        again.take(&batch).unwrap();
        look(&again);
    }
}

/// Returns a number of a run's document, 0 if there is none.
fn number(server: &FaultyServer, run: &str, key: &str) -> u64 {
    let document = server.database.document(run);
    document.map_or(0, |document| document[key].as_u64().unwrap_or(0))
}

#[test]
fn every_batch_has_a_group_whole_or_not_at_all() {
    const CHILDREN: [&str; 4] = ["a", "b", "c", "d"];
    const ROUNDS: u64 = 1_500;
    threads(4).block_on(async {
        let server = FaultyServer::default();
        let settings = Settings {
            interval: Duration::ZERO,
            batch_operations: 3,
            ..Settings::default()
        };
        let client = client_of(&server, settings);
        start(&client, "root").await;
        start_child(&client, "parent", "root").await;
        let mut tasks = Vec::new();
        for id in CHILDREN {
            let child = start_child(&client, id, "parent").await;
            tasks.push(tokio::spawn(async move {
                for round in 0..ROUNDS {
                    // What is recorded alone before, between and after goes its own way, in its order.
                    child.metadata().append("log", round).parent().set("last", round);
                    child.metadata().atomically(|metadata| {
                        metadata.increment("n", 1);
                        metadata.set("even", round * 2);
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

        replay(&server, |server| {
            let children = CHILDREN.map(|id| number(server, id, "n"));
            let [parent, root] = ["parent", "root"].map(|id| number(server, id, "n"));
            let all: u64 = children.iter().sum();
            assert_eq!((all, all), (parent, root));
        });
        for id in CHILDREN {
            let expected = json!({"n": ROUNDS, "even": 2 * (ROUNDS - 1), "log": (0..ROUNDS).collect::<Value>()});
            assert_eq!(server.document(id), expected);
        }
        assert!(server.batches().len() > CHILDREN.len() + 3);
        assert_eq!(client.buffer().budget.used(), 0);
        assert_eq!(client.metrics().buffered_operations, 0);
    });
}

#[test]
fn group_is_seen_and_sent_when_its_closure_is_left() {
    with_client(async |server, client| {
        start(&client, "parent").await;
        let run = start_child(&client, "a", "parent").await;
        run.metadata().atomically(|metadata| {
            metadata.increment("n", 1);
            metadata.set("text", "x").parent().decrement("left", 0.5);
            assert_eq!(metadata.get::<u8>("n"), None);
        });
        assert_eq!(run.metadata().current(), Some(json!({"n": 1, "text": "x"})));
        run.metadata().flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 1, "text": "x"}));
        assert_eq!(server.document("parent"), json!({"left": -0.5}));
        // Two starts, and the group.
        assert_eq!(server.batches().len(), 3);
    });
}

#[test]
fn panicking_closure_records_nothing() {
    with_client(async |server, client| {
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
fn group_within_a_group_belongs_to_it_and_a_handle_that_outlives_it_records_alone() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let mut kept = None;
        run.metadata().atomically(|outer| {
            outer.append("log", 1);
            outer.atomically(|inner| inner.append("log", 2));
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
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let record = || metadata::atomically(|metadata| metadata.set("n", 1));
        record();
        run.scope(async { drop(record()) }).await;
        assert_eq!(server.document("a"), json!({"n": 1}));
        assert_eq!(server.batches().len(), 2);
    });
}

#[test]
fn operation_that_is_invalid_in_itself_is_unapplied_alone() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        run.metadata().atomically(|metadata| {
            metadata.set("", 1).set("$.a[", 1);
            metadata.increment("n", f64::NAN);
            metadata.set("n", 1);
        });
        let error = run.metadata().flush().await.unwrap_err();
        assert_eq!(error.unapplied().len(), 2, "{error}");
        assert_eq!(server.document("a")["n"], 1);
    });
}

#[test]
fn group_for_which_there_is_no_room_is_unapplied_whole_and_leaves_nothing_behind() {
    let settings = Settings {
        buffer_bytes: 64 * 1024,
        ..Settings::default()
    };
    with_settings(settings, async |server, client| {
        start(&client, "parent").await;
        let run = start_child(&client, "a", "parent").await;
        // More than a batch takes, at once and little by little.
        run.metadata().atomically(|metadata| {
            metadata.parent().increment("n", 1);
            metadata.append("log", "x".repeat(9_000)).set("n", 1);
        });
        let mut taken = 0;
        for _ in 0..1_000 {
            let before = client.metrics().unapplied;
            run.metadata().atomically(|metadata| {
                metadata.parent().increment("n", 1);
                metadata.append("log", "y");
                metadata.increment("n", 1);
            });
            taken += u64::from(client.metrics().unapplied == before);
        }
        assert!((5..1_000).contains(&taken), "{taken}");
        // What is recorded alone on such a run is within the same bound, on others it is not.
        run.metadata().append("log", "z".repeat(7_000));
        assert_eq!(client.metrics().unapplied, 3 + 3 * (1_000 - taken) + 1);
        start(&client, "b")
            .await
            .metadata()
            .append("log", "z".repeat(7_000));
        let error = client.flush().await.unwrap_err();
        assert!(
            error
                .unapplied()
                .iter()
                .all(|unapplied| unapplied.reason() == "buffer_full")
        );
        assert_eq!(number(&server, "a", "n"), taken);
        assert_eq!(number(&server, "parent", "n"), taken);
        assert_eq!(
            server.document("b")["log"][0].as_str().map(str::len),
            Some(7_000)
        );
        assert_eq!(client.buffer().budget.used(), 0);
        // There is room again.
        run.metadata()
            .atomically(|metadata| drop(metadata.increment("n", 1).clone()));
        run.metadata().flush().await.unwrap_err();
        assert_eq!(number(&server, "a", "n"), taken + 1);
    });
}

#[test]
fn rejected_batch_is_never_split_within_a_tree_that_was_changed_atomically() {
    with_client(async |server, client| {
        start(&client, "parent").await;
        let mut runs = Vec::new();
        for id in ["a", "b", "c"] {
            runs.push(start_child(&client, id, "parent").await);
            runs.push(start(&client, &format!("other {id}")).await);
        }
        server.deny("b");
        for run in &runs {
            run.metadata().atomically(|metadata| {
                metadata.increment("n", 1);
                metadata.parent().increment("all", 1);
            });
        }
        let error = client.flush().await.unwrap_err();
        assert_eq!(error.unapplied().len(), 4, "{error}");
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
fn group_recorded_after_shutdown_is_unapplied() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        client.shutdown(Duration::from_secs(1)).await.unwrap();
        run.metadata()
            .atomically(|metadata| metadata.set("n", 1).set("m", 1));
        assert_eq!(client.metrics().unapplied, 2);
        assert_eq!(server.document("a"), json!({}));
    });
}

#[test]
fn group_that_would_make_a_document_too_large_has_no_effect_on_it_as_a_whole() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_maximum_size(100);
        run.metadata()
            .atomically(|metadata| metadata.set("n", 1).append("log", "x".repeat(200)));
        let error = run.metadata().flush().await.unwrap_err();
        assert_eq!(error.unapplied().len(), 2);
        assert_eq!(server.document("a"), json!({}));
    });
}
