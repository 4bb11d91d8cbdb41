//! Streams over HTTP: followed, appended to, and each chunk stored once.

use futures_util::StreamExt as _;
use futures_util::stream;
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::reader::{Next, Reader};
use super::{Answer, KEY, Web};
use crate::harness::Database;

const PATH: &str = "/v1/runs/a/streams/tokens";

async fn started() -> (Database, tokio_postgres::Client, Web) {
    let database = Database::with_worker().await;
    let server = database.connect().await;
    let start = "SELECT runmeta.start('a'), runmeta.start('child', parent_run_id => 'a')";
    server.batch_execute(start).await.unwrap();
    let web = Web::start(&database).await;
    (database, server, web)
}

/// Returns the chunks of a stream as the database has them.
async fn stored(server: &tokio_postgres::Client, run: &str, stream: &str) -> Vec<Value> {
    let read = "SELECT chunk::text FROM runmeta.stream_read($1, $2) ORDER BY number";
    let rows = server.query(read, &[&run, &stream]).await.unwrap();
    let texts = rows.iter().map(|row| row.get::<_, String>(0));
    texts
        .map(|text| serde_json::from_str(&text).unwrap())
        .collect()
}

/// Posts lines.
async fn post_lines(web: &Web, path: &str, headers: &[(&str, &str)], lines: &str) -> Answer {
    let mut request = web.request(Method::POST, path);
    request = request.header("content-type", "application/x-ndjson");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.body(lines.to_owned()).send().await.unwrap();
    Answer::of(response).await
}

#[tokio::test]
async fn stream_is_followed_to_its_end_from_any_chunk() {
    let (_database, server, web) = started().await;
    let mut early = Reader::of(&web, PATH).await;
    let answer = web.post(PATH, json!([0, "one", {"two": 2}])).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"chunks": 3})));
    for (id, data) in [
        ("0", json!(0)),
        ("1", json!("one")),
        ("2", json!({"two": 2})),
    ] {
        let event = early.event().await;
        assert_eq!(
            (&*event.name, &*event.id, event.data),
            ("message", id, data)
        );
    }
    let mut behind = Reader::of(&web, &format!("{PATH}?after=1")).await;
    assert_eq!(behind.event().await.id, "2");
    let mut resumed = Reader::resumed(&web, KEY, PATH, Some("0")).await.unwrap();
    assert_eq!(resumed.event().await.id, "1");

    let close = "SELECT runmeta.stream_close('a', 'tokens', error => 'out of words')";
    server.batch_execute(close).await.unwrap();
    let end = early.event().await;
    assert_eq!(
        (&*end.name, &end.data),
        ("end", &json!({"error": "out of words"}))
    );
    assert_eq!(early.next().await, Next::End);
    let list = web.get("/v1/runs/a/streams").await.body;
    let expected = json!({"name": "tokens", "chunks": 3, "closed": true, "error": "out of words"});
    assert_eq!(list, json!({"streams": [expected]}));
}

#[tokio::test]
async fn reader_of_a_stream_that_is_over_is_told_to_stop() {
    let (_database, _server, web) = started().await;
    web.post(&format!("{PATH}?close=true"), json!([1])).await;
    let mut reader = Reader::of(&web, PATH).await;
    assert_eq!(reader.event().await.id, "0");
    assert_eq!(reader.event().await.data, json!({"error": null}));
    let again = Reader::resumed(&web, KEY, PATH, Some("0")).await;
    assert_eq!(again.err().map(|status| status.as_u16()), Some(204));
}

#[tokio::test]
async fn lines_are_read_by_others_before_the_request_ends() {
    let (_database, _server, web) = started().await;
    let (sender, receiver) = mpsc::unbounded_channel::<Result<String, std::io::Error>>();
    let lines = stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    });
    let request = web.request(Method::POST, PATH);
    let request = request.header("content-type", "application/x-ndjson");
    let request = request.body(Body::wrap_stream(lines.boxed())).send();
    let request = tokio::spawn(request);
    let mut reader = Reader::of(&web, PATH).await;
    for number in 0..3 {
        sender.send(Ok(format!("{number}\n"))).unwrap();
        assert_eq!(reader.event().await.data, json!(number));
    }
    drop(sender);
    let answer = Answer::of(request.await.unwrap().unwrap()).await;
    assert_eq!(answer.body, json!({"chunks": 3}));
}

