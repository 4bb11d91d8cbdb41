//! Shutting down, and forgetting to.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{client_of, milliseconds, on_a_fast_clock, start, threads, with_client, with_settings};
use crate::buffer::lock;
use crate::settings::Settings;
use crate::testing::faults::{Fault, FaultyServer};
use crate::{Client, Error, NewRun};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn shutdown_sends_what_waits_and_takes_no_more() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        run.metadata().increment("n", 1);
        milliseconds(1).await;
        run.metadata().increment("n", 1);
        client.shutdown(SECOND).await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 2}));
        client.shutdown(SECOND).await.unwrap();

        run.metadata().increment("n", 1);
        run.metadata().append("log", 1);
        let error = run.metadata().flush().await.unwrap_err();
        assert!(error.is_closed());
        assert!(client.run("b").await.unwrap_err().is_closed());
        let error = client.shutdown(SECOND).await.unwrap_err();
        assert_eq!(error.unapplied()[0].reason(), "shut_down");
    });
}

#[test]
fn shutdown_reports_what_it_could_not_send() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        run.metadata().increment("n", 1);
        milliseconds(1).await;
        run.metadata().set("key", 1);
        let dropped = tokio::time::timeout(Duration::from_millis(1), run.finish());
        assert!(dropped.await.is_err());
        let error = client.shutdown(SECOND).await.unwrap_err();
        let unsent = error.unapplied().iter();
        let unsent: Vec<_> = unsent
            .map(|unsent| (unsent.kind(), unsent.reason()))
            .collect();
        let expected = ["increment", "set", "finish"].map(|kind| (kind, "not_sent"));
        assert_eq!(unsent, expected);
        assert!(!error.is_retryable());
        assert!(run.metadata().refresh().await.unwrap_err().is_closed());
    });
}

#[test]
fn shutdown_reports_what_had_no_effect_on_the_way() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.deny("a");
        run.metadata().set("n", 1);
        let error = client.shutdown(SECOND).await.unwrap_err();
        assert_eq!(error.unapplied()[0].reason(), "42501");
    });
}

#[test]
fn shutdown_ends_a_pause_and_finds_a_server_that_came_back() {
    // However late in its time the server comes back.
    for back in [0, 200, 1_000, 2_000, 3_000, 3_700] {
        with_client(async |server, client| {
            let run = start(&client, "a").await;
            server.database.set_reachable(false);
            run.metadata().set("n", 1);
            milliseconds(60_000).await;
            let come_back = async {
                milliseconds(back).await;
                server.database.set_reachable(true);
            };
            let (shutdown, ()) = tokio::join!(client.shutdown(4 * SECOND), come_back);
            shutdown.unwrap();
            assert_eq!(server.document("a"), json!({"n": 1}), "{back}");
        });
    }
}

#[test]
fn shutdown_takes_no_longer_than_it_may_though_no_statement_is_answered() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.freeze();
        run.metadata().set("n", 1);
        milliseconds(1).await;
        let begun = Instant::now();
        let error = client.shutdown(2 * SECOND).await.unwrap_err();
        assert_eq!(error.unapplied()[0].reason(), "not_sent");
        assert_eq!(begun.elapsed().as_secs(), 2);
    });
}

#[test]
fn shutdown_does_not_wait_for_a_server_that_takes_nothing_from_this_user() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.set_trouble(Some(Error::not_let_in("28P01")));
        run.metadata().set("n", 1);
        let begun = Instant::now();
        client.shutdown(60 * SECOND).await.unwrap_err();
        assert!(begun.elapsed() < SECOND, "{:?}", begun.elapsed());
    });
}

#[test]
fn two_shutdowns_end_together() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        run.metadata().set("n", 1);
        let begun = Instant::now();
        let (one, other) = tokio::join!(client.shutdown(60 * SECOND), client.shutdown(2 * SECOND));
        assert_eq!(begun.elapsed().as_secs(), 2);
        for error in [one.unwrap_err(), other.unwrap_err()] {
            assert_eq!(error.unapplied()[0].reason(), "not_sent");
        }
    });
}

#[test]
fn commands_that_wait_at_the_end_are_answered() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        let again = client.start(NewRun::new("b"));
        let (again, finish, shutdown) = tokio::join!(again, run.finish(), client.shutdown(SECOND));
        assert!(again.unwrap_err().is_closed() && finish.unwrap_err().is_closed());
        // Those who asked know.
        shutdown.unwrap();
    });
}

