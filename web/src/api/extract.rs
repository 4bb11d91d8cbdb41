//! Parts of a request, refused with a problem where they are not as expected.

use std::error::Error as _;

use axum::body::{self, Bytes, HttpBody as _};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;

use super::nesting::check_nesting;
use super::shape::{self, Shape};
use crate::memory::{self, Held};
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
        let Query(query) = query.map_err(|error| {
            // Its own text says what it was doing, and then this.
            let cause = error.source().map(ToString::to_string);
            let cause = cause.unwrap_or_else(|| error.body_text());
            let (name, message) = cause.split_once(": ").unwrap_or((".", &cause));
            Problem::invalid(shape::explain_query(name, message))
        })?;
        Ok(Asked(query))
    }
}

/// How long the bodies of a route may be, where that is less than the limit of all.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit(usize);

impl BodyLimit {
    /// Of routes whose bodies have a word or two: the longest status is 255 bytes, the longest path of a ticket some 1,600. The
    /// scopes of a token have more.
    pub(crate) const SMALL: BodyLimit = BodyLimit(16 * 1024);
}

/// The body, as long as the limits allow and read in the time that they allow. What it holds of the memory for bodies, it holds
/// until the request is answered.
pub(crate) struct Whole(pub(crate) Bytes);

impl FromRequest<Gateway> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Whole, Problem> {
        let limits = gateway.limits();
        let small = request.extensions().get::<BodyLimit>();
        let most = small.map_or(limits.body_bytes, |small| small.0.min(limits.body_bytes));
        if request.body().size_hint().lower() > most as u64 {
            return Err(too_large(most));
        }
        let held = request.extensions().get::<Held>().cloned();
        let held = held.unwrap_or_default();
        let reading = read(request.into_body(), most, &held);
        let within = limits.body_timeout;
        let read = tokio::time::timeout(within, reading).await;
        read.unwrap_or_else(|_| {
            let detail = format!("the body did not arrive within {} s", within.as_secs());
            let title = "the body took too long";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, title).detail(detail))
        })
    }
}

async fn read(mut body: body::Body, most: usize, held: &Held) -> Result<Whole, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::invalid("the body could not be read"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let count = bytes.len() + data.len();
        if count > most {
            return Err(too_large(most));
        }
        held.set(count)?;
        bytes.extend_from_slice(&data);
    }
    held.set(bytes.len() * memory::COPIES)?;
    Ok(Whole(bytes.freeze()))
}

fn too_large(most: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large")
        .detail(format!("the body has more than {most} bytes"))
        .hint("Send the operations in several requests.")
        .sqlstate("54000")
}

/// The body as JSON, whatever its content type says. An empty one is `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + Shape> FromRequest<Gateway> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Body<T>, Problem> {
        let Whole(bytes) = Whole::from_request(request, gateway).await?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        check_nesting(text)?;
        shape::parse(text).map(Body)
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
