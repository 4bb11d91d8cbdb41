//! Parts of a request, refused with a problem where they are not as expected.

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::nesting::check_nesting;
use crate::{Gateway, Problem};

/// The parameters of the path, decoded: an id may have any character.
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Gateway> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<At<T>, Problem> {
        let path = Path::<T>::from_request_parts(parts, gateway).await;
        let Path(path) = path.map_err(|error| Problem::invalid(error.body_text()))?;
        Ok(At(path))
    }
}

/// The parameters of the query.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Gateway> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Asked<T>, Problem> {
        let query = Query::<T>::from_request_parts(parts, gateway).await;
        let Query(query) = query.map_err(|error| Problem::invalid(error.body_text()))?;
        Ok(Asked(query))
    }
}

/// The body, as long as the limits allow and read in the time that they allow.
pub(crate) struct Whole(pub(crate) Bytes);

impl FromRequest<Gateway> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Whole, Problem> {
        let limits = gateway.limits();
        if request.body().size_hint().lower() > limits.body_bytes as u64 {
            return Err(too_large(limits.body_bytes));
        }
        let reading = Bytes::from_request(request, gateway);
        match tokio::time::timeout(limits.body_timeout, reading).await {
            Ok(Ok(bytes)) => Ok(Whole(bytes)),
            Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(too_large(limits.body_bytes))
            }
            Ok(Err(_)) => Err(Problem::invalid("the body could not be read")),
            Err(_) => {
                let within = limits.body_timeout.as_secs();
                Err(
                    Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long")
                        .detail(format!("the body did not arrive within {within} s")),
                )
            }
        }
    }
}

fn too_large(most: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large")
        .detail(format!("the body has more than {most} bytes"))
        .hint("Send the operations in several requests.")
        .sqlstate("54000")
}

/// The body as JSON, whatever its content type says. An empty one is `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Gateway> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Body<T>, Problem> {
        let Whole(bytes) = Whole::from_request(request, gateway).await?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        check_nesting(text)?;
        let value = serde_json::from_slice(text).map_err(|error| {
            let (code, title) = match error.is_syntax() || error.is_eof() {
                true => ("22P02", "the body is not JSON"),
                false => ("22023", "invalid request"),
            };
            Problem::new(StatusCode::BAD_REQUEST, title)
                .detail(error.to_string())
                .sqlstate(code)
        })?;
        Ok(Body(value))
    }
}

/// Returns the header `Idempotency-Key`.
///
/// # Errors
///
/// 400 if it has other than visible characters.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let key = headers.get("idempotency-key");
    let key = key.map(|key| key.to_str());
    key.transpose()
        .map_err(|_| Problem::invalid("the Idempotency-Key has characters that are not visible"))
}
