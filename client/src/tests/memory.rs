//! Memory, counted by an allocator that counts for each thread.

use std::time::Duration;

use allocation_counter::measure;
use serde_json::{Value, json};

use super::{milliseconds, start, with_client, with_settings};
use crate::settings::Settings;
use crate::testing::faults::FaultyServer;
use crate::{Metadata, NewRun};

#[test]
fn repeated_increments_allocate_nothing() {
    with_client(async |server, client| {
        let metadata = start(&client, "a").await.metadata();
        let round = || {
            metadata.increment("rows", 1);
            metadata.increment("$.progress.share", 0.1);
            metadata.decrement("left", 1u8);
        };
        round();
        let repeats = measure(|| (0..1000).for_each(|_| round()));
        assert_eq!(repeats.count_total, 0);
        metadata.flush().await.unwrap();
        assert_eq!(
            server.document("a"),
            json!({"rows": 1001, "progress": {"share": 100.1}, "left": -1001})
        );
    });
}

const BOUND: usize = 1024 * 1024;

fn small() -> Settings {
    Settings {
        buffer_bytes: BOUND,
        ..Settings::default()
    }
}

/// Records with `record` far more than fits, while the server is gone, and returns the most bytes that it took.
fn most_bytes(record: fn(&Metadata, usize)) -> usize {
    let taken = |rounds: usize| {
        let counted = measure(|| {
            with_settings(small(), async |server, client| {
                let runs = [
                    start(&client, "a").await.metadata(),
                    start(&client, "b").await.metadata(),
                ];
                server.database.set_reachable(false);
                for round in 0..rounds {
                    record(&runs[round % 2], round);
                    if round % 100 == 0 {
                        milliseconds(1).await;
                    }
                    assert!(client.metrics().buffered_bytes <= BOUND);
                }
                let is_full = client.metrics().unapplied > 0;
                assert!(rounds < 1000 || is_full, "the buffer was never full");
            });
        });
        usize::try_from(counted.bytes_max).unwrap()
    };
    taken(40_000) - taken(1)
}

#[test]
fn memory_stays_under_the_bound_when_the_server_is_gone_and_the_producer_never_stops() {
    let kinds: [fn(&Metadata, usize); 8] = [
        // As JSON, these are six times as long. The longest comes first, and so into the batch that is never answered.
        |metadata, round| {
            metadata.append("log", "\u{1}".repeat(120_000 >> round.min(12)));
        },
        |metadata, round| {
            let key = "\u{1}".repeat(40_000 >> round.min(12));
            metadata.append(&key, json!({&key: round}));
        },
        |metadata, round| {
            metadata.atomically(|metadata| metadata.append("log", round).set("n", round));
        },
        |metadata, round| {
            metadata.append("log", round);
        },
        |metadata, round| {
            metadata.set(&format!("key {round}"), round);
        },
        |metadata, round| {
            metadata.increment(&format!("$.path.{round}.below"), round);
        },
        |metadata, round| {
            let text = "\u{1}".repeat(round % 500);
            metadata.append("log", json!({"a": {"b": [round, null]}, "text": text}));
        },
        |metadata, round| {
            let members = (0..50).map(|at| (at.to_string(), Value::from(round)));
            metadata.merge(members.collect::<serde_json::Map<_, _>>());
        },
    ];
    let most = kinds.map(most_bytes);
    println!("bytes at most, of {BOUND}: {most:?}");
    assert!(most.into_iter().all(|most| most <= BOUND), "{most:?}");
}

#[test]
fn all_memory_is_given_back_when_everything_is_sent() {
    with_settings(small(), async |server, client| {
        let run = start(&client, "a").await;
        for fault in 0..40 {
            let metadata = run.metadata();
            for n in 0..fault * 50 {
                metadata.append_keep("log", format!("line {n}"), 20);
                metadata.increment(&format!("n{}", n % 20), 1);
                metadata.atomically(|metadata| metadata.set("n", n).append_keep("log", n, 20));
            }
            match fault % 4 {
                0 => server.lock("a"),
                1 => server.deny("a"),
                2 => server.set_maximum_operations(Some(1)),
                _ => server.database.set_maximum_size(10),
            }
            milliseconds(3_000).await;
            server.unlock("a");
            server.allow("a");
            server.set_maximum_operations(None);
            let _ = client.flush().await;
            assert_eq!(client.buffer().budget.used(), 0, "{fault}");
            assert_eq!(client.metrics().buffered_operations, 0);
        }
    });
}

