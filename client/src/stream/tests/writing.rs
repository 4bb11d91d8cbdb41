//! Writing streams, against the server in memory.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use super::{Items, chunks, numbers, push_numbers};
use crate::settings::Settings;
use crate::testing::faults::Fault;
use crate::tests::{milliseconds, on_a_fast_clock, start, with_client, with_settings};
use crate::{Client, metadata};

#[test]
fn chunks_are_stored_in_the_order_of_their_writer_behind_whatever_faults() {
    for faults in [
        &[][..],
        &[Fault::CutAfter],
        &[Fault::CutBefore, Fault::CutAfter, Fault::Late(1)],
        &[Fault::CutAfter, Fault::Failover(2)],
    ] {
        with_client(async |server, client| {
            let own = start(&client, "a").await.metadata();
            let child = client.start(crate::NewRun::new("b").parent("a")).await;
            let parent = child.unwrap().metadata().parent();
            for fault in faults {
                server.fail_next(*fault);
            }
            let (own, other) = tokio::join!(
                push_numbers(&own, "s", 5_000),
                push_numbers(&parent, "t", 3),
            );
            assert_eq!((own.unwrap(), other.unwrap()), (5_000, 3));
            assert_eq!(chunks(&server, "a", "s"), numbers(5_000));
            assert_eq!(chunks(&server, "a", "t"), numbers(3));
            assert_eq!(server.database.stream_end("a", "s"), Some(None));
        });
    }
}

#[test]
fn a_finish_does_not_overtake_chunks_recorded_before() {
    let settings = Settings {
        batch_operations: 1,
        ..Settings::default()
    };
    with_settings(settings, async |server, client| {
        server.database.set_update_window(Duration::ZERO);
        let run = start(&client, "a").await;
        let mut writer = run.metadata().stream_writer("s");
        let text = "x".repeat(5_000);
        for _ in 0..40 {
            writer.push(&text).await.unwrap();
        }
        run.finish().await.unwrap();
        assert_eq!(chunks(&server, "a", "s").len(), 40);
        assert!(writer.push(1).await.is_ok());
        let error = writer.close().await.unwrap_err();
        assert!(error.is_closed(), "{error}");
        assert_eq!(chunks(&server, "a", "s").len(), 40);
    });
}

#[test]
fn chunks_leave_soon_after_others_rather_than_once_an_interval() {
    let settings = Settings {
        interval: Duration::from_secs(60),
        ..Settings::default()
    };
    with_settings(settings, async |server, client| {
        let run = start(&client, "a").await;
        let mut writer = run.metadata().stream_writer("s");
        for number in 0..100 {
            writer.push(number).await.unwrap();
            milliseconds(10).await;
        }
        assert!(chunks(&server, "a", "s").len() > 90);
        let flushes = client.metrics().flushes;
        assert!((10..30).contains(&flushes), "{flushes} flushes");
        writer.close().await.unwrap();
    });
}

