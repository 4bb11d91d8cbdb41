//! When batches leave, and what is in them.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    client_of, milliseconds, start, start_child, start_many, threads, with_client, with_settings,
};
use crate::settings::Settings;
use crate::testing::faults::FaultyServer;

/// Returns the batches with operations.
fn batches(server: &FaultyServer) -> Vec<Value> {
    let mut batches = server.batches();
    batches.retain(|batch| batch.to_string().contains(r#""type""#));
    batches
}

#[test]
fn first_operation_after_a_pause_leaves_at_once_and_then_one_batch_an_interval() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        run.metadata().set("progress", 0);
        milliseconds(1).await;
        assert_eq!(batches(&server).len(), 1);
        for progress in 1..=104 {
            run.metadata().set("progress", progress);
            milliseconds(10).await;
        }
        // A second of changes: four batches, and the last value in the next.
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
fn commands_and_flushes_of_others_do_not_bring_what_is_recorded_forward() {
    with_client(async |server, client| {
        let (run, other) = (start(&client, "a").await, start(&client, "b").await);
        run.metadata().set("progress", 0);
        milliseconds(1).await;
        for progress in 1..=100 {
            run.metadata().set("progress", progress);
            start(&client, &format!("new {progress}")).await;
            other.metadata().set("n", progress).flush().await.unwrap();
            milliseconds(10).await;
        }
        let text = Value::from(batches(&server)).to_string();
        let of_run = text.matches(r#""key":"progress""#).count();
        assert!((4..=5).contains(&of_run), "{of_run}");
    });
}

#[test]
fn command_leaves_at_once_with_what_was_recorded_before() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        run.metadata().set("n", 0);
        milliseconds(1).await;
        let begun = Instant::now();
        run.metadata().set("n", 1);
        run.finish().await.unwrap();
        assert_eq!(begun.elapsed().as_millis(), 0);
        let last = server.batches().pop().unwrap();
        let expected = json!([{
            "run": "a",
            "operations": [{"type": "set", "key": "n", "value": 1}],
            "finish": {"status": "completed", "attempt": 1},
        }]);
        assert_eq!(last, expected);
    });
}

#[test]
fn commands_of_many_runs_travel_together() {
    with_client(async |server, client| {
        let mut starts = Vec::new();
        for id in 0..1_000 {
            let client = client.clone();
            starts.push(tokio::spawn(async move {
                start(&client, &id.to_string()).await
            }));
        }
        let mut finishes = Vec::new();
        for run in starts {
            let run = run.await.unwrap();
            finishes.push(tokio::spawn(async move { run.finish().await }));
        }
        for finish in finishes {
            finish.await.unwrap().unwrap();
        }
        assert!(server.batches().len() < 20, "{}", server.batches().len());
        assert_eq!(server.database.status("999").as_deref(), Some("completed"));
    });
}

#[test]
fn reading_a_document_brings_no_batch_forward() {
    with_client(async |server, client| {
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
fn a_million_increments_on_100_runs_are_one_operation_per_run_and_batch() {
    with_client(async |server, client| {
        let runs = start_many(&client, 100).await;
        for _ in 0..100 {
            for run in &runs {
                let metadata = run.metadata();
                for _ in 0..100 {
                    metadata.increment("n", 1);
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
        for run in &runs {
            assert_eq!(server.document(run.id()), json!({"n": 10_000}));
        }
    });
}

#[test]
fn children_that_count_up_one_parent_make_one_operation() {
    with_client(async |server, client| {
        start(&client, "parent").await;
        for child in 0..50 {
            let child = start_child(&client, &format!("child {child}"), "parent").await;
            for _ in 0..10 {
                child.metadata().parent().increment("rows", 1);
                child.metadata().root().increment("rows", 1);
            }
        }
        client.flush().await.unwrap();
        let batches = batches(&server);
        let operations = Value::from(batches.clone())
            .to_string()
            .matches("increment")
            .count();
        // The first left at once, the others with the flush.
        assert_eq!(operations, 2);
        assert!(
            batches[0].to_string().contains("parentOperations"),
            "{}",
            batches[0]
        );
        assert_eq!(server.document("parent"), json!({"rows": 1000}));
    });
}

#[test]
fn what_is_recorded_on_a_run_in_several_ways_arrives_in_order() {
    with_client(async |server, client| {
        let parent = start(&client, "parent").await;
        let child = start_child(&client, "child", "parent").await;
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
fn more_than_a_batch_holds_leaves_in_several_at_once() {
    let settings = Settings {
        batch_operations: 10,
        ..Settings::default()
    };
    with_settings(settings, async |server, client| {
        let run = start(&client, "a").await;
        for value in 0..95 {
            run.metadata().append("log", value);
        }
        milliseconds(1).await;
        let sent = batches(&server).len();
        assert_eq!(sent, 9, "what fills a batch does not wait");
        run.metadata().flush().await.unwrap();
        assert_eq!(server.document("a")["log"], (0..95).collect::<Value>());
    });
}

#[test]
fn a_finish_and_a_start_do_not_wait_for_what_is_recorded_after_them() {
    let settings = Settings {
        batch_operations: 10,
        ..Settings::default()
    };
    with_settings(settings, async |server, client| {
        let run = start(&client, "a").await;
        let metadata = run.metadata();
        let record = |count: usize| (0..count).for_each(|n| drop(metadata.append("log", n)));
        record(25);
        let finish = run.finish();
        tokio::pin!(finish);
        // Each time the engine looks, more than a batch waits.
        let mut rounds = 0;
        while poll_once(finish.as_mut()).await.is_none() {
            record(15);
            rounds += 1;
            assert!(rounds < 100, "it waits for what was recorded later");
        }
        let log = server.document("a")["log"].as_array().map_or(0, Vec::len);
        assert!(log >= 25, "it came before what was recorded earlier");
        client.flush().await.unwrap();
        let again = client.start(crate::NewRun::new("a").attempt(2));
        tokio::pin!(again);
        let mut rounds = 0;
        while poll_once(again.as_mut()).await.is_none() {
            record(1);
            rounds += 1;
            assert!(rounds < 100, "it waits for what was recorded later");
        }
        assert_eq!(server.database.run("a").unwrap().attempt, 2);
    });
}

/// Polls a future once and lets the others go on.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    let polled = std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    });
    let polled = polled.await;
    tokio::task::yield_now().await;
    polled
}

#[test]
fn a_run_on_which_is_recorded_while_a_batch_is_gathered_comes_into_it_once() {
    threads(4).block_on(async {
        let server = FaultyServer::default();
        let settings = Settings {
            interval: std::time::Duration::ZERO,
            ..Settings::default()
        };
        let client = client_of(&server, settings);
        let run = start(&client, "a").await;
        let record = |first: usize| {
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
        for task in (0..3).map(record).collect::<Vec<_>>() {
            task.await.unwrap();
        }
        client.flush().await.unwrap();
        let log: Vec<(usize, usize)> =
            serde_json::from_value(server.document("a")["log"].clone()).unwrap();
        for task in 0..3 {
            let of_task = log.iter().filter(|(of, _)| *of == task);
            assert!(of_task.map(|(_, value)| *value).eq(0..5000));
        }
        for batch in batches(&server) {
            assert_eq!(batch.as_array().unwrap().len(), 1);
        }
    });
}
