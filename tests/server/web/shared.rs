//! What readers share, and what one of them may take of it.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::limits::metric;
use super::reader::{Next, Reader};
use super::{Answer, KEY, Web, now, sign};
use crate::harness::{Database, until};

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_any_number_of_selections_see_what_they_selected() {
    let database = Database::with_worker().await;
    let server = database.connect().await;
    let start = "SELECT runmeta.start('a', jsonb_build_object('n', 0, 'log', repeat('x', 100000)))";
    server.batch_execute(start).await.unwrap();
    let web = Web::start(&database).await;
    let mut readers = JoinSet::new();
    for other in 0..40 {
        let path = format!("/v1/runs/a/events?select=n,$.x.k{other}");
        let mut reader = Reader::of(&web, &path).await;
        let first = reader.event().await;
        assert_eq!(first.data["metadata"], json!({"n": 0}));
        readers.spawn(async move {
            let change = reader.event().await;
            let run = change.data.get("patch").unwrap_or(&change.data);
            assert_eq!(run["metadata"]["n"], 1, "{change:?}");
            let end = loop {
                match reader.event().await {
                    event if event.name == "end" => break event,
                    _ => {}
                }
            };
            assert_eq!(end.data["status"], "completed");
            assert_eq!(reader.next().await, Next::End);
        });
    }
    // What they have not selected is no event.
    for change in [
        "SELECT runmeta.append('a', 'log', '1')",
        "SELECT runmeta.set('a', 'n', '1')",
        "SELECT runmeta.finish('a')",
    ] {
        server.batch_execute(change).await.unwrap();
    }
    readers.join_all().await;
}

#[tokio::test]
async fn events_for_which_there_is_no_memory_are_refused_and_not_cut_silently() {
    let database = Database::with_worker().await;
    let server = database.connect().await;
    let start =
        "SELECT runmeta.start('large', jsonb_build_object('n', 0, 'log', repeat('x', 100000))),
        runmeta.start('small', '{\"n\": 0}')";
    server.batch_execute(start).await.unwrap();
    let web = Web::with(&database, |config| config.limits.event_memory = 50_000).await;
    let refused = web.get("/v1/runs/large/events").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let mut selected = Reader::of(&web, "/v1/runs/large/events?select=n").await;
    assert_eq!(selected.event().await.name, "snapshot");

    let mut reader = Reader::of(&web, "/v1/runs/small/events").await;
    assert_eq!(reader.event().await.name, "snapshot");
    web.post("/v1/runs/small/streams/s", json!(["x".repeat(100)]))
        .await;
    web.post("/v1/runs/small/streams/s", json!(["x".repeat(100_000)]))
        .await;
    let mut chunks = Reader::of(&web, "/v1/runs/small/streams/s").await;
    // Behind the first chunk, if it was read before the other.
    while chunks.event().await.name != "reconnect" {}
    assert_eq!(chunks.next().await, Next::End);
    let grow = "SELECT runmeta.set('small', 'log', to_jsonb(repeat('x', 100000)))";
    server.batch_execute(grow).await.unwrap();
    assert_eq!(reader.event().await.name, "reconnect");
    assert_eq!(reader.next().await, Next::End);
}

#[tokio::test]
async fn tokens_leave_half_of_their_keys_requests_and_streams_to_it() {
    let database = Database::new().await;
    let web = Web::with(&database, |config| {
        config.limits.requests_per_second = 1;
        config.limits.burst = 1_000;
        config.limits.connections_per_key = 8;
    })
    .await;
    assert_eq!(web.post("/v1/runs", json!({"id": "a"})).await.status, 201);
    let path = "/v1/runs/a/events";
    let token = |sub: &str| {
        let claims = json!({"sub": sub, "scopes": ["read:all"], "exp": now() + 3600});
        sign(web.key(), claims)
    };
    let (mut open, tokens) = (Vec::new(), ["one", "other", "third"].map(token));
    for token in &tokens {
        while let Ok(reader) = Reader::resumed(&web, token, path, None).await {
            open.push(reader);
        }
    }
    assert_eq!(open.len(), 4, "two of each, and of all half");
    let refused = web.get_as(&tokens[0], path).await;
    let detail = refused.body["detail"].as_str().unwrap();
    assert_eq!(
        (refused.status, detail),
        (429, "the token has too many open streams")
    );
    // A ticket is no other token.
    drop(open.split_off(2));
    let made = web.post_as(&tokens[0], "/v1/tickets", json!({"path": path}));
    let made = made.await.body;
    let ticket = made["ticket"].as_str().unwrap();
    let answer = reqwest::get(web.url(&format!("{path}?ticket={ticket}")));
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 429);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["detail"], "the token has too many open streams");
    for _ in 0..4 {
        open.push(Reader::of(&web, path).await);
    }

    let until_refused = async |token: &str| {
        let mut requests = 0;
        while web.get_as(token, "/v1/tasks").await.status == 200 {
            requests += 1;
        }
        requests
    };
    let mut requests = Vec::new();
    for token in &tokens {
        requests.push(until_refused(token).await);
    }
    assert!(requests[0] >= 200 && requests[1] >= 200, "{requests:?}");
    // What came to it while they were sent is a matter of seconds.
    assert!(requests.iter().sum::<i32>() < 700, "{requests:?}");
    assert_eq!(web.get("/v1/tasks").await.status, 200);
}

