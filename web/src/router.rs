//! All routes, and what is done to every request.

use axum::Router;
use axum::routing::get;

use crate::{Gateway, Problem, api, dashboard, health, trigger};

/// Returns the routes, for the server or for a test that needs no socket.
pub fn router(gateway: Gateway) -> Router {
    Router::new()
        .nest("/v1", api::routes())
        .merge(trigger::routes(&gateway))
        .merge(dashboard::routes())
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .fallback(|| async { Problem::no_such_path() })
        .with_state(gateway)
}
