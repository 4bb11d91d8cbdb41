//! `GET /openapi.json`: what the plain API takes and answers.

use axum::Json;
use serde_json::{Value, json};

/// Returns the description.
pub(crate) async fn show() -> Json<Value> {
    Json(json!({"openapi": "3.1.0"}))
}