/// Fails instead of waiting for ever.
async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(60 * SECOND, future).await.unwrap()
}

#[test]
fn flush_ends_with_the_shutdown_beside_it() {
    threads(2).block_on(async {
        for round in 0..20 {
            let server = FaultyServer::default();
            let client = client_of(&server, Settings::default());
            let run = start(&client, "a").await;
            (0..1_000).for_each(|_| server.fail_next(Fault::CutBefore));
            run.metadata().set("key", 1);
            let flush = tokio::spawn(async move { run.metadata().flush().await });
            let within = Duration::from_millis(round);
            client.shutdown(within).await.unwrap_err();
            assert!(in_time(flush).await.unwrap().unwrap_err().is_closed());
        }
    });
}

#[test]
fn whoever_waits_is_answered_when_the_runtime_that_sends_ends() {
    let (here, there) = (threads(2), threads(2));
    here.block_on(async {
        let server = FaultyServer::default();
        let entered = there.enter();
        let client = client_of(&server, Settings::default());
        drop(entered);
        let run = start(&client, "a").await;
        (0..1_000).for_each(|_| server.fail_next(Fault::CutBefore));
        run.metadata().set("key", 1);
        let flush = tokio::spawn(run.metadata().flush());
        let ended = tokio::task::spawn_blocking(|| there.shutdown_background());
        ended.await.unwrap();
        assert!(in_time(flush).await.unwrap().unwrap_err().is_closed());
        // What is recorded from now on is not lost silently.
        let before = client.metrics().unapplied;
        run.metadata().set("key", 2);
        run.metadata().increment("n", 1);
        run.metadata().atomically(|metadata| metadata.set("key", 3));
        assert_eq!(client.metrics().unapplied - before, 3);
        assert!(
            in_time(start_result(&client))
                .await
                .unwrap_err()
                .is_closed()
        );
        assert!(
            in_time(run.metadata().flush())
                .await
                .unwrap_err()
                .is_closed()
        );
    });
}

async fn start_result(client: &Client) -> Result<crate::Run, Error> {
    client.start(NewRun::new("b")).await
}

#[test]
fn a_client_of_an_ended_runtime_goes_on_elsewhere() {
    let server = FaultyServer::default();
    let first = threads(1);
    let client = first.block_on(async {
        let client = server.database.builder().connect().await.unwrap();
        start(&client, "a").await.metadata().set("n", 1);
        client
    });
    drop(first);
    threads(1).block_on(async {
        let run = client.run("a").await.unwrap();
        run.metadata().set("m", 1).flush().await.unwrap();
        client.shutdown(60 * SECOND).await.unwrap();
    });
    assert_eq!(server.document("a"), json!({"n": 1, "m": 1}));
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn begin() -> (Log, tracing::subscriber::DefaultGuard) {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

#[test]
fn a_forgotten_shutdown_warns_and_sends_in_the_background() {
    let (log, _guard) = Log::begin();
    with_client(async |server, client| {
        start(&client, "a").await.metadata().set("key", 1);
        drop(client);
        let text = log.text();
        assert!(
            text.contains("the client was dropped without shutdown"),
            "{text}"
        );
        milliseconds(1).await;
        assert_eq!(server.document("a"), json!({"key": 1}));
    });
    let text = log.text();
    assert!(!text.contains("the client ends with operations"), "{text}");
}

#[test]
fn a_runtime_that_ends_before_its_client_is_logged() {
    let (log, _guard) = Log::begin();
    let client = on_a_fast_clock(async {
        let client = client_of(&FaultyServer::default(), Settings::default());
        start(&client, "a").await.metadata().set("key", 1);
        client
    });
    let text = log.text();
    assert!(
        text.contains("the client ends with operations that were not sent"),
        "{text}"
    );
    drop(client);
}

#[test]
fn waiting_for_room_ends_with_the_client() {
    let settings = Settings {
        buffer_bytes: 100_000,
        ..Settings::default()
    };
    with_settings(settings, async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        for number in 0..10_000 {
            run.metadata().append("log", number);
        }
        let ready = tokio::spawn({
            let client = client.clone();
            async move { client.ready().await }
        });
        milliseconds(100).await;
        assert!(!ready.is_finished());
        drop(client.shutdown(SECOND).await);
        tokio::time::timeout(SECOND, ready).await.unwrap().unwrap();
        tokio::time::timeout(SECOND, client.ready()).await.unwrap();
    });
}
