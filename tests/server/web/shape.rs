//! The shape log, as Trigger.dev's client polls it.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::limits::metric;
use super::{Answer, KEY, Web, now, sign};
use crate::harness::Database;

/// A client in the middle of a log.
struct Poller<'a> {
    web: &'a Web,
    key: String,
    /// The path, with a query.
    path: String,
    handle: String,
    offset: String,
}

impl<'a> Poller<'a> {
    fn new(web: &'a Web, path: &str) -> Poller<'a> {
        let join = if path.contains('?') { '&' } else { '?' };
        Poller {
            web,
            key: KEY.to_owned(),
            path: format!("{path}{join}log=full"),
            handle: String::new(),
            offset: "-1".to_owned(),
        }
    }

    fn url(&self, live: bool) -> String {
        let (path, offset, handle) = (&self.path, &self.offset, &self.handle);
        match (offset.as_str(), live) {
            ("-1", _) => format!("{path}&offset=-1"),
            (_, true) => format!("{path}&offset={offset}&handle={handle}&live=true&cursor=1"),
            (_, false) => format!("{path}&offset={offset}&handle={handle}"),
        }
    }

    /// Takes an answer, and returns its rows.
    fn take(&mut self, answer: Answer) -> Vec<Value> {
        assert_eq!(answer.status, 200, "{answer:?}");
        for name in ["electric-schema", "electric-cursor", "electric-up-to-date"] {
            assert!(answer.headers.contains_key(name), "{name}");
        }
        self.handle = answer.header("electric-handle").to_owned();
        self.offset = answer.header("electric-offset").to_owned();
        let mut messages = answer.body.as_array().unwrap().clone();
        let last = messages.pop().unwrap();
        assert_eq!(last, json!({"headers": {"control": "up-to-date"}}));
        messages
    }

    async fn poll(&mut self, live: bool) -> Vec<Value> {
        let answer = self.web.get_as(&self.key, &self.url(live)).await;
        self.take(answer)
    }

    /// Begins a live poll that is to be held.
    fn hold(&self) -> JoinHandle<Answer> {
        let request = self.web.request_as(&self.key, Method::GET, &self.url(true));
        tokio::spawn(async move { Answer::of(request.send().await.unwrap()).await })
    }
}

async fn started() -> (Database, tokio_postgres::Client, Web) {
    let database = Database::with_worker().await;
    let server = database.connect().await;
    let start = "SELECT runmeta.start('a', '{\"n\": 0}', task => 'import', tags => '{x,y}')";
    server.batch_execute(start).await.unwrap();
    let web = Web::start(&database).await;
    (database, server, web)
}

async fn run(server: &tokio_postgres::Client, statement: &str) {
    server.batch_execute(statement).await.unwrap();
}

#[tokio::test]
async fn run_is_followed_poll_by_poll() {
    let (_database, server, web) = started().await;
    let mut poller = Poller::new(&web, "/realtime/v1/runs/a");
    let rows = poller.poll(false).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["headers"]["operation"], "insert");
    let row = &rows[0]["value"];
    assert_eq!(
        (&row["friendlyId"], &row["status"]),
        (&json!("a"), &json!("EXECUTING"))
    );
    assert_eq!(
        (&row["metadata"], &row["runTags"]),
        (&json!("{\"n\": 0}"), &json!("{\"x\",\"y\"}"))
    );
    assert!(poller.poll(false).await.is_empty());

    let held = poller.hold();
    run(&server, "SELECT runmeta.set('a', 'n', '1')").await;
    let rows = poller.take(held.await.unwrap());
    assert_eq!(rows[0]["headers"]["operation"], "update");
    assert_eq!(rows[0]["value"]["metadata"], "{\"n\": 1}");

    // What changes between two polls is answered at once.
    run(&server, "SELECT runmeta.finish('a')").await;
    let rows = poller.poll(true).await;
    let row = &rows[0]["value"];
    assert_eq!(row["status"], "COMPLETED_SUCCESSFULLY");
    assert!(row["completedAt"].is_string());
}

#[tokio::test]
async fn any_gateway_goes_on_with_the_log_of_a_run() {
    let (database, server, web) = started().await;
    let other = Web::start(&database).await;
    let mut poller = Poller::new(&web, "/realtime/v1/runs/a");
    poller.poll(false).await;
    poller.web = &other;
    assert!(poller.poll(false).await.is_empty());
    let held = poller.hold();
    run(&server, "SELECT runmeta.set('a', 'n', '1')").await;
    assert_eq!(poller.take(held.await.unwrap()).len(), 1);
    poller.web = &web;
    assert!(poller.poll(false).await.is_empty());
}

