//! When batches go, and what is in them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{FakeServer, client_of, milliseconds, on_a_fast_clock, start, threads};
use crate::buffer::lock;
use crate::settings::Settings;
use crate::{Client, NewRun};

fn here() -> (Arc<FakeServer>, Client) {
    let server = Arc::new(FakeServer::default());
    (server.clone(), client_of(&server, Settings::default()))
}

fn batches(server: &FakeServer) -> Vec<Value> {
    lock(&server.batches).clone()
}

#[test]
fn first_operation_after_a_pause_goes_at_once_and_then_one_flush_an_interval() {
    on_a_fast_clock(async {
        let (server, client) = here();
        let run = start(&client, "a").await;
        run.metadata().set("progress", 0);
        milliseconds(1).await;
        assert_eq!(batches(&server).len(), 1);
        for progress in 1..=104 {
            run.metadata().set("progress", progress);
            milliseconds(10).await;
        }
        // A second of changes: four flushes, and the last value in the next.
        assert_eq!(batches(&server).len(), 5);
        milliseconds(250).await;
        assert_eq!(server.document("a"), json!({"progress": 104}));
        milliseconds(10_000).await;
        assert_eq!(batches(&server).len(), 6);
        run.metadata().set("progress", 105);
        milliseconds(1).await;
        assert_eq!(server.document("a"), json!({"progress": 105}));
    });
}

#[test]
fn reading_a_document_brings_no_flush_forward() {
    on_a_fast_clock(async {
        let (server, client) = here();
        let run = start(&client, "a").await;
        run.metadata().increment("n", 1);
        milliseconds(1).await;
        run.metadata().increment("n", 1);
        run.metadata().refresh().await.unwrap();
        assert_eq!(batches(&server).len(), 1);
        assert_eq!(run.metadata().get::<u8>("n"), Some(2));
    });
}

#[test]
fn a_million_increments_on_100_runs_are_one_operation_per_run_and_flush() {
    on_a_fast_clock(async {
        let (server, client) = here();
        let mut runs = Vec::new();
        for id in 0..100 {
            runs.push(start(&client, &id.to_string()).await.metadata());
        }
        for _ in 0..100 {
            for run in &runs {
                for _ in 0..100 {
                    run.increment("n", 1);
                }
            }
            milliseconds(10).await;
        }
        client.flush().await.unwrap();
        for batch in batches(&server) {
            for entry in batch.as_array().unwrap() {
                assert_eq!(entry["operations"].as_array().unwrap().len(), 1);
            }
        }
        assert!(batches(&server).len() <= 6, "{}", batches(&server).len());
        for id in 0..100 {
            assert_eq!(server.document(&id.to_string()), json!({"n": 10_000}));
        }
    });
}

#[test]
fn children_that_count_into_one_parent_make_one_operation() {
    on_a_fast_clock(async {
        let (server, client) = here();
        start(&client, "parent").await;
        for child in 0..50 {
            let child = client
                .start(NewRun::new(format!("child {child}")).parent("parent"))
                .await
                .unwrap();
            for _ in 0..10 {
                child.metadata().parent().increment("rows", 1);
                child.metadata().root().increment("rows", 1);
            }
        }
        client.flush().await.unwrap();
        let operations: usize = batches(&server)
            .iter()
            .map(|batch| batch.to_string().matches("increment").count())
            .sum();
        // The first went at once, the others with the flush.
        assert_eq!(operations, 2);
        assert!(
            batches(&server)[0][0].get("parentOperations").is_some(),
            "{}",
            batches(&server)[0]
        );
        assert_eq!(server.document("parent"), json!({"rows": 1000}));
    });
}

#[test]
fn what_is_said_on_a_run_by_several_ways_arrives_in_the_order_it_was_said() {
    on_a_fast_clock(async {
        let (server, client) = here();
        let parent = start(&client, "parent").await;
        let child = client
            .start(NewRun::new("child").parent("parent"))
            .await
            .unwrap();
        for round in 0..20 {
            parent.metadata().append("log", 3 * round);
            child.metadata().parent().append("log", 3 * round + 1);
            child.metadata().root().append("log", 3 * round + 2);
            milliseconds(round).await;
        }
        client.flush().await.unwrap();
        assert_eq!(server.document("parent")["log"], (0..60).collect::<Value>());
    });
}

#[test]
fn more_than_a_batch_takes_goes_in_several_at_once() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(
            &server,
            Settings {
                batch_operations: 10,
                ..Settings::default()
            },
        );
        let run = start(&client, "a").await;
        for value in 0..95 {
            run.metadata().append("log", value);
        }
        milliseconds(1).await;
        assert_eq!(
            batches(&server).len(),
            9,
            "what fills a batch does not wait"
        );
        run.metadata().flush().await.unwrap();
        assert_eq!(server.document("a")["log"], (0..95).collect::<Value>());
    });
}

#[test]
fn a_run_that_is_spoken_of_while_a_batch_is_gathered_comes_into_it_once() {
    threads(4).block_on(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(
            &server,
            Settings {
                interval: std::time::Duration::ZERO,
                ..Settings::default()
            },
        );
        let run = start(&client, "a").await;
        let say = |first: usize| {
            let metadata = run.metadata();
            tokio::spawn(async move {
                for value in 0..5000 {
                    metadata.append("log", (first, value));
                    if value % 50 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            })
        };
        for task in (0..3).map(say).collect::<Vec<_>>() {
            task.await.unwrap();
        }
        client.flush().await.unwrap();
        let log: Vec<(usize, usize)> =
            serde_json::from_value(server.document("a")["log"].clone()).unwrap();
        for task in 0..3 {
            assert!(
                log.iter()
                    .filter(|(of, _)| *of == task)
                    .map(|(_, value)| *value)
                    .eq(0..5000)
            );
        }
        for batch in batches(&server) {
            assert_eq!(batch.as_array().unwrap().len(), 1);
        }
    });
}
