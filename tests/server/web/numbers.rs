//! Numbers keep every digit on their way through the gateway, in and out.

use reqwest::{Method, Response};
use serde_json::Value;

use super::Web;
use crate::harness::Database;

/// What a program of the old sort would damage: a double has 17 digits, no zeros behind them, and ends at 1e308.
const NUMBERS: &str =
    r#"{"big": 900719925474099312345678912345, "huge": 1e400, "zero": -0, "price": 1.50}"#;

/// A number on each line as Postgres writes it: `numeric` has neither exponents nor a negative zero.
fn stored() -> [String; 4] {
    [
        r#""big": 900719925474099312345678912345"#.to_owned(),
        format!(r#""huge": 1{}"#, "0".repeat(400)),
        r#""zero": 0"#.to_owned(),
        r#""price": 1.50"#.to_owned(),
    ]
}

/// Checks that a text has each of the numbers, whatever stands between name and number.
fn check(place: &str, text: &str) {
    let squeezed = squeeze(text);
    for number in stored() {
        // Behind it is no digit and no fraction.
        let number = squeeze(&number);
        let found = squeezed.match_indices(&number).any(|(at, _)| {
            let behind = squeezed[at + number.len()..].chars().next();
            matches!(behind, Some(',' | '}'))
        });
        assert!(found, "{place} has no {number}: {text}");
    }
}

fn squeeze(text: &str) -> String {
    text.replace(": ", ":")
}

async fn request(web: &Web, method: Method, path: &str, body: Option<&str>) -> (u16, String) {
    let mut request = web.request(method, path);
    if let Some(body) = body {
        request = request.header("content-type", "application/json");
        request = request.body(body.to_owned());
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn get(web: &Web, path: &str) -> String {
    let (status, text) = request(web, Method::GET, path, None).await;
    assert_eq!(status, 200, "{path}: {text}");
    text
}

async fn post(web: &Web, path: &str, body: &str) -> String {
    let (status, text) = request(web, Method::POST, path, Some(body)).await;
    assert!((200..300).contains(&status), "{path}: {status} {text}");
    text
}

/// Starts run `a`, which has the numbers, and a gateway.
async fn started() -> (Database, tokio_postgres::Client, Web) {
    let database = Database::with_worker().await;
    let server = database.connect().await;
    let start =
        format!("SELECT runmeta.start('a', '{NUMBERS}', task => 'import', tags => '{{x}}')");
    server.batch_execute(&start).await.unwrap();
    let web = Web::start(&database).await;
    (database, server, web)
}

/// Returns the metadata of a run as the database has it.
async fn metadata(server: &tokio_postgres::Client, run: &str) -> String {
    let read = "SELECT runmeta.get($1)::text";
    server.query_one(read, &[&run]).await.unwrap().get(0)
}

/// Reads server-sent events as they are written.
struct Events(Response, String);

impl Events {
    async fn of(web: &Web, path: &str) -> Events {
        let response = web.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        Events(response, String::new())
    }

    /// Returns the next event that is one, with its name and its data.
    async fn next(&mut self) -> String {
        loop {
            if let Some((event, rest)) = self.1.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.1 = rest;
                if event.contains("data: ") {
                    return event;
                }
                continue;
            }
            let bytes = self.0.chunk().await.unwrap().unwrap();
            self.1.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

#[tokio::test]
async fn numbers_of_runs_are_read_as_they_are_stored() {
    let (_database, server, web) = started().await;
    let child = format!("SELECT runmeta.start('b', '{NUMBERS}', parent_run_id => 'a')");
    server.batch_execute(&child).await.unwrap();
    for path in [
        "/v1/runs/a",
        "/v1/runs?tag=x",
        "/v1/runs?tag=x&select=big,huge,zero,price",
        "/v1/runs/a/tree",
        "/v1/runs/b/tree",
        // Trigger.dev's.
        "/api/v1/runs/a/metadata",
        "/api/v3/runs/a",
    ] {
        check(path, &get(&web, path).await);
    }
    let finished = post(&web, "/v1/runs/b/finish", "{}").await;
    check("finish", &finished);
}

#[tokio::test]
async fn numbers_in_bodies_reach_the_database() {
    let database = Database::new().await;
    let (server, web) = (database.connect().await, Web::start(&database).await);
    let start = format!(r#"{{"id": "a", "metadata": {NUMBERS}}}"#);
    check("start", &post(&web, "/v1/runs", &start).await);
    check("the run that was started", &metadata(&server, "a").await);
    server
        .batch_execute("SELECT runmeta.start('b', parent_run_id => 'a')")
        .await
        .unwrap();
    let operation = format!(r#"[{{"type": "set", "key": "n", "value": {NUMBERS}}}]"#);
    let lists = format!(r#"{{"operations": {operation}, "parentOperations": {operation}}}"#);
    post(&web, "/v1/runs/b/operations", &lists).await;
    check("operations", &metadata(&server, "b").await);
    let entries = format!(r#"[{{"run": "c", "operations": {operation}}}]"#);
    server
        .batch_execute("SELECT runmeta.start('c')")
        .await
        .unwrap();
    post(&web, "/v1/operations", &entries).await;
    check("operations of many", &metadata(&server, "c").await);
    server
        .batch_execute("SELECT runmeta.start('d')")
        .await
        .unwrap();
    let path = "/api/v1/runs/d/metadata";
    let update = format!(r#"{{"metadata": {NUMBERS}}}"#);
    let (status, text) = request(&web, Method::PUT, path, Some(&update)).await;
    assert_eq!(status, 200, "{text}");
    check("Trigger.dev's answer", &text);
    check("Trigger.dev's metadata", &metadata(&server, "d").await);
}

#[tokio::test]
async fn counters_and_sums_over_runs_are_exact() {
    let (_database, server, web) = started().await;
    let by = "900719925474099312345678912345.10";
    let children = format!(
        "SELECT runmeta.start('b', '{{\"n\": {by}}}', parent_run_id => 'a'),
            runmeta.start('c', '{{\"n\": 0.10}}', parent_run_id => 'a')"
    );
    server.batch_execute(&children).await.unwrap();
    let rollup = get(&web, "/v1/runs/a/rollup?key=n").await;
    let sum = r#""sum":900719925474099312345678912345.20"#;
    assert!(squeeze(&rollup).contains(sum), "{rollup}");
    let add =
        format!(r#"{{"operations": [{{"type": "increment", "key": "big", "value": {by}}}]}}"#);
    post(&web, "/v1/runs/a/operations", &add).await;
    let run = get(&web, "/v1/runs/a").await;
    let total = r#""big":1801439850948198624691357824690.10"#;
    assert!(squeeze(&run).contains(total), "{run}");
}

#[tokio::test]
async fn numbers_of_events_and_patches_have_every_digit() {
    let (_database, server, web) = started().await;
    let mut events = Events::of(&web, "/v1/runs/a/events").await;
    let mut set = Events::of(&web, "/v1/events?tag=x").await;
    for events in [&mut events, &mut set] {
        let event = events.next().await;
        assert!(event.contains("event: snapshot"), "{event}");
        check("snapshot", &event);
    }
    assert!(set.next().await.starts_with("event: ready"));
    for (value, patch) in [
        // Only digits that a double does not have.
        (
            r#"{"big": 900719925474099312345678912346}"#,
            r#"{"big":900719925474099312345678912346}"#,
        ),
        (r#"{"price": 2.50}"#, r#"{"price":2.50}"#),
    ] {
        let merge = format!("SELECT runmeta.merge('a', '{value}')");
        server.batch_execute(&merge).await.unwrap();
        for events in [&mut events, &mut set] {
            let event = events.next().await;
            assert!(event.contains("event: change"), "{event}");
            let expected = format!(r#""metadata":{patch}"#);
            assert!(event.contains(&expected), "no {expected} in {event}");
        }
    }
}

#[tokio::test]
async fn numbers_of_shape_rows_have_every_digit() {
    let (_database, server, web) = started().await;
    let streams = r#"SELECT runmeta.set('a', '$$streams', '["tokens"]')"#;
    for path in [
        "/realtime/v1/runs/a?offset=-1&log=full",
        "/realtime/v1/runs?tags=x&offset=-1&log=full",
    ] {
        let log: Value = serde_json::from_str(&get(&web, path).await).unwrap();
        check(path, log[0]["value"]["metadata"].as_str().unwrap());
    }
    // The list of streams is taken out of the metadata, and nothing else.
    server.batch_execute(streams).await.unwrap();
    let path = "/realtime/v1/runs/a?offset=-1&log=full";
    let log: Value = serde_json::from_str(&get(&web, path).await).unwrap();
    let metadata = log[0]["value"]["metadata"].as_str().unwrap();
    assert!(!metadata.contains("streams"), "{metadata}");
    check(path, metadata);
}

#[tokio::test]
async fn numbers_of_chunks_have_every_digit() {
    let (_database, server, web) = started().await;
    let path = "/v1/runs/a/streams/tokens";
    post(&web, path, &format!("[{NUMBERS}]")).await;
    let line = web.request(Method::POST, path).body(NUMBERS);
    let line = line.header("content-type", "application/x-ndjson");
    assert_eq!(line.send().await.unwrap().status(), 200);
    // Trigger.dev's.
    let own = "/realtime/v1/streams/a/self/tokens";
    post(&web, own, NUMBERS).await;
    let read = "SELECT chunk::text FROM runmeta.stream_read('a', 'tokens')";
    let rows = server.query(read, &[]).await.unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        check("a chunk", row.get(0));
    }
    let mut events = Events::of(&web, path).await;
    for _ in 0..3 {
        check("an event of a chunk", &events.next().await);
    }
}

#[tokio::test]
async fn number_that_the_database_does_not_have_is_refused() {
    let (_database, server, web) = started().await;
    let operations = r#"{"operations": [{"type": "set", "key": "n", "value": 1e400000}]}"#;
    let path = "/v1/runs/a/operations";
    let (status, text) = request(&web, Method::POST, path, Some(operations)).await;
    assert_eq!(status, 400, "{text}");
    assert!(!metadata(&server, "a").await.contains("\"n\""));
}

#[tokio::test]
async fn body_that_nests_too_deep_is_refused_and_says_so() {
    let (_database, server, web) = started().await;
    for levels in [130, 1_000_000] {
        let deep = "[".repeat(levels) + &"]".repeat(levels);
        let set = format!(r#"{{"operations": [{{"type": "set", "key": "n", "value": {deep}}}]}}"#);
        for (method, path, body) in [
            (Method::POST, "/v1/runs/a/operations", set.clone()),
            (
                Method::POST,
                "/v1/operations",
                format!(r#"[{{"run": "a", "operations": {deep}}}]"#),
            ),
            (
                Method::POST,
                "/v1/runs",
                format!(r#"{{"id": "z", "metadata": {{"n": {deep}}}}}"#),
            ),
            (
                Method::POST,
                "/v1/runs/a/streams/tokens",
                format!("[{deep}]"),
            ),
            (Method::PUT, "/api/v1/runs/a/metadata", set.clone()),
        ] {
            let (status, text) = request(&web, method, path, Some(&body)).await;
            assert_eq!(status, 400, "{path}: {text}");
            assert!(
                text.contains("nests more than 127 levels"),
                "{path}: {text}"
            );
        }
        let line = web.request(Method::POST, "/v1/runs/a/streams/tokens");
        let line = line.header("content-type", "application/x-ndjson");
        let answer = line.body(deep.clone()).send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        // A line may have a mebibyte.
        assert!(status == 400 || (levels > 130 && status == 413), "{text}");
    }
    // Within what the gateway reads, the database says what a document may have.
    let deep = "[".repeat(105) + &"]".repeat(105);
    let start = format!(r#"{{"id": "z", "metadata": {{"n": {deep}}}}}"#);
    let (status, text) = request(&web, Method::POST, "/v1/runs", Some(&start)).await;
    assert_eq!(status, 400, "{text}");
    assert!(
        server
            .query("SELECT FROM runmeta.run WHERE id = 'z'", &[])
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn name_that_comes_twice_is_refused_or_counts_once() {
    let (_database, server, web) = started().await;
    let path = "/v1/runs/a/operations";
    let twice = r#"{"operations": [], "operations": [{"type": "set", "key": "n", "value": 1}]}"#;
    let (status, text) = request(&web, Method::POST, path, Some(twice)).await;
    assert_eq!(status, 400, "{text}");
    // As in JSONB, the last one counts.
    let twice = r#"{"operations": [{"type": "set", "key": "n", "value": 1, "value": 2.50}]}"#;
    post(&web, path, twice).await;
    assert!(metadata(&server, "a").await.contains(r#""n": 2.50"#));
}

/// Numbers are compared by their value, as JSONB does: other digits of the same number alone are no change.
#[tokio::test]
async fn other_digits_of_the_same_number_are_a_change_only_beside_another() {
    let (_database, server, web) = started().await;
    let mut events = Events::of(&web, "/v1/runs/a/events").await;
    events.next().await;
    let set = |value: &str| {
        format!(r#"{{"operations": [{{"type": "set", "key": "price", "value": {value}}}]}}"#)
    };
    let answer = post(&web, "/v1/runs/a/operations", &set("1.500")).await;
    assert!(answer.contains(r#""outcome":"unchanged""#), "{answer}");
    assert!(metadata(&server, "a").await.ends_with(r#""price": 1.50}"#));
    let both = r#"{"operations": [{"type": "set", "key": "price", "value": 1.500}, {"type": "set", "key": "m", "value": 1}]}"#;
    post(&web, "/v1/runs/a/operations", both).await;
    let stored = metadata(&server, "a").await;
    let change = events.next().await;
    assert!(stored.contains(r#""price": 1.500"#), "{stored}");
    assert!(change.contains(r#""price":1.500"#), "{change}");
}
