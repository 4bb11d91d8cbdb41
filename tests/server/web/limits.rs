//! What one caller may use, and which pages may call.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::attack::raw;
use super::{Answer, Web};
use crate::harness::{Database, repository};

#[tokio::test]
async fn slow_bodies_and_heads_are_cut_off() {
    let database = Database::new().await;
    let web = Web::with(&database, |config| {
        config.limits.body_timeout = Duration::from_millis(300);
        config.limits.head_timeout = Duration::from_millis(300);
    })
    .await;
    let slow = format!(
        "POST /v1/operations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 100\r\nconnection: close\r\n\r\n[",
        web.key()
    );
    assert!(raw(&web, &slow).await.starts_with("HTTP/1.1 408"));
    for begun in [
        "",
        "G",
        "PRI",
        "PRI * HTTP/2.0\r\n",
        "GET /v1/runs HTTP/1.1\r\nx-slow: ",
        "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        // It ends: this would wait for ever otherwise.
        raw(&web, begun).await;
    }
}

#[tokio::test]
async fn ten_thousand_idle_connections_keep_nobody_out() {
    let database = Database::new().await;
    // Both ends are in this process, which may have as many files as it has connections.
    let files = files_allowed();
    let connections = 10_000.min(files.saturating_sub(1_000) / 2);
    let web = Web::with(&database, |config| {
        config.limits.head_timeout = Duration::from_secs(20)
    })
    .await;
    let mut idle = Vec::with_capacity(connections);
    for _ in 0..connections {
        idle.push(TcpStream::connect(web.address()).await.unwrap());
    }
    let made = web.post("/v1/runs", json!({"id": "a"})).await;
    assert_eq!(made.status, 201);
    let open = metric(&web, "runmeta_web_connections").await;
    assert!(open > connections as f64 * 0.9, "{open}");
    web.gateway().stopping().cancel();
    web.ended().await;
}

#[tokio::test]
async fn connections_past_the_limit_wait_until_others_end() {
    let database = Database::new().await;
    let web = Web::with(&database, |config| {
        config.limits.connections = 4;
        config.limits.head_timeout = Duration::from_millis(300);
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(TcpStream::connect(web.address()).await.unwrap());
    }
    assert_eq!(web.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn requests_past_the_rate_of_a_key_are_told_when_to_come_back() {
    let database = Database::new().await;
    let web = Web::with(&database, |config| {
        config.limits.requests_per_second = 1;
        config.limits.burst = 3;
    })
    .await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(web.get("/v1/runs/nothing").await);
    }
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.header("retry-after"), "1");
    // It is the key's, so that tokens of the key do not add to it.
    assert_eq!(
        web.get_as(&web.token(&["read:all"]), "/v1/runs/nothing")
            .await
            .status,
        429
    );
    assert_eq!(web.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn pages_of_other_origins_get_nothing_unless_they_are_named() {
    let database = Database::new().await;
    let closed = Web::start(&database).await;
    let open = Web::with(&database, |config| {
        config.cors_origins = vec!["https://app.example.com".to_owned()]
    })
    .await;
    let preflight = async |web: &Web, origin: &str| {
        let request = reqwest::Client::new().request(Method::OPTIONS, web.url("/v1/runs"));
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let request = request.header(
            "access-control-request-headers",
            "authorization,idempotency-key",
        );
        Answer::of(request.send().await.unwrap()).await
    };
    let answer = preflight(&closed, "https://app.example.com").await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    let answer = preflight(&open, "https://evil.example.com").await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    let answer = preflight(&open, "https://app.example.com").await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (200, "https://app.example.com")
    );
    assert!(
        answer
            .header("access-control-allow-headers")
            .contains("authorization")
    );
    // An error without it would be unreadable to the page.
    let request = reqwest::Client::new()
        .get(open.url("/v1/runs"))
        .header("origin", "https://app.example.com");
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (401, "https://app.example.com")
    );
}

#[tokio::test]
async fn metrics_have_the_format_that_is_asked_for_and_the_names_of_the_page() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    assert_eq!(web.get("/v1/runs").await.status, 200);
    let get = async |accept: &str| {
        let request = web.request(Method::GET, "/metrics");
        Answer::of(request.header("accept", accept).send().await.unwrap()).await
    };
    // What Prometheus 3 sends.
    let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
    let answer = get(prometheus).await;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), kind);
    assert!(answer.body.as_str().unwrap().ends_with("# EOF\n"));
    let answer = get("*/*").await;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(answer.header("content-type"), kind);
    let text = answer.body.as_str().unwrap();
    let mut names: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next())
        .collect();
    let page = std::fs::read_to_string(repository("docs/http.md")).unwrap();
    let mut documented: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `runmeta_web_"))
        .map(|line| format!("runmeta_web_{}", line.split(['{', '`']).next().unwrap()))
        .collect();
    names.sort_unstable();
    documented.sort_unstable();
    assert_eq!(names, documented);
}

pub(super) async fn metric(web: &Web, name: &str) -> f64 {
    let Value::String(text) = web.get("/metrics").await.body else {
        panic!("metrics are text")
    };
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")))
        .unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// How many files this process may have open.
fn files_allowed() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    line.split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap_or(usize::MAX)
}
