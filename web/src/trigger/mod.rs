//! The wire of Trigger.dev's client, as its published packages speak it.
//!
//! What its handlers return in case of an error is a [`Problem`] as everywhere; `refusal` gives it their form on its way out.
//! Browsers of other origins may use these routes, as who has a token may read them from anywhere.

mod claims;
mod cors;
mod list;
mod metadata;
mod refusal;
mod retrieve;
mod run;
mod shape;
mod status;
mod stream_v1;
mod stream_v2;

use axum::middleware::map_response;
use axum::routing::{any, get, post};
use axum::{Extension, Router};

use crate::api::extract::BodyLimit;
use crate::{Gateway, Problem};

pub(crate) use shape::Parked as Shapes;

/// The routes of Trigger.dev's client.
pub(crate) fn routes(gateway: &Gateway) -> Router<Gateway> {
    let small = Extension(BodyLimit::SMALL);
    Router::new()
        .route("/api/v3/runs/{id}", get(retrieve::retrieve))
        .route("/api/v1/runs", get(list::list))
        .route(
            "/api/v1/runs/{id}/metadata",
            get(metadata::read).put(metadata::update),
        )
        .route("/api/v1/auth/jwt/claims", post(claims::claims))
        .route(
            "/api/v1/auth/public-tokens",
            post(claims::public_token).layer(small),
        )
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
        .route("/api/{*path}", any(not_here))
        .route("/realtime/{*path}", any(not_here))
        .method_not_allowed_fallback(not_here)
        .layer(map_response(refusal::in_their_form))
        .layer(cors::layer(&gateway.config().cors_origins))
}

/// What the packages can ask for beside runs: triggering tasks, waitpoints, schedules and the like.
async fn not_here() -> Problem {
    Problem::no_such_path().detail("this gateway has runs, their metadata and their streams only")
}
