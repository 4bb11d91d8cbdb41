//! Whether the gateway lives, and whether it should get requests. Neither needs a key: they carry no data.

use axum::extract::State;
use axum::http::StatusCode;

use crate::Gateway;

/// `GET /healthz`: the process lives.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: it takes requests. A gateway that stops does not.
pub(crate) async fn ready(State(gateway): State<Gateway>) -> (StatusCode, &'static str) {
    match gateway.stopping().is_cancelled() {
        true => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        false => (StatusCode::OK, "ok\n"),
    }
}