#[tokio::test]
async fn request_that_is_sent_again_appends_what_is_missing() {
    let (_database, server, web) = started().await;
    let key = [("idempotency-key", "k")];
    for (lines, count) in [("1\n2\n", 2), ("1\n2\n3\n4", 4), ("1\n2\n3\n4", 4)] {
        let answer = post_lines(&web, PATH, &key, lines).await;
        assert_eq!(answer.body, json!({"chunks": count}));
    }
    assert_eq!(
        stored(&server, "a", "tokens").await,
        [1, 2, 3, 4].map(Value::from)
    );
    for _ in 0..2 {
        let request = web.request(Method::POST, "/v1/runs/a/streams/array");
        let request = request.header("idempotency-key", "k").json(&json!([1, 2]));
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    assert_eq!(stored(&server, "a", "array").await, [1, 2].map(Value::from));
    for _ in 0..2 {
        post_lines(&web, "/v1/runs/a/streams/twice", &[], "1\n").await;
    }
    assert_eq!(stored(&server, "a", "twice").await, [1, 1].map(Value::from));
}

#[tokio::test]
async fn chunks_that_cannot_be_appended_are_refused() {
    let (_database, server, web) = started().await;
    let large = json!(["x".repeat(300_000)]);
    for (path, body, status) in [
        (PATH, json!({"no": "array"}), 400),
        ("/v1/runs/missing/streams/tokens", json!([1]), 404),
        (PATH, large, 413),
    ] {
        assert_eq!(web.post(path, body).await.status, status);
    }
    assert_eq!(post_lines(&web, PATH, &[], "1\nnone\n").await.status, 400);
    let close = "SELECT runmeta.stream_close('a', 'tokens')";
    server.batch_execute(close).await.unwrap();
    let answer = web.post(PATH, json!([1])).await;
    assert_eq!(
        (answer.status, &answer.body["sqlstate"]),
        (409, &json!("55000"))
    );
    let reads = web.token(&["read:runs:a"]);
    let request = web.request_as(&reads, Method::POST, PATH).json(&json!([1]));
    assert_eq!(request.send().await.unwrap().status(), 403);
    let answer = web.get_as(&web.token(&["read:runs:b"]), PATH).await;
    assert_eq!(answer.status, 403);
}

/// As Trigger.dev's client writes and resumes.
#[tokio::test]
async fn lines_of_a_client_are_stored_once_wherever_it_resumes() {
    let (_database, server, web) = started().await;
    let path = "/realtime/v1/streams/child/self/out";
    let announced = Answer::of(web.request(Method::PUT, path).send().await.unwrap()).await;
    assert_eq!(
        (announced.status, &announced.body),
        (202, &json!({"version": "v1"}))
    );
    let head = async |client: &str| {
        let request = web
            .request(Method::HEAD, path)
            .header("x-client-id", client);
        let answer = Answer::of(request.send().await.unwrap()).await;
        answer.header("x-last-chunk-index").to_owned()
    };
    assert_eq!(head("one").await, "-1");
    let from = |from: &'static str| [("x-client-id", "one"), ("x-resume-from-chunk", from)];
    assert_eq!(
        post_lines(&web, path, &from("0"), "0\n1\n").await.status,
        200
    );
    assert_eq!(head("one").await, "1");
    // An answer was lost, and the client sends some again.
    assert_eq!(
        post_lines(&web, path, &from("1"), "1\n2\n").await.status,
        200
    );
    assert_eq!(post_lines(&web, path, &from("3"), "").await.status, 200);
    // Others have numbers of their own.
    let other = [("x-client-id", "other")];
    assert_eq!(post_lines(&web, path, &other, "\"x\"\n").await.status, 200);
    assert_eq!((&*head("one").await, &*head("other").await), ("2", "0"));
    let gap = post_lines(&web, path, &from("9"), "9\n").await;
    assert_eq!(gap.status, 422);
    let expected = [json!(0), json!(1), json!(2), json!("x")];
    assert_eq!(stored(&server, "child", "out").await, expected);
    let parent = "/realtime/v1/streams/child/parent/out";
    assert_eq!(
        post_lines(&web, parent, &from("0"), "0\n").await.status,
        200
    );
    assert_eq!(stored(&server, "a", "out").await, [0]);
}

#[tokio::test]
async fn part_that_looks_like_json_stays_a_text() {
    let (_database, server, web) = started().await;
    let path = "/realtime/v1/streams/a/self/out/append";
    let request = web.request(Method::POST, path);
    let request = request
        .header("content-type", "application/json")
        .body("{\"a\": 1}");
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"ok": true})));
    assert_eq!(stored(&server, "a", "out").await, [json!("{\"a\": 1}")]);
}

