//! What strangers and careless callers send. Keys and tokens are in [`super::auth`].

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Answer, Web};
use crate::harness::Database;

/// Percent-encodes all bytes of an id.
fn encoded(id: &str) -> String {
    id.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

const STRANGE: [&str; 10] = [
    "a/b",
    "../../etc/passwd",
    "a\nb",
    "a\r\nset-cookie: x=1",
    "<script>alert(1)</script>",
    "a?b#c&d=e",
    "%2F",
    "é日本",
    " ",
    "'; DROP TABLE runmeta.run; --",
];

#[tokio::test]
async fn strange_ids_are_ids_like_others() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    for id in STRANGE {
        let made = web
            .post(
                "/v1/runs",
                json!({"id": id, "task": id, "tags": [id], "metadata": {id: id}}),
            )
            .await;
        assert_eq!(
            (made.status, &made.body["id"]),
            (201, &json!(id)),
            "{made:?}"
        );
        let path = format!("/v1/runs/{}", encoded(id));
        let read = web.get(&path).await;
        assert_eq!((read.status, &read.body), (200, &made.body));
        assert_eq!(read.header("content-type"), "application/json");
        assert_eq!(read.header("x-content-type-options"), "nosniff");
        assert_eq!(read.header("set-cookie"), "");
        let list = web.get(&format!("/v1/runs?tag={}", encoded(id))).await;
        assert_eq!(list.body["runs"], json!([made.body]));
        let tree = web.get(&format!("{path}/tree")).await;
        assert_eq!(tree.body["runs"][0]["id"], id);
        let body = json!({"operations": [{"type": "set", "key": "x", "value": "<b>"}]});
        let changed = web.post(&format!("{path}/operations"), body).await;
        assert_eq!(changed.body["results"][0]["run"], id, "{changed:?}");
        assert_eq!(
            web.post(&format!("{path}/finish"), json!({})).await.status,
            200
        );
        // A token for it reads it, and one for its beginning does not.
        let scope = format!("read:runs:{id}");
        assert_eq!(web.get_as(&web.token(&[&scope]), &path).await.status, 200);
        assert_eq!(
            web.get_as(&web.token(&[&format!("{scope}x")]), &path)
                .await
                .status,
            403
        );
    }
}

/// URLs cannot name them: browsers, and the library that is used here, take them for steps in the path.
#[tokio::test]
async fn id_of_dots_is_an_id_for_who_can_send_it() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    assert_eq!(web.post("/v1/runs", json!({"id": ".."})).await.status, 201);
    let head = format!(
        "GET /v1/runs/%2E%2E HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        web.key()
    );
    let answer = raw(&web, &head).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("\"id\":\"..\""),
        "{answer}"
    );
}

#[tokio::test]
async fn ids_that_are_none_are_refused() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    for id in ["\0".to_owned(), "a\0b".to_owned(), "x".repeat(256)] {
        for answer in [
            web.get(&format!("/v1/runs/{}", encoded(&id))).await,
            web.post("/v1/runs", json!({"id": id})).await,
            web.post("/v1/runs", json!({"id": "a", "tags": [id]})).await,
            web.get(&format!("/v1/runs?tag={}", encoded(&id))).await,
            web.get(&format!("/v1/runs?task={}", encoded(&id))).await,
            web.get(&format!("/v1/runs?root={}", encoded(&id))).await,
            web.get(&format!("/v1/tasks/{}", encoded(&id))).await,
            web.post(&format!("/v1/runs/{}/finish", encoded(&id)), json!({}))
                .await,
        ] {
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(
                answer.body["sqlstate"].as_str().unwrap().starts_with("22"),
                "{answer:?}"
            );
        }
    }
    for path in ["/v1/runs/%FF", "/v1/runs/%C3%28/tree"] {
        assert_eq!(web.get(path).await.status, 400, "{path}");
    }
    assert_eq!(web.post("/v1/runs", json!({"id": ""})).await.status, 400);
    assert_eq!(web.get("/v1/runs").await.body["runs"], json!([]));
}

#[tokio::test]
async fn paths_do_not_lead_out_of_the_api() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    for path in [
        "/v1/../metrics",
        "/v1/%2e%2e/metrics",
        "//metrics",
        "/v1//runs",
        "/assets/../../Cargo.toml",
        "/v1/runs/a/../../tasks",
    ] {
        let answer = raw(
            &web,
            &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        )
        .await;
        let status = answer.get(9..12).unwrap_or_default();
        assert!(["401", "404", "501"].contains(&status), "{path}: {answer}");
    }
}