#[tokio::test]
async fn run_that_does_not_exist_yet_is_an_empty_log() {
    let (_database, server, web) = started().await;
    let mut poller = Poller::new(&web, "/realtime/v1/runs/later");
    assert!(poller.poll(false).await.is_empty());
    let held = poller.hold();
    run(&server, "SELECT runmeta.start('later')").await;
    let rows = poller.take(held.await.unwrap());
    assert_eq!(rows[0]["headers"]["operation"], "insert");
    assert_eq!(rows[0]["value"]["id"], "later");
}

#[tokio::test]
async fn old_clients_find_their_headers_and_send_their_names() {
    let (_database, _server, web) = started().await;
    let answer = web.get("/realtime/v1/runs/a?offset=-1").await;
    let (handle, offset) = (
        answer.header("electric-shape-id"),
        answer.header("electric-chunk-last-offset"),
    );
    assert!(!handle.is_empty() && !offset.is_empty());
    let url = format!("/realtime/v1/runs/a?shape_id={handle}&offset={offset}");
    let answer = web.get(&url).await;
    assert_eq!(answer.body, json!([{"headers": {"control": "up-to-date"}}]));
}

#[tokio::test]
async fn streams_of_the_run_are_a_column() {
    let (_database, server, web) = started().await;
    run(&server, "SELECT runmeta.stream_append('a', 'one', '[1]')").await;
    let mut poller = Poller::new(&web, "/realtime/v1/runs/a");
    let rows = poller.poll(false).await;
    assert_eq!(rows[0]["value"]["realtimeStreams"], "{\"one\"}");
    let held = poller.hold();
    let announced = web.request(Method::PUT, "/realtime/v1/streams/a/self/two");
    assert_eq!(announced.send().await.unwrap().status(), 202);
    let rows = poller.take(held.await.unwrap());
    assert_eq!(rows[0]["value"]["realtimeStreams"], "{\"one\",\"two\"}");
    assert_eq!(rows[0]["value"]["metadata"], "{\"n\":0}");
}

#[tokio::test]
async fn columns_are_left_out_by_the_query_or_the_token() {
    let (_database, server, web) = started().await;
    let mut poller = Poller::new(&web, "/realtime/v1/runs/a?skipColumns=metadata,id");
    let rows = poller.poll(false).await;
    let row = rows[0]["value"].as_object().unwrap().clone();
    assert!(row.contains_key("id") && row.contains_key("payload") && !row.contains_key("metadata"));
    // What is left out wakes nobody; what comes then does.
    let held = poller.hold();
    run(
        &server,
        "SELECT runmeta.set('a', 'n', '1'); SELECT runmeta.set_status('a', 'waiting')",
    )
    .await;
    let rows = poller.take(held.await.unwrap());
    assert_eq!(rows[0]["value"]["status"], "WAITING_TO_RESUME");

    let claims = json!({"scopes": ["read:runs:a"], "exp": now() + 60,
        "realtime": {"skipColumns": ["payload"]}});
    poller.key = sign(KEY, claims);
    poller.offset = "-1".to_owned();
    let rows = poller.poll(false).await;
    let row = rows[0]["value"].as_object().unwrap();
    assert!(row.contains_key("metadata") && !row.contains_key("payload"));
}

