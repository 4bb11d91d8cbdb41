//! The wire of Trigger.dev's client.

mod claims;
mod list;
mod metadata;
mod retrieve;
mod shape;
mod status;
mod stream_v1;
mod stream_v2;

use axum::Router;
use axum::routing::{any, get, post};

use crate::Gateway;

/// The routes of Trigger.dev's client.
pub(crate) fn routes() -> Router<Gateway> {
    Router::new()
        .route("/api/v3/runs/{id}", get(retrieve::retrieve))
        .route("/api/v1/runs", get(list::list))
        .route(
            "/api/v1/runs/{id}/metadata",
            get(metadata::read).put(metadata::update),
        )
        .route("/api/v1/auth/jwt/claims", post(claims::claims))
        .route("/api/v1/auth/public-tokens", post(claims::public_token))
        .route("/realtime/v1/runs/{id}", get(shape::run))
        .route("/realtime/v1/runs", get(shape::runs))
        .route("/realtime/v1/batches/{id}", get(shape::batch))
        .route("/realtime/v1/streams/{id}/{key}", get(stream_v2::read))
        .route(
            "/realtime/v1/streams/{id}/{target}/{key}",
            any(stream_v1::write),
        )
        .route(
            "/realtime/v1/streams/{id}/{target}/{key}/append",
            post(stream_v1::append),
        )
}
