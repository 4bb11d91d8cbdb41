//! Changes take effect exactly once.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Web, now, sign};
use crate::harness::{Database, OwnServer};

fn increment() -> Value {
    json!({"operations": [{"type": "increment", "key": "n", "value": 1}]})
}

async fn number(web: &Web) -> Value {
    web.get("/v1/runs/a").await.body["metadata"]["n"].clone()
}

#[tokio::test]
async fn request_with_the_same_key_takes_effect_once_through_any_gateway() {
    let database = Database::new().await;
    let (one, two) = (Web::start(&database).await, Web::start(&database).await);
    one.post("/v1/runs", json!({"id": "a"})).await;
    let first = one
        .post_once("k", "/v1/runs/a/operations", increment())
        .await;
    assert_eq!(
        (first.status, first.header("idempotency-replayed")),
        (200, "")
    );
    assert_eq!(first.body["results"][0]["outcome"], "applied");
    for web in [&one, &two] {
        let again = web
            .post_once("k", "/v1/runs/a/operations", increment())
            .await;
        assert_eq!(
            (again.status, again.header("idempotency-replayed")),
            (200, "true")
        );
        assert_eq!(again.body["results"][0]["outcome"], "duplicate");
    }
    two.post_once("other", "/v1/runs/a/operations", increment())
        .await;
    one.post("/v1/runs/a/operations", increment()).await;
    two.post("/v1/runs/a/operations", increment()).await;
    assert_eq!(number(&one).await, json!(4));
    // Prune forgets the two keys after a day, and the gateways' own writers when it is told to.
    let server = database.connect().await;
    let named = "SELECT count(*) FROM runmeta.writer WHERE id::text ~ '^.{14}8'";
    let named: i64 = server.query_one(named, &[]).await.unwrap().get(0);
    assert_eq!(named, 2);
}

#[tokio::test]
async fn refused_request_stays_refused_with_the_same_answer() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let first = web
        .post_once("k", "/v1/runs/a/operations", increment())
        .await;
    assert_eq!(
        (first.status, &first.body["sqlstate"]),
        (404, &json!("P0002"))
    );
    web.post("/v1/runs", json!({"id": "a"})).await;
    let again = web
        .post_once("k", "/v1/runs/a/operations", increment())
        .await;
    assert_eq!((again.status, again.body), (first.status, first.body));
    assert_eq!(number(&web).await, Value::Null);
}

#[tokio::test]
async fn keys_of_one_caller_are_not_those_of_another() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    web.post("/v1/runs", json!({"id": "a"})).await;
    let sign = |subject: &str| {
        super::sign(
            web.key(),
            json!({"sub": subject, "scopes": ["write:runs"], "exp": super::now() + 60}),
        )
    };
    for token in [sign("one"), sign("two"), web.key().to_owned()] {
        let request = web.request_as(&token, reqwest::Method::POST, "/v1/runs/a/operations");
        let request = request.header("idempotency-key", "k").json(&increment());
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    assert_eq!(number(&web).await, json!(3));
}

#[tokio::test]
async fn bad_idempotency_keys_are_refused() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    for key in ["", &"x".repeat(256)] {
        let answer = web.post_once(key, "/v1/operations", json!([])).await;
        assert_eq!(
            (answer.status, &answer.body["sqlstate"]),
            (400, &json!("22023")),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn requests_are_held_while_the_database_is_away() {
    let server = OwnServer::start().await;
    let web = Web::of(server.url().to_owned(), |_| ()).await;
    assert_eq!(web.post("/v1/runs", json!({"id": "a"})).await.status, 201);
    server.stop().await;
    let held = async {
        let mut writes = tokio::task::JoinSet::new();
        for place in 0..20 {
            let request = web
                .request(reqwest::Method::POST, "/v1/runs/a/operations")
                .json(&increment());
            let request = match place % 2 {
                0 => request,
                _ => request.header("idempotency-key", place.to_string()),
            };
            writes.spawn(async move { request.send().await.unwrap().status().as_u16() });
        }
        writes.join_all().await
    };
    let (answers, ()) = tokio::join!(held, server.start_again());
    assert_eq!(answers, [200; 20]);
    assert_eq!(number(&web).await, json!(20));
}

#[tokio::test]
async fn database_that_stays_away_is_503_with_a_time_to_come_back() {
    let server = OwnServer::start().await;
    let web = Web::of(server.url().to_owned(), |config| {
        config.limits.call_timeout = std::time::Duration::from_millis(200);
    })
    .await;
    assert_eq!(web.get("/v1/runs").await.status, 200);
    server.stop().await;
    let answer = web.get("/v1/runs").await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, "2"),
        "{answer:?}"
    );
    assert_eq!(web.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn callers_do_not_use_up_the_keys_of_others() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    web.post("/v1/runs", json!({"id": "a"})).await;
    // Without a subject, as tokens for browsers often are, and with the same one, as those of Trigger.dev's packages.
    let claims = |scopes: &[&str], subject: Option<&str>| {
        let mut claims = json!({"scopes": scopes, "exp": now() + 3600});
        if let Some(subject) = subject {
            claims["sub"] = json!(subject);
        }
        sign(web.key(), claims)
    };
    let callers = [
        web.key().to_owned(),
        claims(&["write:runs:a"], None),
        claims(&["write:runs:a", "read:runs:a"], None),
        claims(&["write:runs:a"], Some("alice")),
        claims(&["write:runs:a"], Some("bob")),
        claims(&["*:runs:a"], Some("bob")),
    ];
    for caller in &callers {
        for path in ["/v1/runs/a/operations", "/v1/runs/a/streams/words"] {
            let body = if path.ends_with("words") {
                json!([1])
            } else {
                increment()
            };
            let request = web.request_as(caller, Method::POST, path).json(&body);
            let sent = request.header("idempotency-key", "k").send().await.unwrap();
            assert_eq!(sent.status(), 200);
        }
    }
    assert_eq!(number(&web).await, json!(callers.len()));
    let streams = web.get("/v1/runs/a/streams").await.body;
    assert_eq!(streams["streams"][0]["chunks"], json!(callers.len()));
}