#[test]
fn flush_covers_chunks_and_reports_those_that_were_refused() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let (one, mut two) = (
            run.metadata().stream_writer("s"),
            run.metadata().stream_writer("s"),
        );
        two.push("early").await.unwrap();
        run.metadata().flush().await.unwrap();
        assert_eq!(chunks(&server, "a", "s"), [r#""early""#]);
        one.close().await.unwrap();
        two.push("late").await.unwrap();
        let error = run.metadata().flush().await.unwrap_err();
        let [unapplied] = error.unapplied() else {
            panic!("{error}");
        };
        assert_eq!((unapplied.kind(), unapplied.key()), ("stream", Some("s")));
        assert_eq!(
            unapplied.to_string(),
            r#"chunks of run "a" for stream "s": closed"#
        );
        assert!(two.push("later").await.unwrap_err().is_closed());
        assert_eq!(chunks(&server, "a", "s"), [r#""early""#]);
    });
}

#[test]
fn a_chunk_that_is_too_large_ends_its_writer_and_closes_the_stream_with_the_error() {
    with_client(async |server, client| {
        server.database.set_maximum_size(100);
        let run = start(&client, "a").await;
        let mut writer = run.metadata().stream_writer("s");
        for chunk in ["x".repeat(50), "x".repeat(99), "y".to_owned()] {
            writer.push(chunk).await.unwrap();
        }
        let error = writer.close().await.unwrap_err();
        assert_eq!(error.code(), Some("54000"), "{error}");
        assert_eq!(chunks(&server, "a", "s").len(), 2);
        // It was closed before it was known that a chunk was missing.
        let mut writer = run.metadata().stream_writer("t");
        writer.push("x".repeat(99)).await.unwrap();
        assert!(run.metadata().flush().await.is_err());
        assert!(writer.close().await.is_err());
        let end = server.database.stream_end("a", "t").flatten().unwrap();
        assert!(end.contains("too_large"), "{end}");
    });
}

#[test]
fn a_writer_that_is_dropped_leaves_its_stream_to_the_next() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        for chunk in [1, 2] {
            let mut writer = run.metadata().stream_writer("s");
            writer.push(chunk).await.unwrap();
            drop(writer);
            run.metadata().flush().await.unwrap();
            assert_eq!(server.database.stream_end("a", "s"), None);
        }
        assert_eq!(chunks(&server, "a", "s"), ["1", "2"]);
    });
}

#[test]
fn a_writer_that_is_dropped_by_a_panic_closes_its_stream_with_an_error() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let mut writer = run.metadata().stream_writer("s");
        writer.push(1).await.unwrap();
        let panicked = std::thread::spawn(move || {
            let _writer = writer;
            std::panic::resume_unwind(Box::new("planted"));
        });
        assert!(panicked.join().is_err());
        run.metadata().flush().await.unwrap();
        let end = server.database.stream_end("a", "s").flatten().unwrap();
        assert_eq!(end, "the writer panicked");
    });
}

#[test]
fn a_value_that_cannot_be_a_chunk_ends_nothing() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let mut writer = run.metadata().stream_writer("s");
        let error = writer.push("a\0b").await.unwrap_err();
        assert_eq!(error.code(), Some("22023"), "{error}");
        writer.push(1.5).await.unwrap();
        assert_eq!(writer.close().await.unwrap(), 1);
        assert_eq!(chunks(&server, "a", "s"), ["1.5"]);
        let mut writer = run.metadata().stream_writer(&"s".repeat(256));
        assert_eq!(writer.push(1).await.unwrap_err().code(), Some("22023"));
    });
}

#[test]
fn piped_items_are_read_here_and_written() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let mut items = run
            .scope(async { metadata::stream("s", Items(0..3_000usize)) })
            .await;
        for number in 0..3_000 {
            assert_eq!(items.next().await, Some(number));
        }
        assert_eq!(items.next().await, None);
        assert_eq!(items.finished().await.unwrap(), 3_000);
        assert_eq!(chunks(&server, "a", "s"), numbers(3_000));
    });
}

#[test]
fn the_source_pauses_while_nobody_reads_and_goes_on_when_the_items_are_dropped() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let polled = Arc::new(AtomicUsize::new(0));
        let count = polled.clone();
        let source = Items((0..10_000).inspect(move |_| {
            count.fetch_add(1, SeqCst);
        }));
        let mut items = run.metadata().stream("s", source);
        assert_eq!(items.next().await, Some(0));
        run.metadata().flush().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!((1_024..=1_026).contains(&polled.load(SeqCst)));
        assert_eq!(items.finished().await.unwrap(), 10_000);
        assert_eq!(chunks(&server, "a", "s"), numbers(10_000));
    });
}