#[tokio::test]
async fn set_has_the_runs_with_all_tags_of_the_window() {
    let (_database, server, web) = started().await;
    let more = "SELECT runmeta.start('b', tags => '{x}'), runmeta.start('c', tags => '{y,z,x}'),
            runmeta.start('old', tags => '{x,y}'), runmeta.start('done', tags => '{x,y}');
        SELECT runmeta.finish('done');
        UPDATE runmeta.run SET created_at = now() - interval '2 days' WHERE id = 'old'";
    run(&server, more).await;
    let ids = |rows: &[Value]| {
        let ids = rows
            .iter()
            .map(|row| row["value"]["id"].as_str().unwrap().to_owned());
        let mut ids: Vec<_> = ids.collect();
        ids.sort();
        ids
    };
    let mut poller = Poller::new(&web, "/realtime/v1/runs?tags=x,y");
    assert_eq!(ids(&poller.poll(false).await), ["a", "c", "done"]);
    let mut week = Poller::new(&web, "/realtime/v1/runs?tags=x,y&createdAt=1w");
    assert_eq!(ids(&week.poll(false).await), ["a", "c", "done", "old"]);

    let held = poller.hold();
    run(&server, "SELECT runmeta.set('c', 'n', '1')").await;
    let rows = poller.take(held.await.unwrap());
    assert_eq!(
        (ids(&rows), &rows[0]["headers"]["operation"]),
        (vec!["c".to_owned()], &json!("update"))
    );
    run(&server, "SELECT runmeta.start('d', tags => '{x,y}')").await;
    let rows = poller.poll(true).await;
    assert_eq!(
        (ids(&rows), &rows[0]["headers"]["operation"]),
        (vec!["d".to_owned()], &json!("insert"))
    );
    run(&server, "SELECT runmeta.finish('a')").await;
    assert_eq!(
        poller.poll(true).await[0]["value"]["status"],
        "COMPLETED_SUCCESSFULLY"
    );
    let answer = web.get("/realtime/v1/runs?tags=x&createdAt=soon").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn rows_of_an_answer_that_was_lost_are_sent_again() {
    let (database, server, web) = started().await;
    let mut poller = Poller::new(&web, "/realtime/v1/runs?tags=x");
    poller.poll(false).await;
    let before = poller.offset.clone();
    run(&server, "SELECT runmeta.set('a', 'n', '1')").await;
    poller.poll(true).await;
    poller.offset = before;
    assert_eq!(
        poller.poll(true).await[0]["value"]["metadata"],
        "{\"n\": 1}"
    );
    // As by a gateway that does not know the log.
    let other = Web::start(&database).await;
    poller.web = &other;
    assert_eq!(
        poller.poll(true).await[0]["value"]["metadata"],
        "{\"n\": 1}"
    );
}

#[tokio::test]
async fn poll_that_is_given_up_loses_nothing() {
    let (_database, server, web) = started().await;
    let mut poller = Poller::new(&web, "/realtime/v1/runs?tags=x");
    poller.poll(false).await;
    let held = poller.hold();
    // Its watch is there, and has been read, once the log is held.
    tokio::task::yield_now().await;
    held.abort();
    run(&server, "SELECT runmeta.set('a', 'n', '1')").await;
    assert_eq!(
        poller.poll(true).await[0]["value"]["metadata"],
        "{\"n\": 1}"
    );
}

#[tokio::test]
async fn batch_is_the_runs_with_its_id_as_a_tag() {
    let (_database, server, web) = started().await;
    run(&server, "SELECT runmeta.start('b', tags => '{batch_1}')").await;
    let mut poller = Poller::new(&web, "/realtime/v1/batches/batch_1");
    poller.key = web.token(&["read:batch:batch_1"]);
    let rows = poller.poll(false).await;
    assert_eq!((rows.len(), &rows[0]["value"]["id"]), (1, &json!("b")));
}

#[tokio::test]
async fn token_polls_what_its_scopes_include() {
    let (_database, _server, web) = started().await;
    let status = async |scope: &str, path: &str| {
        let path = format!(
            "/realtime/v1/{path}{}offset=-1",
            if path.contains('?') { '&' } else { '?' }
        );
        web.get_as(&web.token(&[scope]), &path).await.status
    };
    for (scope, path, expected) in [
        ("read:runs:a", "runs/a", 200),
        ("read:tags:y", "runs/a", 200),
        ("read:tags:y", "runs?tags=x,y", 200),
        ("read:runs", "runs?tags=x", 200),
        ("read:runs:b", "runs/a", 403),
        ("read:runs:b", "runs/missing", 403),
        ("read:runs:missing", "runs/missing", 200),
        ("read:tags:z", "runs?tags=x,y", 403),
        ("read:runs:a", "runs?tags=x", 403),
        ("read:tags:x", "runs", 403),
        ("read:tags:x", "batches/y", 403),
    ] {
        assert_eq!(status(scope, path).await, expected, "{scope} {path}");
    }
}

/// An answer that is cut behind its headers would be fatal to the client.
#[tokio::test]
async fn held_polls_are_answered_when_the_gateway_stops_or_the_token_expires() {
    let (_database, _server, web) = started().await;
    let mut one = Poller::new(&web, "/realtime/v1/runs/a");
    let mut set = Poller::new(&web, "/realtime/v1/runs?tags=x");
    one.poll(false).await;
    set.poll(false).await;
    let claims = json!({"scopes": ["read:runs:a"], "exp": now() + 4});
    one.key = sign(KEY, claims);
    let expired = one.hold();
    assert_eq!(expired.await.unwrap().status, 401);
    one.key = KEY.to_owned();
    let held = [one.hold(), set.hold()];
    while metric(&web, "runmeta_web_streams").await != 2.0 {
        tokio::task::yield_now().await;
    }
    web.gateway().stopping().cancel();
    for held in held {
        let answer = held.await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, json!([{"headers": {"control": "up-to-date"}}]));
    }
    web.ended().await;
}