#[tokio::test]
async fn answers_that_nobody_reads_take_no_more_than_the_memory_for_them() {
    let database = Database::new().await;
    let server = database.connect().await;
    let start = "SELECT runmeta.start('large' || n, jsonb_build_object('log', repeat('x', 200000)))
        FROM generate_series(1, 36) AS n";
    server.batch_execute(start).await.unwrap();
    // Half of it is for one key: two pages of 7.2 MB.
    let web = Web::with(&database, |config| config.limits.answer_memory = 32_000_000).await;
    let held = async || metric(&web, "runmeta_web_answer_bytes").await;
    let mut unread = Vec::new();
    for pages in 1..=2 {
        let mut stream = TcpStream::connect(web.address()).await.unwrap();
        let key = web.key();
        let head =
            format!("GET /v1/runs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        unread.push(stream);
        while held().await < f64::from(pages) * 7_200_000.0 {
            tokio::task::yield_now().await;
        }
    }
    let refused = web.get("/v1/runs").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "5"));
    let refused = web.get("/api/v1/runs?page[size]=100").await;
    assert!(refused.status == 429 && refused.body["error"].is_string());
    assert_eq!(web.get("/v1/runs?limit=1&select=").await.status, 200);
    // One token has an eighth.
    let token = web.token(&["read:all"]);
    drop(unread);
    while held().await > 0.0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(web.get_as(&token, "/v1/runs").await.status, 429);
    assert_eq!(web.get("/v1/runs").await.status, 200);
}

/// Runs of which each change takes a minute, and one that is as others.
const SLOW: &str = "SELECT runmeta.start(id) FROM unnest(ARRAY['own', 'slow1', 'slow2', 'slow3', 'slow4', 'slow5']) AS id;
    CREATE FUNCTION public.sleep() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
    CREATE TRIGGER sleep BEFORE UPDATE ON runmeta.run FOR EACH ROW WHEN (NEW.id LIKE 'slow%')
    EXECUTE FUNCTION public.sleep()";

/// Changes all of them at once.
fn change_slowly(web: &Web, key: &str) -> JoinSet<reqwest::Result<reqwest::Response>> {
    let increment = json!({"operations": [{"type": "increment", "key": "n"}]});
    let mut slow = JoinSet::new();
    for n in 1..=5 {
        let path = format!("/v1/runs/slow{n}/operations");
        let request = web.request_as(key, Method::POST, &path);
        slow.spawn(request.json(&increment).send());
    }
    slow
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_changes_of_a_key_hold_up_none_of_another_with_the_same_connections() {
    let database = Database::new().await;
    let server = database.connect().await;
    server.batch_execute(SLOW).await.unwrap();
    let other = "another-secret-key-of-the-tests";
    let web = Web::with(&database, |config| {
        config.keys = runmeta_web::Keys::List(format!("{KEY},{other}"));
    })
    .await;
    let slow = change_slowly(&web, KEY);
    until(
        &server,
        "SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
    )
    .await;
    for _ in 0..10 {
        let increment = json!({"operations": [{"type": "increment", "key": "n"}]});
        let changed = web.post_as(other, "/v1/runs/own/operations", increment);
        assert_eq!(changed.await.status, 200);
    }
    assert_eq!(slow.len(), 5);
}

#[tokio::test]
async fn selections_of_open_streams_take_memory_for_events() {
    let database = Database::new().await;
    let web = Web::with(&database, |config| config.limits.event_memory = 50_000).await;
    web.post("/v1/runs", json!({"id": "a"})).await;
    let keys = ["x", "y"].map(|letter| (0..20).map(|n| format!("{n}{}", letter.repeat(200))));
    let [one, other] = keys.map(|keys| format!("select={}", keys.collect::<Vec<_>>().join(",")));
    for path in ["/v1/runs/a/events", "/v1/events?all"] {
        let separator = if path.contains('?') { '&' } else { '?' };
        let reader = Reader::of(&web, &format!("{path}{separator}{one}")).await;
        let other = format!("{path}{separator}{other}");
        let refused = web.get(&other).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "5"));
        drop(reader);
        while metric(&web, "runmeta_web_event_bytes").await > 1_000.0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_changes_of_a_token_hold_up_none_of_its_key_and_of_other_tokens() {
    let database = Database::new().await;
    let web = Web::with(&database, |config| {
        config.limits.call_timeout = std::time::Duration::from_secs(8);
    })
    .await;
    let server = database.connect().await;
    server.batch_execute(SLOW).await.unwrap();
    let token = web.token(&["write:all"]);
    let increment = json!({"operations": [{"type": "increment", "key": "n"}]});
    let mut slow = change_slowly(&web, &token);
    until(
        &server,
        "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
    )
    .await;
    let other = sign(
        web.key(),
        json!({"sub": "other", "scopes": ["read:all", "write:all"], "exp": now() + 3600}),
    );
    for _ in 0..10 {
        for key in [web.key(), &other] {
            let path = "/v1/runs/own/operations";
            let changed = web.post_as(key, path, increment.clone()).await;
            assert_eq!(changed.status, 200, "{changed:?}");
            assert_eq!(web.get_as(key, "/v1/runs/own").await.status, 200);
        }
    }
    assert_eq!(slow.len(), 5, "none was answered");
    while let Some(answer) = slow.join_next().await {
        let answer = Answer::of(answer.unwrap().unwrap()).await;
        let title = &answer.body["title"];
        assert_eq!(
            (answer.status, title),
            (503, &json!("the database took too long"))
        );
    }
}
