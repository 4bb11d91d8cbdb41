//! An error in the form of Trigger.dev's client: `{"error": "…"}`, and headers that steer its retries.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::Problem;

/// Rewrites the response of a [`Problem`], and leaves any other as it is.
pub(super) async fn in_their_form(mut response: Response) -> Response {
    let Some(problem) = response.extensions().get::<Problem>().cloned() else {
        return response;
    };
    let text = [Some(&*problem.title), problem.detail.as_deref()];
    let text: Vec<_> = text.into_iter().flatten().collect();
    let mut text = text.join(": ");
    if let Some(hint) = &problem.hint {
        text = format!("{text}. {hint}");
    }
    let body = Json(json!({"error": text})).into_response();
    let (parts, body) = body.into_parts();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.extend(parts.headers);
    match problem.status {
        // The client repeats a request that was answered 409.
        StatusCode::CONFLICT => *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY,
        StatusCode::SERVICE_UNAVAILABLE => {
            let headers = response.headers_mut();
            headers.insert("x-should-retry", HeaderValue::from_static("true"));
        }
        StatusCode::TOO_MANY_REQUESTS => {
            let after = SystemTime::now() + problem.retry_after.unwrap_or_default();
            let since = after.duration_since(UNIX_EPOCH).unwrap_or_default();
            let reset = HeaderValue::from(since.as_millis() as u64);
            response.headers_mut().insert("x-ratelimit-reset", reset);
        }
        _ => {}
    }
    response.map(|_| body)
}
