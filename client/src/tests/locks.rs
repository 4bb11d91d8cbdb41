//! Runs whose rows somebody else has locked.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{FakeServer, client_of, milliseconds, on_a_fast_clock, start, start_child};
use crate::buffer::lock;
use crate::settings::Settings;

#[test]
fn locked_row_holds_up_its_run_and_no_other() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let mut runs = Vec::new();
        for id in 0..100 {
            runs.push(start(&client, &id.to_string()).await.metadata());
        }
        lock(&server.locked).push("42".to_owned());
        let begun = Instant::now();
        for round in 0..600 {
            for run in &runs {
                run.append("log", round);
            }
            milliseconds(100).await;
        }
        // Of a minute, the others lose some seconds in which the locked run is found and tried.
        for (id, run) in runs.iter().enumerate() {
            assert_eq!(run.get::<Vec<u64>>("log").unwrap().len(), 600);
            let log = server.document(&id.to_string())["log"].clone();
            let most = log.as_array().map_or(0, Vec::len);
            assert!(
                if id == 42 { most == 0 } else { most > 500 },
                "{id}: {most}"
            );
        }
        assert!(
            timeout(Duration::from_secs(5), runs[42].flush())
                .await
                .is_err()
        );
        runs[41].append("log", 600).flush().await.unwrap();
        assert_eq!(client.metrics().refused, 0);

        lock(&server.locked).clear();
        client.flush().await.unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(200),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(server.document("42")["log"], (0..600).collect::<Value>());
    });
}

#[test]
fn several_locked_rows_leave_the_others_most_of_the_time() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let mut runs = Vec::new();
        for id in 0..100 {
            runs.push(start(&client, &id.to_string()).await.metadata());
        }
        lock(&server.locked).extend((0..8).map(|id| (12 * id).to_string()));
        for run in &runs {
            run.set("n", 0);
        }
        let begun = Instant::now();
        let mut flushes = 0;
        while begun.elapsed() < Duration::from_secs(600) {
            runs[99].set("n", flushes).flush().await.unwrap();
            flushes += 1;
            milliseconds(100).await;
        }
        assert!(flushes > 4_000, "{flushes}");
        start(&client, "late").await;
        assert!(
            timeout(Duration::from_secs(1), runs[0].flush())
                .await
                .is_err()
        );
        // Who waits for a lock does not slow down those who do not.
        let waiting = tokio::spawn({
            let held = runs[0].clone();
            async move { held.flush().await }
        });
        let begun = Instant::now();
        for n in 0..10 {
            runs[99].set("n", n).flush().await.unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(20));
        lock(&server.locked).clear();
        waiting.await.unwrap().unwrap();
    });
}

#[test]
fn family_that_was_spoken_of_atomically_waits_together() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        start(&client, "parent").await;
        let (one, other) = (
            start_child(&client, "one", "parent").await,
            start(&client, "other").await,
        );
        lock(&server.locked).push("one".to_owned());
        for _ in 0..50 {
            one.metadata().atomically(|metadata| {
                metadata.increment("n", 1).parent().increment("n", 1);
            });
            other.metadata().increment("n", 1);
            milliseconds(100).await;
        }
        other.metadata().flush().await.unwrap();
        assert_eq!(server.document("other"), json!({"n": 50}));
        assert_eq!(
            [server.document("one"), server.document("parent")],
            [json!({}), json!({})]
        );
        lock(&server.locked).clear();
        one.metadata().flush().await.unwrap();
        assert_eq!(
            [server.document("one"), server.document("parent")],
            [json!({"n": 50}), json!({"n": 50})]
        );
    });
}

#[test]
fn shutdown_tells_what_waited_for_a_lock() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let (run, other) = (start(&client, "a").await, start(&client, "b").await);
        lock(&server.locked).push("a".to_owned());
        run.metadata().set("first", 1);
        milliseconds(2_000).await;
        run.metadata().set("second", 1);
        other.metadata().set("first", 1);
        let error = client.shutdown(Duration::from_secs(3)).await.unwrap_err();
        let unsent: Vec<_> = error
            .refusals()
            .iter()
            .map(|unsent| (unsent.run_id(), unsent.key()))
            .collect();
        assert_eq!(unsent, [("a", Some("first")), ("a", Some("second"))]);
        assert_eq!(server.document("b"), json!({"first": 1}));
    });
}

#[test]
fn client_that_is_dropped_ends_when_the_lock_does() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let run = start(&client, "a").await;
        lock(&server.locked).push("a".to_owned());
        run.metadata().set("first", 1);
        milliseconds(2_000).await;
        run.metadata().set("second", 2);
        drop((run, client));
        milliseconds(10_000).await;
        lock(&server.locked).clear();
        milliseconds(60_000).await;
        assert_eq!(server.document("a"), json!({"first": 1, "second": 2}));
    });
}