#[test]
fn a_log_that_keeps_its_last_lines_is_shortened_to_them() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        run.metadata().append("n", 1);
        milliseconds(1).await;
        for line in 0..100_000 {
            run.metadata().append_keep("log", line, 20);
        }
        assert!(client.metrics().buffered_operations <= 41);
        server.database.set_reachable(true);
        run.metadata().flush().await.unwrap();
        let last: Value = (99_980..100_000).collect();
        assert_eq!(server.document("a")["log"], last);
    });
}

#[test]
fn the_buffer_holds_what_its_operations_weigh_and_little_more() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        // Twenty seconds of 2,000 short lines a second.
        let text = "x".repeat(30);
        for line in 0..40_000 {
            run.metadata().append("log", (line, &text));
        }
        assert_eq!(client.metrics().unapplied, 0);
    });
}

#[test]
fn a_producer_that_waits_for_room_loses_nothing() {
    with_settings(small(), async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_maximum_size(64 * 1024 * 1024);
        let come_and_go = async {
            for _ in 0..10 {
                server.database.set_reachable(false);
                milliseconds(1_000).await;
                server.database.set_reachable(true);
                milliseconds(1_000).await;
            }
        };
        let produce = async {
            for line in 0..20_000 {
                if line % 100 == 0 {
                    client.ready().await;
                }
                run.metadata().append("log", line);
            }
        };
        tokio::join!(come_and_go, produce);
        client.flush().await.unwrap();
        assert_eq!(
            server.document("a")["log"].as_array().unwrap().len(),
            20_000
        );
    });
}

#[test]
fn those_who_wait_for_room_are_woken_by_what_is_rejected() {
    with_settings(small(), async |server: FaultyServer, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        while client.metrics().unapplied == 0 {
            run.metadata().append("log", "x".repeat(1_000));
        }
        let waiting = client.ready();
        tokio::pin!(waiting);
        let early = tokio::time::timeout(Duration::from_secs(1), waiting.as_mut());
        assert!(early.await.is_err());
        server.deny("a");
        server.database.set_reachable(true);
        waiting.await;
    });
}

#[test]
fn starts_that_give_up_while_the_server_is_gone_leave_no_memory_behind() {
    let settings = Settings {
        call_timeout: Duration::from_millis(100),
        ..small()
    };
    with_settings(settings, async |server, client| {
        server.database.set_reachable(false);
        for round in 0..200 {
            let starts = (0..10).map(|number| {
                let large = json!({"text": "x".repeat(10_000)});
                client.start(NewRun::new(format!("{round}/{number}")).metadata(large))
            });
            for start in futures(starts).await {
                // Because the server is gone, not because those before it fill the buffer.
                let error = start.unwrap_err();
                assert!(error.is_retryable(), "round {round}: {error}");
            }
            // As much as the batch under way and the starts of this round and the last ones take.
            assert!(client.metrics().buffered_bytes <= BOUND, "round {round}");
        }
        server.database.set_reachable(true);
        start(&client, "a")
            .await
            .metadata()
            .set("n", 1)
            .flush()
            .await
            .unwrap();
        assert_eq!(client.buffer().budget.used(), 0);
    });
}

#[test]
fn statuses_whose_callers_are_gone_are_bounded_and_reported() {
    with_settings(small(), async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        let mut unsent = 0;
        for _ in 0..10_000 {
            let set = run.set_status("working");
            unsent += usize::from(tokio::time::timeout(Duration::ZERO, set).await.is_ok());
        }
        assert!(unsent > 5_000, "{unsent} were refused");
        assert!(client.metrics().buffered_bytes <= BOUND);
        let error = run.set_status("working").await.unwrap_err();
        assert_eq!(error.unapplied()[0].reason(), "buffer_full");
    });
}

/// Waits for all of them at the same time.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut results: Vec<Option<T>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, result) in all.iter_mut().zip(&mut results) {
            if result.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *result = Some(output);
            }
        }
        match results.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    results.into_iter().flatten().collect()
}