/// As Trigger.dev's client reads, in both versions.
#[tokio::test]
async fn stream_is_read_in_both_versions_and_ends_cleanly_with_its_run() {
    let (_database, server, web) = started().await;
    web.post("/v1/runs/a/streams/out", json!([{"n": 0}, 1]))
        .await;
    let path = "/realtime/v1/streams/a/out";
    let mut first = Reader::of(&web, path).await;
    for (id, data) in [("0", json!({"n": 0})), ("1", json!(1))] {
        let event = first.event().await;
        assert_eq!(
            (&*event.name, &*event.id, event.data),
            ("message", id, data)
        );
    }
    let request = web.request(Method::GET, path);
    let request = request
        .header("x-stream-version", "v2")
        .header("last-event-id", "0");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["x-stream-version"], "v2");
    let mut second = Reader::new(response);
    let batch = second.event().await;
    let record = &batch.data["records"][0];
    assert_eq!((&*batch.name, &record["seq_num"]), ("batch", &json!(1)));
    assert_eq!(record["body"], json!(r#"{"data":1,"id":"1"}"#));
    let request = web
        .request(Method::GET, path)
        .header("x-trigger-stream-start", "latest");
    let mut latest = Reader::new(request.send().await.unwrap());

    let more = "SELECT runmeta.stream_append('a', 'out', '[2]'); SELECT runmeta.finish('a')";
    server.batch_execute(more).await.unwrap();
    for reader in [&mut first, &mut latest] {
        assert_eq!(reader.event().await.id, "2");
        assert_eq!(reader.next().await, Next::End);
    }
    assert_eq!(second.event().await.name, "batch");
    assert_eq!(second.next().await, Next::End);
}

/// A clean end would be the end of the stream to these readers.
#[tokio::test]
async fn gateway_that_stops_breaks_the_connections_of_their_readers() {
    let (_database, _server, web) = started().await;
    web.post("/v1/runs/a/streams/out", json!([0])).await;
    let mut reader = Reader::of(&web, "/realtime/v1/streams/a/out").await;
    reader.event().await;
    web.gateway().stopping().cancel();
    assert_eq!(reader.next().await, Next::Broken);
    web.ended().await;
}

#[tokio::test]
async fn reader_who_asks_for_it_is_sent_away_after_a_pause() {
    let (_database, _server, web) = started().await;
    let request = web.request(Method::GET, "/realtime/v1/streams/a/out");
    let request = request.header("timeout-seconds", "1");
    let mut reader = Reader::new(request.send().await.unwrap());
    assert_eq!(reader.next().await, Next::End);
}

#[tokio::test]
async fn request_whose_chunks_were_there_is_told_so() {
    let (_database, server, web) = started().await;
    let post =
        async |lines: &str| post_lines(&web, PATH, &[("idempotency-key", "lines")], lines).await;
    for (lines, replayed) in [("1\n2\n", ""), ("1\n2\n", "true"), ("1\n2\n3\n", "")] {
        let answer = post(lines).await;
        assert_eq!(
            (answer.status, answer.header("idempotency-replayed")),
            (200, replayed)
        );
    }
    for replayed in ["", "true"] {
        let answer = web.post_once("array", PATH, json!([4])).await;
        assert_eq!(answer.body, json!({"chunks": 1}));
        assert_eq!(answer.header("idempotency-replayed"), replayed);
    }
    let all = [1, 2, 3, 4].map(Value::from);
    assert_eq!(stored(&server, "a", "tokens").await, all);
}
