//! Reading streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::{chunks, numbers, push_numbers};
use crate::stream::read_ahead::{MOST_BYTES, MOST_CHUNKS};
use crate::tests::{milliseconds, start, with_client};
use crate::{Chunks, NewRun, Reserve};

/// Reads to the end, and returns the chunks with their numbers, and the error that came last.
async fn read_all(mut stream: Chunks) -> (Vec<(u64, String)>, Option<String>) {
    let mut read = Vec::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => read.push((chunk.number(), chunk.json().to_owned())),
            Err(error) => {
                assert!(stream.next().await.is_none());
                return (read, Some(error.to_string()));
            }
        }
    }
    (read, None)
}

fn numbered(from: u64, to: u64) -> Vec<(u64, String)> {
    (from..to)
        .map(|number| (number, number.to_string()))
        .collect()
}

#[test]
fn readers_that_begin_before_during_and_after_read_the_same_chunks() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let early = client.read_stream("a", "s", 0).await.unwrap();
        let writer = tokio::spawn(async move { push_numbers(&run.metadata(), "s", 30_000).await });
        while chunks(&server, "a", "s").len() < 1_000 {
            milliseconds(1).await;
        }
        let during = client.read_stream("a", "s", 500).await.unwrap();
        let (early, during) = (
            tokio::spawn(read_all(early)),
            tokio::spawn(read_all(during)),
        );
        assert_eq!(writer.await.unwrap().unwrap(), 30_000);
        assert_eq!(early.await.unwrap(), (numbered(0, 30_000), None));
        assert_eq!(during.await.unwrap(), (numbered(500, 30_000), None));
        let late = client.read_stream("a", "s", 29_990).await.unwrap();
        assert_eq!(read_all(late).await, (numbered(29_990, 30_000), None));
        let behind = client.read_stream("a", "s", 30_000).await.unwrap();
        assert_eq!(read_all(behind).await, (Vec::new(), None));
    });
}

#[test]
fn a_reader_waits_for_a_run_and_a_stream_that_do_not_exist_yet() {
    with_client(async |_, client| {
        let reader = tokio::spawn(read_all(client.read_stream("a", "s", 0).await.unwrap()));
        let run = start(&client, "a").await;
        milliseconds(100).await;
        run.metadata().set("n", 1).flush().await.unwrap();
        push_numbers(&run.metadata(), "s", 3).await.unwrap();
        assert_eq!(reader.await.unwrap(), (numbered(0, 3), None));
    });
}

#[test]
fn a_stream_that_nobody_closed_ends_with_its_run() {
    with_client(async |_, client| {
        let run = start(&client, "a").await;
        let reader = tokio::spawn(read_all(client.read_stream("a", "s", 0).await.unwrap()));
        let other = tokio::spawn(read_all(client.read_stream("a", "none", 0).await.unwrap()));
        let mut writer = run.metadata().stream_writer("s");
        for number in 0..5 {
            writer.push(number).await.unwrap();
        }
        run.finish().await.unwrap();
        assert_eq!(reader.await.unwrap(), (numbered(0, 5), None));
        assert_eq!(other.await.unwrap(), (Vec::new(), None));
        drop(writer);
    });
}

#[test]
fn the_error_of_a_writer_comes_behind_the_last_chunk() {
    with_client(async |_, client| {
        let run = start(&client, "a").await;
        let reader = tokio::spawn(read_all(client.read_stream("a", "s", 0).await.unwrap()));
        let mut writer = run.metadata().stream_writer("s");
        writer.push(0).await.unwrap();
        writer.close_with_error("model overloaded").await.unwrap();
        let error = "the stream ended with an error: model overloaded".to_owned();
        assert_eq!(reader.await.unwrap(), (numbered(0, 1), Some(error)));
    });
}

#[test]
fn a_lost_connection_neither_repeats_nor_skips_a_chunk() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let reader = tokio::spawn(read_all(client.read_stream("a", "s", 0).await.unwrap()));
        let mut writer = run.metadata().stream_writer("s");
        for number in 0..2_000 {
            writer.push(number).await.unwrap();
            if number % 100 == 0 {
                server.database.set_reachable(false);
                milliseconds(30).await;
                server.database.set_reachable(true);
                milliseconds(300).await;
            }
        }
        writer.close().await.unwrap();
        assert_eq!(reader.await.unwrap(), (numbered(0, 2_000), None));
    });
}

#[test]
fn a_reader_that_is_away_costs_bounded_memory_and_misses_nothing() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let mut reader = client.read_stream("a", "s", 0).await.unwrap();
        push_numbers(&run.metadata(), "s", 5_000).await.unwrap();
        assert_eq!(chunks(&server, "a", "s"), numbers(5_000));
        let first = reader.next().await.unwrap().unwrap();
        assert_eq!(first.value::<u64>().unwrap(), 0);
        milliseconds(1_000).await;
        let (chunks, bytes) = reader.held();
        assert!(chunks <= MOST_CHUNKS && bytes <= MOST_BYTES, "{chunks}");
        let (read, error) = read_all(reader).await;
        assert_eq!((read, error), (numbered(1, 5_000), None));
    });
}

