//! What readers share, and what one of them may take of it.

use serde_json::json;
use tokio::task::JoinSet;

use super::reader::{Next, Reader};
use super::{Web, now, sign};
use crate::harness::Database;

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
