//! The plain API, `/v1`. A file is a route.

mod events;
pub(crate) mod extract;
mod finish;
pub(crate) mod list;
pub(crate) mod nesting;
pub(crate) mod object;
pub(crate) mod openapi;
pub(crate) mod operations;
pub(crate) mod problem;
pub(crate) mod refusal;
mod rollup;
mod run;
pub(crate) mod shape;
mod start;
mod streams;
mod tasks;
mod tickets;
mod tree;

use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::api::extract::BodyLimit;
use crate::{Gateway, Problem};

/// The routes below `/v1`.
pub(crate) fn routes() -> Router<Gateway> {
    let small = Extension(BodyLimit::SMALL);
    Router::new()
        .route("/runs", get(list::list).post(start::start))
        .route("/runs/{id}", get(run::read))
        .route("/runs/{id}/tree", get(tree::tree))
        .route("/runs/{id}/rollup", get(rollup::rollup))
        .route("/runs/{id}/operations", post(operations::of_run))
        .route("/operations", post(operations::of_many))
        .route("/runs/{id}/finish", post(finish::finish).layer(small))
        .route("/runs/{id}/status", post(finish::status).layer(small))
        .route("/runs/{id}/events", get(events::run))
        .route("/events", get(events::set))
        .route("/runs/{id}/streams", get(streams::list))
        .route(
            "/runs/{id}/streams/{name}",
            get(streams::read).post(streams::append),
        )
        .route("/tasks", get(tasks::list))
        .route("/tasks/{task}", get(tasks::task))
        .route("/tickets", post(tickets::exchange).layer(small))
        // Here and not for all routes together: there it would come before the layer that answers preflights.
        .method_not_allowed_fallback(|method: Method| async move {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            Problem::new(status, "the path has no such method").detail(format!(
                "the path takes no {method}; the header Allow has the methods that it takes"
            ))
        })
}
