//! Connections whose peers ask for nothing, or do not read what they asked for.

use std::time::Duration;

use h2::Reason;
use h2::client::{Builder, SendRequest};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{KEY, Web};
use crate::harness::Database;

const SHORT: Duration = Duration::from_millis(200);

/// A gateway with short times.
async fn hasty(database: &Database) -> Web {
    Web::with(database, |config| {
        config.limits.head_timeout = SHORT;
        config.limits.write_timeout = SHORT;
        config.limits.drain_timeout = SHORT;
    })
    .await
}

/// Opens a connection of HTTP/2, which answers pings. The task ends with it.
pub(super) async fn open(
    web: &Web,
    builder: &Builder,
) -> (
    SendRequest<&'static [u8]>,
    JoinHandle<Result<(), h2::Error>>,
) {
    let stream = TcpStream::connect(web.address()).await.unwrap();
    let (sender, connection) = builder.handshake(stream).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn get(web: &Web, path: &str, key: Option<&str>) -> http::Request<()> {
    let mut request = http::Request::get(web.url(path));
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    request.body(()).unwrap()
}

/// A client that takes no byte of any answer.
pub(super) fn without_window() -> Builder {
    let mut builder = Builder::new();
    builder.initial_window_size(0);
    builder
}

#[tokio::test]
async fn connection_of_http2_is_ended_once_it_asks_for_nothing() {
    let database = Database::with_worker().await;
    let web = hasty(&database).await;
    web.post("/v1/runs", json!({"id": "a"})).await;
    let (mut sender, following) = open(&web, &Builder::new()).await;
    let (events, _) = sender
        .send_request(get(&web, "/v1/runs/a/events", Some(KEY)), true)
        .unwrap();
    let mut events = events.await.unwrap().into_body();
    assert!(
        events
            .data()
            .await
            .unwrap()
            .unwrap()
            .starts_with(b"event: snapshot")
    );
    let (mut asked, idle) = open(&web, &Builder::new()).await;
    let (answer, _) = asked
        .send_request(get(&web, "/healthz", None), true)
        .unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    // This would wait for ever otherwise: the client answers pings, and keeps the connection.
    idle.await.unwrap().unwrap();
    assert!(!following.is_finished());
    web.post("/v1/runs/a/finish", json!({})).await;
    assert!(
        events
            .data()
            .await
            .unwrap()
            .unwrap()
            .starts_with(b"event: change")
    );
}

#[tokio::test]
async fn connection_of_http2_whose_answers_nobody_takes_is_ended() {
    let database = Database::new().await;
    let web = hasty(&database).await;
    let (mut sender, connection) = open(&web, &without_window()).await;
    let (answer, _) = sender
        .send_request(get(&web, "/openapi.json", None), true)
        .unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    // As above.
    let _ = connection.await.unwrap();
}

#[tokio::test]
async fn connection_that_takes_no_bytes_is_ended() {
    let database = Database::new().await;
    let web = hasty(&database).await;
    let mut stream = TcpStream::connect(web.address()).await.unwrap();
    let request = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    // The gateway stops reading when nothing is read of its answers: this would wait for ever otherwise.
    while stream.write_all(&request).await.is_ok() {}
}

#[tokio::test]
async fn connection_without_a_key_has_few_streams() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    for (key, expected) in [(None, 100), (Some(KEY), 300)] {
        let (sender, _connection) = open(&web, &without_window()).await;
        let mut sender = sender.ready().await.unwrap();
        let (answer, _) = sender
            .send_request(get(&web, "/v1/tasks", key), true)
            .unwrap();
        // It is held open, as all of them.
        let first = answer.await.unwrap();
        let mut answered = vec![first];
        for _ in 1..300 {
            sender = sender.ready().await.unwrap();
            let (answer, _) = sender
                .send_request(get(&web, "/openapi.json", None), true)
                .unwrap();
            match answer.await {
                Ok(answer) => answered.push(answer),
                Err(error) => assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM)),
            }
        }
        assert_eq!(answered.len(), expected);
    }
}
