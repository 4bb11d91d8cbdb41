//! What browsers of other origins may send and read.

use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// The headers of responses that the packages read. A shape without them is fatal there.
const READ: [&str; 14] = [
    "electric-handle",
    "electric-offset",
    "electric-schema",
    "electric-cursor",
    "electric-up-to-date",
    // Of clients before 1.0.0-beta.1.
    "electric-shape-id",
    "electric-chunk-last-offset",
    "electric-chunk-up-to-date",
    "x-stream-version",
    "x-last-chunk-index",
    "x-should-retry",
    "x-ratelimit-reset",
    "x-trigger-jwt-claims",
    "retry-after",
];

/// Answers preflights, which have no key, and adds its headers to every response, also to errors.
///
/// Without configured origins any may use these routes: what they give is given for a token, and no cookie is ever one.
pub(super) fn layer(origins: &[String]) -> CorsLayer {
    let allowed: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| origin.parse().ok())
        .collect();
    let origin = if origins.is_empty() || origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(allowed)
    };
    CorsLayer::new()
        .allow_origin(origin)
        // Names them: a wildcard does not include `authorization`.
        .allow_headers(AllowHeaders::mirror_request())
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT])
        .expose_headers(READ.map(HeaderName::from_static))
        // Each poll of a shape has a URL of its own and so a preflight: this spares those of the others.
        .max_age(std::time::Duration::from_secs(86_400))
}
