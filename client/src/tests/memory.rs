//! Memory, counted by an allocator that counts for each thread.

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{FakeServer, client_of, milliseconds, on_a_fast_clock, start};
use crate::answer::{Answer, Loaded};
use crate::settings::Settings;
use crate::transport::{Reply, Transport, Wanted};
use crate::{Client, Error, NewRun};

#[test]
fn repeated_increments_allocate_nothing() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let metadata = start(&client, "a").await.metadata();
        let round = || {
            metadata
                .increment("rows", 1)
                .increment("$.progress.share", 0.1)
                .decrement("left", 1u8);
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

/// A server that starts runs and is gone then.
struct Gone;

impl Transport for Gone {
    fn flush<'a>(&'a self, _: &'a str, _: Uuid, _: i64, _: Duration) -> Reply<'a, Vec<Answer>> {
        Box::pin(async { Err(Error::lost()) })
    }

    fn load<'a>(&'a self, wanted: &'a [Wanted]) -> Reply<'a, Vec<Loaded>> {
        let loaded = |(id, _): &Wanted| Loaded {
            id: id.clone(),
            root: id.clone(),
            parent: None,
            version: 1,
            document: Ok(json!({})),
        };
        Box::pin(async move { Ok(wanted.iter().map(loaded).collect()) })
    }

    fn start<'a>(&'a self, _: &'a NewRun, _: &'a str) -> Reply<'a, i64> {
        Box::pin(async { Ok(1) })
    }

    fn set_status<'a>(&'a self, _: &'a str, _: &'a str) -> Reply<'a, i64> {
        Box::pin(async { Ok(1) })
    }

    fn finish<'a>(&'a self, _: &'a str, _: &'a str) -> Reply<'a, i64> {
        Box::pin(async { Ok(1) })
    }
}

const BOUND: usize = 1024 * 1024;

/// Says what `say` says, far more than fits, to a server that is gone, and returns the most bytes that it took.
fn most_bytes(say: fn(&crate::Metadata, usize)) -> usize {
    let taken = |rounds: usize| {
        let counted = measure(|| {
            on_a_fast_clock(async {
                let settings = Settings {
                    buffer_bytes: BOUND,
                    ..Settings::default()
                };
                let client = Client::over(
                    Arc::new(crate::buffer::Buffer::new(settings)),
                    Arc::new(Gone),
                );
                let runs = [
                    start(&client, "a").await.metadata(),
                    start(&client, "b").await.metadata(),
                ];
                for round in 0..rounds {
                    say(&runs[round % 2], round);
                    if round % 100 == 0 {
                        milliseconds(1).await;
                    }
                    assert!(client.metrics().buffered_bytes <= BOUND);
                }
                assert!(
                    rounds < 1000 || client.metrics().refused > 0,
                    "the buffer was never full"
                );
            });
        });
        usize::try_from(counted.bytes_max).unwrap()
    };
    taken(40_000) - taken(1)
}

#[test]
fn memory_stays_under_the_bound_when_the_server_is_gone_and_the_producer_never_stops() {
    let kinds: [fn(&crate::Metadata, usize); 8] = [
        // As JSON, these are six times as long. The longest comes first, and so into the batch that is never answered.
        |metadata, round| {
            let text = "\u{1}".repeat(120_000 >> round.min(12));
            drop(metadata.append("log", text).clone())
        },
        |metadata, round| {
            let key = "\u{1}".repeat(40_000 >> round.min(12));
            drop(metadata.append(&key, json!({&key: round})).clone())
        },
        |metadata, round| {
            drop(
                metadata
                    .atomically(|metadata| {
                        drop(metadata.append("log", round).set("n", round).clone())
                    })
                    .clone(),
            )
        },
        |metadata, round| drop(metadata.append("log", round).clone()),
        |metadata, round| drop(metadata.set(&format!("key {round}"), round).clone()),
        |metadata, round| {
            drop(
                metadata
                    .increment(&format!("$.path.{round}.below"), round)
                    .clone(),
            )
        },
        |metadata, round| {
            drop(
                metadata
                    .append(
                        "log",
                        json!({"a": {"b": [round, null]}, "text": "\u{1}".repeat(round % 500)}),
                    )
                    .clone(),
            )
        },
        |metadata, round| {
            drop(
                metadata
                    .merge(
                        vec![Value::from(round); 50]
                            .into_iter()
                            .enumerate()
                            .map(|(at, value)| (at.to_string(), value))
                            .collect::<serde_json::Map<_, _>>(),
                    )
                    .clone(),
            )
        },
    ];
    let most = kinds.map(most_bytes);
    println!("bytes at most, of {BOUND}: {most:?}");
    assert!(most.into_iter().all(|most| most <= BOUND), "{most:?}");
}
