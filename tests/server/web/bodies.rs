//! What the bodies of requests may hold.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::attack::raw;
use super::limits::metric;
use super::{KEY, Web, sign};
use crate::harness::{Database, until_one_waits};

/// Bytes of the bodies that are sent here.
const LENGTH: usize = 100_000;

/// Bytes that heads may hold here, beside those of the bodies.
const HEADS: usize = 10_000;

/// Begins a request with a body that lacks its last byte.
async fn begin(web: &Web, key: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(web.address()).await.unwrap();
    let head = format!(
        "POST /v1/operations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; length - 1]).await.unwrap();
    stream
}

async fn held(web: &Web) -> usize {
    metric(web, "runmeta_web_body_bytes").await as usize
}

/// Waits until bodies hold so many bytes, with their heads and that of the question.
async fn until_held(web: &Web, bytes: usize) {
    while !(bytes..bytes + HEADS).contains(&held(web).await) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn bodies_that_arrive_hold_no_more_than_the_memory_for_them() {
    let database = Database::new().await;
    let file = std::env::temp_dir().join(format!("runmeta-keys-{}.toml", uuid::Uuid::new_v4()));
    let (other, third) = (
        "another-secret-key-of-the-tests",
        "a-third-secret-key-of-the-tests",
    );
    let entries = [("one", KEY), ("other", other), ("third", third)]
        .map(|(name, secret)| format!("[[key]]\nname = \"{name}\"\nsecret = \"{secret}\"\n"));
    std::fs::write(&file, entries.concat()).unwrap();
    let web = Web::with(&database, |config| {
        config.keys = runmeta_web::Keys::File(file.clone());
        config.limits.body_memory = 4 * (LENGTH + HEADS);
    })
    .await;
    std::fs::remove_file(&file).unwrap();
    let token = |sub: &str| {
        let claims = json!({"sub": sub, "scopes": ["write:all"], "exp": super::now() + 60});
        sign(KEY, claims)
    };
    let (one, two) = (token("one"), token("two"));
    // Half of it is for one key, half of that for its tokens, and half of that for one of them.
    let mut open = vec![
        begin(&web, KEY, LENGTH).await,
        begin(&web, &one, LENGTH / 2).await,
    ];
    until_held(&web, LENGTH - 1 + LENGTH / 2 - 1).await;
    let large = json!([" ".repeat(2 * HEADS)]);
    let refused = web.post_as(&one, "/v1/operations", large.clone()).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    open.push(begin(&web, &two, LENGTH / 2).await);
    until_held(&web, 2 * LENGTH - 3).await;
    let refused = web.post("/v1/operations", large).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    until_held(&web, 2 * LENGTH - 3).await;
    for _ in 0..2 {
        open.push(begin(&web, other, LENGTH).await);
    }
    until_held(&web, 4 * LENGTH - 5).await;
    // What a key has left, the gateway has not.
    let refused = web
        .post_as(third, "/v1/operations", json!(["x".repeat(3 * HEADS)]))
        .await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    drop(open);
    until_held(&web, 0).await;
    let body = json!([{"run": "a", "operations": []}]);
    assert_eq!(web.post_as(other, "/v1/operations", body).await.status, 200);
}

#[tokio::test]
async fn bodies_of_requests_that_wait_are_counted() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    web.post("/v1/runs", json!({"id": "a"})).await;
    let locker = database.connect().await;
    let lock = "BEGIN; SELECT FROM runmeta.run WHERE root_id = 'a' AND id = 'a' FOR UPDATE";
    locker.batch_execute(lock).await.unwrap();
    let value = "x".repeat(LENGTH);
    let body = json!({"operations": [{"type": "set", "key": "k", "value": value}]}).to_string();
    let length = body.len();
    let request = web.request(Method::POST, "/v1/runs/a/operations");
    let waiting = tokio::spawn(request.body(body).send());
    let observer = database.connect().await;
    until_one_waits(&observer, "runmeta serve").await;
    until_held(&web, 3 * length).await;
    locker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
    until_held(&web, 0).await;
}

#[tokio::test]
async fn lines_hold_what_was_read_of_them() {
    let database = Database::new().await;
    // One part of the network has 400 kB at most, which counts three times, and half of this is for a key.
    let web = Web::with(&database, |config| config.limits.body_memory = 26 * LENGTH).await;
    web.post("/v1/runs", json!({"id": "a"})).await;
    let post = async |body: String| {
        let request = web.request(Method::POST, "/v1/runs/a/streams/s");
        let request = request.header("content-type", "application/x-ndjson");
        request.body(body).send().await.unwrap().status().as_u16()
    };
    // More in all than the memory.
    let line = format!("\"{}\"\n", "x".repeat(LENGTH / 5));
    assert_eq!(post(line.repeat(100)).await, 200);
    assert_eq!(post(format!("\"{}\"", "x".repeat(6 * LENGTH))).await, 429);
    until_held(&web, 0).await;
}

#[tokio::test]
async fn heads_that_wait_for_their_bodies_are_counted() {
    let database = Database::new().await;
    // A quarter of the half of the tokens of the key is for one of them.
    let web = Web::with(&database, |config| config.limits.body_memory = 8 * LENGTH).await;
    let token = web.token(&["write:all"]);
    let head = |letter: &str| {
        format!(
            "POST /v1/operations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nx-long: {}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n",
            letter.repeat(15_000)
        )
    };
    let mut open = Vec::new();
    for heads in 1..=3 {
        let mut stream = TcpStream::connect(web.address()).await.unwrap();
        stream.write_all(head("x").as_bytes()).await.unwrap();
        open.push(stream);
        until_held(&web, heads * 30_000).await;
    }
    let refused = raw(&web, &head("y")).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    drop(open);
    until_held(&web, 0).await;
    assert!(
        raw(&web, &(head("y") + "[]"))
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn routes_with_a_word_or_two_take_no_large_bodies() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    web.post("/v1/runs", json!({"id": "a"})).await;
    let word = "x".repeat(16 * 1024);
    for (path, body) in [
        ("/v1/runs/a/finish", json!({"status": word})),
        ("/v1/runs/a/status", json!({"status": word})),
        ("/v1/tickets", json!({"path": word})),
        ("/api/v1/auth/public-tokens", json!({"scopes": [word]})),
    ] {
        assert_eq!(web.post(path, body).await.status, 413, "{path}");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: 20000\r\nconnection: close\r\n\r\n"
        );
        assert!(raw(&web, &head).await.starts_with("HTTP/1.1 413"), "{path}");
    }
}

#[tokio::test]
async fn arrays_of_too_many_chunks_are_refused() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    web.post("/v1/runs", json!({"id": "a"})).await;
    let path = "/v1/runs/a/streams/s";
    let many = web.post(path, vec![Value::from(1); 100_001].into()).await;
    assert_eq!(
        (many.status, &many.body["sqlstate"]),
        (413, &json!("54000"))
    );
    let listed = web.get("/v1/runs/a/streams").await;
    assert_eq!(listed.body["streams"], json!([]));
}
