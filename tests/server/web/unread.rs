//! Answers that nobody reads, over connections of HTTP/2 whose clients take no byte of them.

use h2::client::{ResponseFuture, SendRequest};
use http::Method;
use serde_json::{Value, json};

use super::connections::{open, without_window};
use super::limits::metric;
use super::{Web, now, sign};
use crate::harness::Database;

/// One token has an eighth of it.
const MEMORY: usize = 8_000_000;

/// More than three answers that have this are not in the memory of a token.
const LENGTH: usize = 250_000;

type Sender = SendRequest<&'static [u8]>;

/// A gateway with a run `fat`, a run `tiny` and one in between.
async fn start(database: &Database) -> Web {
    let server = database.connect().await;
    let start = format!(
        "SELECT runmeta.start('fat', jsonb_build_object('log', repeat('x', {LENGTH}))),
        runmeta.start('medium', jsonb_build_object('log', repeat('x', 15000))), runmeta.start('tiny')"
    );
    server.batch_execute(&start).await.unwrap();
    Web::with(database, |config| config.limits.answer_memory = MEMORY).await
}

fn token(web: &Web, sub: &str) -> String {
    let scopes = json!(["read:all", "write:all"]);
    let claims = json!({"sub": sub, "scopes": scopes, "exp": now() + 3600});
    sign(web.key(), claims)
}

async fn connect(web: &Web) -> Sender {
    open(web, &without_window()).await.0
}

/// Sends a head, and returns what its body is sent with.
async fn send(
    web: &Web,
    sender: &mut Sender,
    token: &str,
    method: Method,
    path: &str,
) -> (ResponseFuture, h2::SendStream<&'static [u8]>) {
    let request = http::Request::builder().uri(web.url(path));
    let request = request.header("authorization", format!("Bearer {token}"));
    let is_whole = method == Method::GET;
    let request = request.method(method).body(()).unwrap();
    *sender = sender.clone().ready().await.unwrap();
    sender.send_request(request, is_whole).unwrap()
}

async fn held(web: &Web) -> f64 {
    metric(web, "runmeta_web_answer_bytes").await
}

/// Returns the status and the length of an answer, of which nothing is read.
async fn head(answer: ResponseFuture) -> (u16, usize, h2::RecvStream) {
    let answer = answer.await.unwrap();
    let length = answer.headers().get("content-length");
    let length = length.map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    (answer.status().as_u16(), length, answer.into_body())
}

#[tokio::test]
async fn answers_to_changes_whose_heads_came_first_take_no_more_than_the_memory_for_them() {
    let database = Database::new().await;
    let web = start(&database).await;
    let (slow, other) = (token(&web, "slow"), token(&web, "other"));
    let mut sender = connect(&web).await;
    let mut bodies = Vec::new();
    for _ in 0..60 {
        let path = "/v1/runs/fat/status";
        bodies.push(send(&web, &mut sender, &slow, Method::POST, path).await);
    }
    while held(&web).await < 60.0 * 4_096.0 {
        tokio::task::yield_now().await;
    }
    let (mut whole, mut unread) = (0, Vec::new());
    for (answer, mut body) in bodies {
        body.send_data(br#"{"status":"asleep"}"#, true).unwrap();
        let (status, length, body) = head(answer).await;
        assert_eq!(status, 200);
        assert!(!(200..=LENGTH).contains(&length), "{length}");
        whole += usize::from(length > LENGTH);
        unread.push(body);
    }
    assert!((2..=3).contains(&whole), "{whole}");
    assert!(held(&web).await <= MEMORY as f64 / 8.0);
    let change = json!({"status": "awake"});
    for key in [&other, web.key()] {
        let changed = web.post_as(key, "/v1/runs/fat/status", change.clone());
        assert_eq!(changed.await.body["metadata"]["log"], "x".repeat(LENGTH));
    }
}

#[tokio::test]
async fn small_answers_are_counted_and_the_smallest_as_two_kibibytes() {
    let database = Database::new().await;
    let web = start(&database).await;
    for (path, most) in [("/v1/runs/medium", 64), ("/v1/runs/tiny", 488)] {
        let token = token(&web, path);
        let mut sender = connect(&web).await;
        let (mut answered, mut unread) = (0, Vec::new());
        loop {
            let (answer, _) = send(&web, &mut sender, &token, Method::GET, path).await;
            let (status, length, body) = head(answer).await;
            if status == 429 {
                // With many that are unread, it has none that would be one more.
                assert_eq!(
                    (length == 0, body.is_end_stream()),
                    (most > 100, most > 100)
                );
                break;
            }
            assert_eq!(status, 200);
            answered += 1;
            unread.push(body);
        }
        assert!((most - 2..=most + 2).contains(&answered), "{answered}");
    }
}

#[tokio::test]
async fn change_for_whose_answer_there_is_no_memory_is_answered_in_short() {
    let database = Database::new().await;
    let web = start(&database).await;
    let token = token(&web, "slow");
    let mut sender = connect(&web).await;
    let mut unread = Vec::new();
    for _ in 0..3 {
        let (answer, _) = send(&web, &mut sender, &token, Method::GET, "/v1/runs/fat").await;
        unread.push(head(answer).await);
    }
    let post = async |path: &str, body: Value| web.post_as(&token, path, body).await;
    let id = "\u{1}".repeat(255);
    let document = json!({"log": "x".repeat(LENGTH)});
    let started = post("/v1/runs", json!({"id": id, "metadata": document})).await;
    let short = json!({"id": id, "status": "running", "attempt": 1, "version": 1});
    assert_eq!((started.status, started.body), (201, short));
    let finished = post("/v1/runs/fat/finish", json!({})).await;
    let short = json!({"id": "fat", "status": "completed", "attempt": 1, "version": 2});
    assert_eq!((finished.status, finished.body), (200, short));
    let mut operations = vec![json!({}); 7_000];
    operations.push(json!({"type": "set", "key": "k", "value": 1}));
    let outcome = |version: i64| {
        json!({
            "results": [
                {"run": "tiny", "target": "self", "outcome": "applied", "version": version, "unapplied": null},
            ],
            "shortened": true,
        })
    };
    let lists = json!({"operations": operations});
    let changed = post("/v1/runs/tiny/operations", lists).await;
    assert!(changed.status == 200 && changed.body == outcome(2));
    operations.push(json!({"type": "set", "key": "k", "value": 2}));
    let entries = json!([{"run": "tiny", "operations": operations}]);
    let changed = post("/v1/operations", entries.clone()).await;
    assert!(changed.status == 200 && changed.body == outcome(3));
    // The short form of many has no room: nothing of it takes effect.
    let set = json!([{"type": "set", "key": "many", "value": 1}]);
    let many = vec![json!({"run": "tiny", "operations": set}); 4_000];
    assert_eq!(post("/v1/operations", many.into()).await.status, 429);
    drop((unread, sender));
    while held(&web).await > 0.0 {
        tokio::task::yield_now().await;
    }
    let changed = post("/v1/operations", entries).await;
    let unapplied = &changed.body["results"][0]["unapplied"];
    assert_eq!(unapplied.as_array().unwrap().len(), 7_000);
    let run = web.get("/v1/runs/tiny").await;
    assert_eq!(run.body["metadata"], json!({"k": 2}));
}
