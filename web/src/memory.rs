//! Memory for the bodies of requests: how much all of them may hold, and those of one key.
//!
//! A body counts from its first byte until its request is answered: while a run is locked or the database is away, requests wait
//! with what they have. 250 bodies of 4 MiB held 1.0 GB while they arrived and 2.5 GB while they waited, before there was a limit.
//!
//! Bytes count as they arrive, so that a length that is only claimed costs nothing.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts as Head;
use axum::middleware::Next;
use axum::response::Response;

use crate::Problem;
use crate::budget::{Full, Share};
use crate::limit::Memory;

/// How many bytes a byte of a body takes once it is there: itself, the batch that is made of it, and the copy that the client
/// keeps to send it again. Measured with 4 MiB in one value: 2.3 while they wait, 5 for a moment.
pub(crate) const COPIES: usize = 3;

/// What the body of one request holds.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<Option<Share>>>);

impl Held {
    /// Has it hold its bytes of this memory.
    pub(crate) fn of(&self, memory: &Memory) {
        *self.lock() = memory.bodies.take(0).ok();
    }

    /// Has it hold as many bytes as this, more or fewer than before.
    ///
    /// # Errors
    ///
    /// - 429 if the key, its tokens, or the token have not as many left.
    /// - 503 if the gateway has not.
    pub(crate) fn set(&self, bytes: usize) -> Result<(), Problem> {
        match &mut *self.lock() {
            Some(share) => share.resize(bytes).map_err(refusal),
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Share>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refusal(full: Full) -> Problem {
    if full == Full::Part {
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
    use crate::Limits;

    fn memory(bytes: usize) -> Memory {
        let limits = Limits {
            body_memory: bytes,
            ..Limits::default()
        };
        Memory::new(&limits)
    }

    #[test]
    fn bytes_are_free_again_once_their_request_is_answered() {
        let all = memory(120);
        let key = all.part(2);
        let (one, two) = (Held::default(), Held::default());
        one.of(&key);
        two.of(&key);
        one.set(40).unwrap();
        two.set(20).unwrap();
        assert_eq!(one.set(41).unwrap_err().status, 429);
        one.set(10).unwrap();
        assert_eq!((all.bodies.used(), key.bodies.used()), (30, 30));
        two.set(50).unwrap();
        drop(two);
        assert_eq!((all.bodies.used(), key.bodies.used()), (10, 10));
    }

    #[test]
    fn key_does_not_hold_what_the_gateway_refuses() {
        let all = memory(100);
        let (one, other, third) = (all.part(2), all.part(2), all.part(2));
        let [first, second, last] = [&one, &other, &third].map(|memory| {
            let held = Held::default();
            held.of(memory);
            held
        });
        first.set(50).unwrap();
        second.set(30).unwrap();
        assert_eq!(last.set(21).unwrap_err().status, 503);
        assert_eq!((all.bodies.used(), third.bodies.used()), (80, 0));
        last.set(20).unwrap();
    }
}
