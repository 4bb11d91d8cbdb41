//! What is noted of each request: a line in the log and numbers for Prometheus.
//!
//! The route is noted and not the path, which has ids of runs, nor the query, which may have a ticket. Of who asked, the name of
//! the key.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::{Gateway, Problem, trouble};

/// Where the extractor of the caller leaves the name of the key, and whether it was the key itself.
#[derive(Clone, Default)]
pub(crate) struct Asker(Arc<OnceLock<(Box<str>, bool)>>);

impl Asker {
    pub(crate) fn set(&self, key: &str, is_secret: bool) {
        let _ = self.0.set((key.into(), is_secret));
    }

    fn is_secret(&self) -> bool {
        self.0.get().is_some_and(|(_, is_secret)| *is_secret)
    }
}

/// Notes a request and how it was answered. Of an event stream, that is when it began.
pub(crate) async fn note(
    State(gateway): State<Gateway>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    let response = next.run(request).await;
    let (status, took) = (response.status(), begun.elapsed());
    gateway
        .metrics()
        .answered(method.as_str(), &route, status.as_u16(), took);
    match response.extensions().get::<Problem>() {
        Some(problem) => gateway.troubles().failed(problem),
        // A ticket is made without the database.
        None if status.is_success() && route.starts_with("/v1/") && route != "/v1/tickets" => {
            gateway.troubles().answered();
        }
        None => {}
    }
    let key = asker.0.get().map_or("", |(key, _)| key);
    let milliseconds = took.as_millis() as u64;
    match status {
        status if status.is_server_error() => {
            tracing::warn!(%method, route, status = status.as_u16(), milliseconds, key, "request");
        }
        StatusCode::OK if matches!(route.as_str(), "/healthz" | "/readyz") => {}
        status => {
            tracing::info!(%method, route, status = status.as_u16(), milliseconds, key, "request");
        }
    }
    response
}

/// Tells the holder of a key what to do about the database itself. Pages with a token could do nothing.
pub(crate) async fn advise(request: Request, next: Next) -> Response {
    let asker = request.extensions().get::<Asker>().cloned();
    let response = next.run(request).await;
    let problem = response.extensions().get::<Problem>();
    let Some(problem) = problem.filter(|problem| {
        let is_of_database =
            problem.status.is_server_error() || problem.title == Problem::NO_RIGHTS;
        is_of_database && problem.hint.is_none()
    }) else {
        return response;
    };
    let hint = problem.sqlstate.as_deref().and_then(trouble::advice);
    match hint.filter(|_| asker.is_some_and(|asker| asker.is_secret())) {
        Some(hint) => problem.clone().hint(hint).into_response(),
        None => response,
    }
}

/// Headers that every answer has, unless its handler set them.
const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

/// Adds what keeps a browser from doing more with an answer than is meant.
pub(crate) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in ALWAYS {
        let headers = response.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
