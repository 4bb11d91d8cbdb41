//! All routes, and what is done to every request.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::api::openapi;
use crate::{Gateway, Problem, api, dashboard, health, memory, metrics, observe, trigger};

/// How long a browser need not ask again. An hour, so that a change of the origins is noticed on the same day.
const PREFLIGHT: std::time::Duration = std::time::Duration::from_secs(3600);

/// Returns the routes, for the server or for a test that needs no socket.
pub fn router(gateway: Gateway) -> Router {
    let mut api = api::routes()
        .layer(from_fn(memory::count))
        .layer(from_fn(observe::advise));
    if let Some(cors) = cors(&gateway.config().cors_origins) {
        api = api.layer(cors);
    }
    Router::new()
        .nest("/v1", api)
        .merge(trigger::routes(&gateway))
        .merge(dashboard::routes())
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .route("/openapi.json", get(openapi::show))
        .fallback(|uri: Uri| async move { no_such_path(uri.path()) })
        .layer(from_fn(memory::hold))
        .layer(CatchPanicLayer::custom(failed))
        .layer(from_fn(observe::secure))
        .layer(from_fn_with_state(gateway.clone(), observe::note))
        .with_state(gateway)
}

/// Returns what tells browsers which pages may use the API. It answers preflights, which have no key.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let origins = match origins.iter().any(|origin| origin == "*") {
        true => AllowOrigin::any(),
        false => {
            let origins = origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok());
            AllowOrigin::list(origins)
        }
    };
    Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(AllowHeaders::list([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                HeaderName::from_static("idempotency-key"),
                HeaderName::from_static("last-event-id"),
            ]))
            .expose_headers([
                header::RETRY_AFTER,
                HeaderName::from_static("idempotency-replayed"),
            ])
            .max_age(PREFLIGHT),
    )
}

/// Answers for paths that no route has.
fn no_such_path(path: &str) -> Problem {
    let has_id = path.starts_with("/v1/runs/") || path.starts_with("/v1/tasks/");
    Problem::no_such_path().hint(match has_id {
        true => "In a path, ids and names are percent-encoded: the run a/b is /v1/runs/a%2Fb.",
        false => "The paths of the API are in /openapi.json.",
    })
}

/// Answers for a handler that panicked.
fn failed(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::failed("an error of the gateway's own").into_response()
}
