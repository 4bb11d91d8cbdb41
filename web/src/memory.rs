//! Memory for the bodies of requests: how much all of them may hold, and those of one key.
//!
//! A body counts from its first byte until its request is answered: while a run is locked or the database is away, requests wait
//! with what they have. 250 bodies of 4 MiB held 1.0 GB while they arrived and 2.5 GB while they waited, before there was a limit.
//!
//! Bytes count as they arrive, so that a length that is only claimed costs nothing.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts as Head;
use axum::middleware::Next;
use axum::response::Response;

use crate::Problem;
use crate::budget::{Budget, Share};

/// How many bytes a byte of a body takes once it is there: itself, the batch that is made of it, and the copy that the client
/// keeps to send it again. Measured with 4 MiB in one value: 2.3 while they wait, 5 for a moment.
pub(crate) const COPIES: usize = 3;

/// What the body of one request holds.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<Vec<Share>>>);

impl Held {
    /// Has it hold its bytes of these budgets: the smallest first, and last that of all requests.
    pub(crate) fn of<'a>(&self, budgets: impl Iterator<Item = &'a Budget>) {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *shares = budgets.filter_map(|budget| budget.take(0)).collect();
    }

    /// Has it hold as many bytes as this, more or fewer than before.
    ///
    /// # Errors
    ///
    /// - 429 if the key, or its tokens, have not as many left.
    /// - 503 if the gateway has not.
    pub(crate) fn set(&self, bytes: usize) -> Result<(), Problem> {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shares.first().map_or(0, Share::bytes);
        let count = shares.len();
        let refusing = shares.iter_mut().position(|share| !share.resize(bytes));
        let Some(place) = refusing else {
            return Ok(());
        };
        // Fewer are always left.
        for share in shares.iter_mut().take(place) {
            share.resize(before);
        }
        Err(refusal(place + 1 == count))
    }
}

fn refusal(is_of_all: bool) -> Problem {
    if !is_of_all {
        let detail = "the bodies of the key's requests take too much memory";
        return Problem::too_many(detail, RETRY_AFTER);
    }
    let title = "the gateway has too many bodies in memory";
    let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, title);
    problem.retry_after = Some(RETRY_AFTER);
    problem
}

impl<S: Sync> FromRequestParts<S> for Held {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Held, Infallible> {
        Ok(head.extensions.get::<Held>().cloned().unwrap_or_default())
    }
}

/// A guess: most bodies are answered within it.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Keeps what the body of a request holds until the request is answered.
pub(crate) async fn hold(mut request: Request, next: Next) -> Response {
    let held = Held::default();
    request.extensions_mut().insert(held.clone());
    let response = next.run(request).await;
    drop(held);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_free_again_once_their_request_is_answered() {
        let (all, key) = (Budget::new(100), Budget::new(60));
        let (one, two) = (Held::default(), Held::default());
        one.of([&key, &all].into_iter());
        two.of([&key, &all].into_iter());
        one.set(40).unwrap();
        two.set(20).unwrap();
        assert_eq!(one.set(41).unwrap_err().status, 429);
        one.set(10).unwrap();
        assert_eq!((all.used(), key.used()), (30, 30));
        two.set(50).unwrap();
        drop(two);
        assert_eq!((all.used(), key.used()), (10, 10));
    }

    #[test]
    fn key_does_not_hold_what_the_gateway_refuses() {
        let (all, one, other) = (Budget::new(100), Budget::new(60), Budget::new(60));
        let (first, second) = (Held::default(), Held::default());
        first.of([&one, &all].into_iter());
        second.of([&other, &all].into_iter());
        first.set(60).unwrap();
        assert_eq!(second.set(60).unwrap_err().status, 503);
        assert_eq!((all.used(), other.used()), (60, 0));
        second.set(40).unwrap();
    }
}
