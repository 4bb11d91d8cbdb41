//! The plain API, `/v1`. A file is a route.

mod events;
pub(crate) mod problem;
mod run;
mod streams;

use axum::Router;
use axum::routing::get;

use crate::Gateway;

/// The routes below `/v1`.
pub(crate) fn routes() -> Router<Gateway> {
    Router::new()
        .route("/runs/{id}", get(run::read))
        .route("/runs/{id}/events", get(events::run))
        .route("/events", get(events::set))
        .route("/runs/{id}/streams", get(streams::list))
        .route(
            "/runs/{id}/streams/{name}",
            get(streams::read).post(streams::append),
        )
}