#[test]
fn the_error_of_a_source_closes_the_stream_and_is_read_here() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let source = Items([Ok(1), Err("model overloaded"), Ok(2)].into_iter());
        let mut items = run.metadata().try_stream("s", source);
        assert_eq!(items.next().await, Some(Ok(1)));
        assert_eq!(items.next().await, Some(Err("model overloaded")));
        assert_eq!(items.next().await, None);
        let error = items.finished().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the stream ended with an error: model overloaded"
        );
        assert_eq!(chunks(&server, "a", "s"), ["1"]);
        let end = server.database.stream_end("a", "s").flatten();
        assert_eq!(end.as_deref(), Some("model overloaded"));
    });
}

#[test]
fn a_source_that_panics_closes_the_stream_with_an_error() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let source = Items((0..3).inspect(|number| assert!(*number < 2, "as it should")));
        assert!(run.metadata().stream("s", source).finished().await.is_err());
        run.metadata().flush().await.unwrap();
        assert_eq!(chunks(&server, "a", "s"), ["0", "1"]);
        assert!(server.database.stream_end("a", "s").flatten().is_some());
    });
}

#[test]
fn what_is_read_here_goes_on_when_the_server_refuses_the_chunks() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.close("a");
        let mut items = run.metadata().stream("s", Items(0..5_000));
        for number in 0..5_000 {
            assert_eq!(items.next().await, Some(number));
        }
        let error = items.finished().await.unwrap_err();
        assert!(error.is_closed(), "{error}");
        // Nobody reads this one, so it ends early.
        let endless = run.metadata().stream("s", Items(0..));
        assert!(endless.finished().await.unwrap_err().is_closed());
    });
}

#[test]
fn a_writer_waits_for_room_while_the_server_is_gone_and_loses_nothing() {
    let settings = Settings {
        buffer_bytes: 1024 * 1024,
        ..Settings::default()
    };
    let bound = settings.buffer_bytes;
    with_settings(settings, async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        let items = run.metadata().stream("s", Items(0..200_000usize));
        let finished = tokio::spawn(items.finished());
        let metrics = async |client: &Client| {
            tokio::time::sleep(Duration::from_secs(20)).await;
            client.metrics()
        };
        let waiting = metrics(&client).await;
        assert!(waiting.buffered_bytes > bound / 4, "{waiting:?}");
        assert!(waiting.buffered_bytes <= bound, "{waiting:?}");
        // Operations find room.
        run.metadata().set("n", 1);
        server.database.set_reachable(true);
        assert_eq!(finished.await.unwrap().unwrap(), 200_000);
        assert_eq!(chunks(&server, "a", "s"), numbers(200_000));
        assert_eq!(client.metrics().unapplied, 0);
    });
}

#[test]
fn chunks_that_a_shutdown_cannot_send_are_reported() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        let mut writer = run.metadata().stream_writer("s");
        writer.push(1).await.unwrap();
        let ended = client.shutdown(Duration::from_secs(1)).await.unwrap_err();
        let reasons: Vec<_> = ended.unapplied().iter().map(|one| one.reason()).collect();
        assert_eq!(reasons, ["not_sent"]);
        assert!(writer.push(2).await.is_err());
        assert!(writer.close().await.unwrap_err().is_closed());
    });
}

#[test]
fn outside_a_run_the_items_are_passed_on() {
    on_a_fast_clock(async {
        let mut items = metadata::stream("s", Items(0..3));
        assert_eq!(items.next().await, Some(0));
        assert_eq!(items.finished().await.unwrap(), 0);
        let mut writer = metadata::stream_writer("s");
        writer.push(1).await.unwrap();
        assert_eq!(writer.close().await.unwrap(), 0);
    });
}

#[test]
fn without_a_runtime_the_items_are_passed_on_and_finished_is_an_error() {
    let mut items = metadata::stream("s", Items(0..1));
    let mut context = Context::from_waker(std::task::Waker::noop());
    let mut poll = || Pin::new(&mut items).poll_next(&mut context);
    assert_eq!((poll(), poll()), (Poll::Ready(Some(0)), Poll::Ready(None)));
    let finished = std::pin::pin!(items.finished());
    assert!(matches!(finished.poll(&mut context), Poll::Ready(Err(_))));
}