/// Memory with room for so many bytes, and how many are held.
#[derive(Debug)]
struct Room(usize, Arc<AtomicUsize>);

impl Reserve for Room {
    fn resize(&mut self, bytes: usize) -> bool {
        let has_room = bytes <= self.0;
        if has_room {
            self.1.store(bytes, Relaxed);
        }
        has_room
    }
}

#[test]
fn what_is_read_ahead_is_counted_and_what_has_no_room_ends_the_reading() {
    with_client(async |_, client| {
        let run = start(&client, "a").await;
        push_numbers(&run.metadata(), "s", 500).await.unwrap();
        let held = Arc::<AtomicUsize>::default();
        let room = |bytes| Box::new(Room(bytes, held.clone()));
        let mut reader = client
            .read_stream_within("a", "s", 0, room(10_000))
            .await
            .unwrap();
        assert!(held.load(Relaxed) > 100);
        let mut read = Vec::new();
        let error = loop {
            match reader.next().await.unwrap() {
                Ok(chunk) => read.push((chunk.number(), chunk.json().to_owned())),
                Err(error) => break error,
            }
        };
        assert!(error.is_retryable(), "{error}");
        assert_eq!(held.load(Relaxed), 0);
        assert!(reader.next().await.is_none());
        let count = read.len() as u64;
        assert!((1..500).contains(&count), "{count}");
        let all = room(1_000_000);
        let reader = client.read_stream_within("a", "s", count, all).await;
        read.extend(read_all(reader.unwrap()).await.0);
        assert_eq!(read, numbered(0, 500));
    });
}

#[test]
fn a_later_attempt_goes_on_behind_the_chunks_of_the_one_before() {
    with_client(async |_, client| {
        let run = start(&client, "a").await;
        push_numbers(&run.metadata(), "s", 2).await.unwrap();
        run.finish().await.unwrap();
        let run = client.start(NewRun::new("a").attempt(2)).await.unwrap();
        let mut writer = run.metadata().stream_writer("s");
        writer.push(2).await.unwrap();
        run.metadata().flush().await.unwrap();
        let reader = tokio::spawn(read_all(client.read_stream("a", "s", 1).await.unwrap()));
        writer.close().await.unwrap();
        assert_eq!(reader.await.unwrap(), (numbered(1, 3), None));
    });
}

#[test]
fn the_reader_of_a_run_that_is_deleted_gets_an_error() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let mut reader = client.read_stream("a", "s", 0).await.unwrap();
        let mut writer = run.metadata().stream_writer("s");
        writer.push(0).await.unwrap();
        assert_eq!(reader.next().await.unwrap().unwrap().json(), "0");
        server.database.remove("a");
        let error = reader.next().await.unwrap().unwrap_err();
        assert_eq!(error.code(), Some("P0002"));
        assert!(reader.next().await.is_none());
    });
}

#[test]
fn the_reader_of_a_stream_that_is_deleted_and_begins_anew_gets_an_error() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let mut writer = run.metadata().stream_writer("s");
        for number in 0..3 {
            writer.push(number).await.unwrap();
        }
        run.metadata().flush().await.unwrap();
        let mut reader = client.read_stream("a", "s", 0).await.unwrap();
        for _ in 0..3 {
            reader.next().await.unwrap().unwrap();
        }
        server.database.remove_stream("a", "s");
        // More than the reader has: the numbers alone do not show it.
        for number in 0..5 {
            writer.push(number).await.unwrap();
        }
        run.metadata().flush().await.unwrap();
        let error = reader.next().await.unwrap().unwrap_err();
        assert_eq!(error.code(), Some("P0002"), "{error}");
        assert!(reader.next().await.is_none());
        let mut later = client.read_stream("a", "s", 9).await.unwrap();
        let error = later.next().await.unwrap().unwrap_err();
        assert_eq!(error.code(), Some("P0002"), "{error}");
    });
}

#[test]
fn streams_of_a_run_are_listed() {
    with_client(async |_, client| {
        assert!(client.streams("a").await.unwrap().is_empty());
        let run = start(&client, "a").await;
        push_numbers(&run.metadata(), "t", 2).await.unwrap();
        let mut writer = run.metadata().stream_writer(crate::DEFAULT_STREAM);
        writer.push(0).await.unwrap();
        run.metadata().flush().await.unwrap();
        let streams = client.streams("a").await.unwrap();
        let seen: Vec<_> = streams
            .iter()
            .map(|one| (&*one.name, one.chunks, one.closed_at.is_some()))
            .collect();
        assert_eq!(seen, [("default", 1, false), ("t", 2, true)]);
    });
}

#[test]
fn shutdown_ends_readers() {
    with_client(async |_, client| {
        start(&client, "a").await;
        let mut reader = client.read_stream("a", "s", 0).await.unwrap();
        client.shutdown(Duration::from_secs(1)).await.unwrap();
        assert!(reader.next().await.unwrap().unwrap_err().is_closed());
        assert!(reader.next().await.is_none());
        let error = client.read_stream("a", "s", 0).await.unwrap_err();
        assert!(error.is_closed(), "{error}");
        assert!(client.streams("a").await.unwrap_err().is_closed());
    });
}
