//! Memory for the bodies of requests and for answers: how much all of them may hold, and those of one key or token.
//!
//! A body counts from its first byte until its request is answered: while a run is locked or the database is away, requests wait
//! with what they have. 250 bodies of 4 MiB held 1.0 GB while they arrived and 2.5 GB while they waited, before there was a limit.
//!
//! Bytes count as they arrive, so that a length that is only claimed costs nothing.
//!
//! An answer counts from when it is made until it was sent. 400 pages of 8 MiB that nobody read, over one connection of HTTP/2 with a
//! window of 0 bytes, held 2.7 GB. How large an answer is, is not known before: so only a few large ones are made at once.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts as Head;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::OwnedSemaphorePermit;

use crate::Problem;
use crate::budget::{Budget, Full, Share};
use crate::limit::Memory;

/// How many bytes a byte of a body takes once it is there: itself, the batch that is made of it, and the copy that the client
/// keeps to send it again. Measured with 4 MiB in one value: 2.3 while they wait, 5 for a moment.
pub(crate) const COPIES: usize = 3;

/// Answers that are shorter are not counted: the connection has room for them.
const SMALL: u64 = 16 * 1024;

/// What one request holds.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<Holding>>);

#[derive(Default)]
struct Holding {
    body: Option<Share>,
    /// Of its answer.
    answers: Option<Budget>,
    /// The right to make a large answer.
    permits: Vec<OwnedSemaphorePermit>,
}

impl Held {
    /// Has it hold its bytes of this memory.
    pub(crate) fn of(&self, memory: &Memory) {
        let mut holding = self.lock();
        holding.body = memory.bodies.take(0).ok();
        holding.answers = Some(memory.answers.clone());
    }

    /// Has it hold the right to make a large answer, until the answer is made.
    pub(crate) fn permit(&self, permits: Vec<OwnedSemaphorePermit>) {
        self.lock().permits = permits;
    }

    /// Notes that the answer is made.
    fn end(&self) {
        *self.lock() = Holding::default();
    }

    /// Has it hold as many bytes as this, more or fewer than before.
    ///
    /// # Errors
    ///
    /// - 429 if the key, its tokens, or the token have not as many left.
    /// - 503 if the gateway has not.
    pub(crate) fn set(&self, bytes: usize) -> Result<(), Problem> {
        match &mut self.lock().body {
            Some(share) => share.resize(bytes).map_err(refusal),
            None => Ok(()),
        }
    }

    /// Takes memory for an answer. That of a change cannot be refused any more: it has taken effect.
    fn answer(&self, bytes: usize, is_of_change: bool) -> Result<Option<Share>, Problem> {
        let budget = self.lock().answers.clone();
        let share = budget.map(|budget| match is_of_change {
            true => Ok(budget.overdraw(bytes)),
            false => budget.take(bytes),
        });
        share.transpose().map_err(unread)
    }

    fn lock(&self) -> MutexGuard<'_, Holding> {
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

/// Refuses to make another answer.
pub(crate) fn unread(full: Full) -> Problem {
    let pause = Duration::from_secs(5);
    if full == Full::Part {
        let detail = "answers to the key that were not read yet take too much memory";
        return Problem::too_many(detail, pause);
    }
    Problem::busy("answers that were not read yet take too much memory")
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
    held.end();
    response
}

/// Has the body of an answer hold its bytes until they are sent. Those that go on for long count what they send themselves.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let held = request.extensions().get::<Held>().cloned();
    let is_of_change = !request.method().is_safe();
    let response = next.run(request).await;
    let length = response.body().size_hint().exact();
    let length = length.filter(|length| *length > SMALL);
    let (Some(length), Some(held)) = (length, held) else {
        return response;
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let share = match held.answer(length, is_of_change) {
        Ok(Some(share)) => share,
        Ok(None) => return response,
        Err(problem) => return problem.into_response(),
    };
    let (head, body) = response.into_parts();
    // It is there already, and not copied.
    match to_bytes(body, usize::MAX).await {
        Ok(text) => Response::from_parts(head, Body::from(share.with(text))),
        Err(_) => Problem::failed("the answer was lost").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::Method;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt as _;

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

    #[tokio::test]
    async fn answer_holds_its_bytes_until_it_is_sent() {
        let limits = Limits {
            answer_memory: 100_000,
            ..Limits::default()
        };
        let all = Memory::new(&limits);
        let key = all.part(2);
        let handler = async move |held: Held| {
            held.of(&key);
            "x".repeat(20_000)
        };
        let router = Router::new()
            .route("/", get(handler.clone()).post(handler))
            .layer(from_fn(count))
            .layer(from_fn(hold));
        let ask = async |method: Method| {
            let request = Request::builder().method(method).uri("/");
            let request = request.body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap()
        };
        let (one, other) = (ask(Method::GET).await, ask(Method::GET).await);
        assert_eq!(all.answers.used(), 40_000);
        let refused = ask(Method::GET).await;
        assert_eq!(
            (refused.status().as_u16(), all.answers.used()),
            (429, 40_000)
        );
        assert!(refused.headers().contains_key("retry-after"));
        let text = to_bytes(one.into_body(), usize::MAX).await.unwrap();
        assert_eq!((text.len(), all.answers.used()), (20_000, 40_000));
        // A change has taken effect by then.
        let changed = ask(Method::POST).await;
        assert_eq!(
            (changed.status().as_u16(), all.answers.used()),
            (200, 60_000)
        );
        drop((text, other, changed));
        assert_eq!(all.answers.used(), 0);
        assert_eq!(ask(Method::GET).await.status(), 200);
    }
}