#[tokio::test]
async fn errors_quote_no_markup_as_markup() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    for path in [
        "/v1/runs/%3Cscript%3E",
        "/v1/runs?sort=%3Cscript%3E",
        "/v1/runs?after=%3Cscript%3E",
        "/v1/runs?%3Cscript%3E=1",
        "/%3Cscript%3E",
    ] {
        let answer = web.get(path).await;
        assert!(matches!(answer.status, 400 | 404), "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'"
        );
    }
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused_unread() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    web.post("/v1/runs", json!({"id": "a"})).await;
    let large = "x".repeat(10_000_000);
    let body = json!({"operations": [{"type": "set", "key": "k", "value": large}]});
    for path in [
        "/v1/runs/a/operations",
        "/v1/operations",
        "/v1/runs",
        "/v1/runs/a/finish",
        "/v1/tickets",
    ] {
        let request = web.request(Method::POST, path).json(&body).send();
        // The gateway may close the connection before all of it was sent.
        if let Ok(response) = request.await {
            assert_eq!(response.status(), 413, "{path}");
        }
    }
    // One that only claims to be large is answered at once.
    let head = format!(
        "POST /v1/operations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 10000000000\r\nconnection: close\r\n\r\n",
        web.key()
    );
    assert!(raw(&web, &head).await.starts_with("HTTP/1.1 413"));
    // What the body may hold, the document need not.
    let body = json!({"operations": [{"type": "set", "key": "k", "value": "x".repeat(2_000_000)}]});
    let answer = web.post("/v1/runs/a/operations", body).await;
    assert_eq!(
        (answer.status, &answer.body["sqlstate"]),
        (413, &json!("54000")),
        "{:?}",
        answer.body
    );
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    web.post("/v1/runs", json!({"id": "a"})).await;
    let post = async |path: &str, body: String| {
        let request = web.request(Method::POST, path).body(body);
        Answer::of(request.send().await.unwrap()).await
    };
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(post("/v1/runs/a/operations", deep).await.status, 400);
    for body in ["{", "\u{0}", "nul", "{\"operations\":[}"] {
        let answer = post("/v1/runs/a/operations", body.to_owned()).await;
        assert_eq!(
            (answer.status, &answer.body["sqlstate"]),
            (400, &json!("22P02")),
            "{answer:?}"
        );
    }
    for body in [
        r#"{"operation":[]}"#,
        r#"{"operations":{}}"#,
        r#"{"operations":[1]}"#,
        r#"{"operations":[{"type":"set","key":"a","value":"\u0000"}]}"#,
    ] {
        let answer = post("/v1/runs/a/operations", body.to_owned()).await;
        assert_eq!(answer.status, 400, "{body} {answer:?}");
        assert!(
            answer.body["sqlstate"].as_str().unwrap().starts_with("22"),
            "{answer:?}"
        );
    }
    let nested = format!(
        "{{\"operations\":[{{\"type\":\"set\",\"key\":\"k\",\"value\":{}1{}}}]}}",
        "[".repeat(100),
        "]".repeat(100)
    );
    // An operation that cannot be applied has no effect, and the answer says why.
    for (body, reason) in [
        (r#"{"operations":[{"type":"nope"}]}"#, "unknown_type"),
        (
            r#"{"operations":[{"type":"set","key":"$.","value":1}]}"#,
            "bad_path",
        ),
        (&nested, "bad_value"),
    ] {
        let answer = post("/v1/runs/a/operations", body.to_owned()).await;
        assert_eq!(answer.status, 200, "{body} {answer:?}");
        let result = &answer.body["results"][0];
        assert_eq!(
            (&result["outcome"], &result["unapplied"][0]["reason"]),
            (&json!("unchanged"), &json!(reason))
        );
    }
    let exact = r#"{"operations":[{"type":"set","key":"k","value":1234567890123456789012345678901234567890}]}"#;
    assert_eq!(
        post("/v1/runs/a/operations", exact.to_owned()).await.status,
        200
    );
    let row = database
        .connect()
        .await
        .query_one("SELECT metadata::text FROM runmeta.run", &[])
        .await
        .unwrap();
    assert_eq!(
        row.get::<_, &str>(0),
        r#"{"k": 1234567890123456789012345678901234567890}"#
    );
}

/// Sends bytes and returns all that comes back.
pub(super) async fn raw(web: &Web, text: &str) -> String {
    let mut stream = TcpStream::connect(web.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is reset ends too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
