//! Shutting down, and forgetting to.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::fake_server::Fault;
use super::{FakeServer, client_of, milliseconds, on_a_fast_clock, start, threads};
use crate::buffer::lock;
use crate::settings::Settings;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn shutdown_sends_what_waits_and_takes_no_more() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let run = start(&client, "a").await;
        run.metadata().increment("n", 1);
        milliseconds(1).await;
        run.metadata().increment("n", 1);
        client.shutdown(SECOND).await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 2}));
        client.shutdown(SECOND).await.unwrap();

        run.metadata().increment("n", 1).append("log", 1);
        let error = run.metadata().flush().await.unwrap_err();
        assert!(error.is_closed());
        assert_eq!(error.refusals()[0].reason(), "shut_down");
        assert!(client.run("b").await.unwrap_err().is_closed());
    });
}

#[test]
fn shutdown_says_what_it_could_not_send() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let run = start(&client, "a").await;
        (0..100).for_each(|_| server.fail_next(Fault::CutBefore));
        run.metadata().increment("n", 1);
        milliseconds(1).await;
        run.metadata().set("key", 1);
        let error = client.shutdown(SECOND).await.unwrap_err();
        let unsent: Vec<_> = error
            .refusals()
            .iter()
            .map(|unsent| (unsent.kind(), unsent.reason()))
            .collect();
        assert_eq!(unsent, [("increment", "not_sent"), ("set", "not_sent")]);
        assert!(!error.is_retryable());
        assert!(run.metadata().refresh().await.unwrap_err().is_closed());
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
            let server = Arc::new(FakeServer::default());
            let client = client_of(&server, Settings::default());
            let run = start(&client, "a").await;
            (0..1_000).for_each(|_| server.fail_next(Fault::CutBefore));
            run.metadata().set("key", 1);
            let flush = tokio::spawn(async move { run.metadata().flush().await });
            client
                .shutdown(Duration::from_millis(round))
                .await
                .unwrap_err();
            assert!(in_time(flush).await.unwrap().unwrap_err().is_closed());
        }
    });
}

#[test]
fn flush_ends_with_the_runtime_that_sends() {
    let (here, there) = (threads(2), threads(2));
    here.block_on(async {
        let server = Arc::new(FakeServer::default());
        let entered = there.enter();
        let client = client_of(&server, Settings::default());
        drop(entered);
        let run = start(&client, "a").await;
        (0..1_000).for_each(|_| server.fail_next(Fault::CutBefore));
        run.metadata().set("key", 1);
        let flush = tokio::spawn(async move { run.metadata().flush().await });
        tokio::task::spawn_blocking(|| there.shutdown_background())
            .await
            .unwrap();
        assert!(in_time(flush).await.unwrap().unwrap_err().is_closed());
    });
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
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        start(&client, "a").await.metadata().set("key", 1);
        drop(client);
        assert!(
            log.text()
                .contains("the client was dropped without shutdown()"),
            "{}",
            log.text()
        );
        milliseconds(1).await;
        assert_eq!(server.document("a"), json!({"key": 1}));
    });
    assert!(!log.text().contains("the runtime ended"), "{}", log.text());
}

#[test]
fn a_runtime_that_ends_before_its_client_is_told() {
    let (log, _guard) = Log::begin();
    let client = on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        start(&client, "a").await.metadata().set("key", 1);
        client
    });
    assert!(
        log.text().contains("the runtime ended before the client"),
        "{}",
        log.text()
    );
    drop(client);
}
