//! What browsers of other origins may send and read.

use reqwest::Method;

use super::super::{Answer, Web};
use crate::harness::Database;

#[tokio::test]
async fn preflight_needs_no_key_and_names_the_headers() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    for path in [
        "/realtime/v1/runs/a",
        "/api/v3/runs/a",
        "/realtime/v1/streams/a/b",
    ] {
        let request = reqwest::Client::new().request(Method::OPTIONS, web.url(path));
        let request = request
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "GET")
            .header(
                "access-control-request-headers",
                "authorization,x-trigger-electric-version",
            );
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let allowed = answer.header("access-control-allow-headers");
        assert!(allowed.contains("authorization"), "{allowed}");
    }
}

#[tokio::test]
async fn browser_may_read_errors_and_their_headers() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let cases = [
        ("/api/v3/runs/nothing", web.key(), 404),
        ("/api/v3/runs/nothing", "wrong", 401),
        ("/api/v1/tasks/import/trigger", web.key(), 404),
    ];
    for (path, key, status) in cases {
        let request = web.request_as(key, Method::GET, path);
        let request = request.header("origin", "https://app.example.com");
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        let exposed = answer.header("access-control-expose-headers");
        assert!(exposed.contains("electric-offset"), "{exposed}");
        assert!(answer.body["error"].is_string(), "{answer:?}");
    }
}

#[tokio::test]
async fn configured_origins_are_the_only_ones() {
    let database = Database::new().await;
    let web = Web::with(&database, |config| {
        config.cors_origins = vec!["https://app.example.com".to_owned()];
    })
    .await;
    for (origin, allowed) in [
        ("https://app.example.com", true),
        ("https://evil.example.com", false),
    ] {
        let request = web
            .request(Method::GET, "/api/v3/runs/a")
            .header("origin", origin);
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(
            answer.header("access-control-allow-origin") == origin,
            allowed,
            "{origin}"
        );
    }
}
