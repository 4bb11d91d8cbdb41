//! The dashboard: pages, styles and scripts in the binary.

use axum::Router;
use axum::routing::get;

use crate::{Gateway, Problem};

/// The routes of the dashboard.
pub(crate) fn routes() -> Router<Gateway> {
    Router::new()
        .route("/", get(missing))
        .route("/assets/{*path}", get(missing))
}

async fn missing() -> Problem {
    Problem::not_implemented()
}
