//! Memory for the bodies of requests and for answers: how much all of them may hold, and those of one key or token.
//!
//! A body counts from its first byte until its request is answered: while a run is locked or the database is away, requests wait
//! with what they have. 250 bodies of 4 MiB held 1.0 GB while they arrived and 2.5 GB while they waited, before there was a limit.
//!
//! Bytes count as they arrive, so that a length that is only claimed costs nothing. The head counts as long as the body: 10,800 heads of
//! 15 kB whose bodies did not come held 309 MB.
//!
//! An answer counts from when it is made until it was sent. 400 pages of 8 MiB that nobody read, over one connection of HTTP/2 with a
//! window of 0 bytes, held 2.7 GB. How large an answer is, is not known before: so only a few large ones are made at once.
//!
//! What a change is answered cannot be refused once it has taken effect. So a request that changes something has room for the
//! shortest form of its answer before, and gets that form if there is no room for the whole one. 6,000 answers of 255 kB to changes
//! whose heads came first held 1.6 GB, when memory was only looked at and not taken before.

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
use crate::budget::{Full, Share};
use crate::limit::Memory;

/// How many bytes a byte of a body takes once it is there: itself, the batch that is made of it, and the copy that the client
/// keeps to send it again. Measured with 4 MiB in one value: 2.3 while they wait, 5 for a moment.
pub(crate) const COPIES: usize = 3;

/// How many bytes a byte of a head takes. Measured with heads of 15 kB: 1.9.
const OF_HEAD: usize = 2;

/// What a header takes beside its name and its value, as HTTP/2 counts it.
const HEADER: usize = 32;

/// What the shortest answer counts: its head, and the place of its request on the connection. 46,000 answers of 16 kB that nobody
/// read held 17.3 KiB each.
const LEAST: usize = 2 * 1024;

/// What a change takes before it has an effect. In its short form a run has an id and a status of 255 bytes each, which JSON may
/// write with six times as many.
const OF_CHANGE: usize = 4 * 1024;

/// What one request holds.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<Holding>>);

#[derive(Default)]
struct Holding {
    body: Option<Share>,
    /// Of the share for the body, what the head takes.
    head: usize,
    answer: Option<Share>,
    /// The right to make a large answer.
    permits: Vec<OwnedSemaphorePermit>,
}

impl Held {
    /// Has it hold its bytes of this memory: its head, and room for an answer if it is to change something.
    ///
    /// # Errors
    ///
    /// - 429 if the key, its tokens, or the token have none left.
    /// - 503 if the gateway has not.
    pub(crate) fn of(&self, memory: &Memory, head: &Head) -> Result<(), Problem> {
        let length = OF_HEAD * length(head);
        let body = memory.bodies.take(length).map_err(refusal)?;
        let least = match head.method.is_safe() {
            true => 0,
            false => OF_CHANGE,
        };
        let answer = memory.answers.take(least).map_err(unread)?;
        *self.lock() = Holding {
            body: Some(body),
            head: length,
            answer: Some(answer),
            permits: Vec::new(),
        };
        Ok(())
    }

    /// Has it hold the right to make a large answer, until the answer is made.
    pub(crate) fn permit(&self, permits: Vec<OwnedSemaphorePermit>) {
        self.lock().permits = permits;
    }

    /// Notes that the answer is made.
    fn end(&self) {
        *self.lock() = Holding::default();
    }

    /// Has it hold as many bytes of its body as this, more or fewer than before.
    ///
    /// # Errors
    ///
    /// - 429 if the key, its tokens, or the token have not as many left.
    /// - 503 if the gateway has not.
    pub(crate) fn set(&self, bytes: usize) -> Result<(), Problem> {
        let holding = &mut *self.lock();
        match &mut holding.body {
            Some(share) => share.resize(holding.head + bytes).map_err(refusal),
            None => Ok(()),
        }
    }

    /// Has it hold memory for the short form of its answer, before it changes something.
    ///
    /// # Errors
    ///
    /// As [`of`](Held::of).
    pub(crate) fn reserve(&self, bytes: usize) -> Result<(), Problem> {
        self.resize(bytes.max(OF_CHANGE)).map_err(unread)
    }

    /// Has it hold memory for an answer of this length, and returns false if there is none: then it holds what it did before.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.resize(bytes.max(LEAST)).is_ok()
    }

    fn resize(&self, bytes: usize) -> Result<(), Full> {
        match &mut self.lock().answer {
            Some(share) => share.resize(bytes),
            None => Ok(()),
        }
    }

    /// Returns the memory for an answer of this length. Without a caller there is none.
    fn take_answer(&self, bytes: usize) -> Result<Option<Share>, Full> {
        self.resize(bytes.max(LEAST))?;
        Ok(self.lock().answer.take())
    }

    fn lock(&self) -> MutexGuard<'_, Holding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns how long a head is.
fn length(head: &Head) -> usize {
    let path = head.uri.path_and_query();
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + HEADER);
    path.map_or(0, |path| path.as_str().len()) + headers.sum::<usize>()
}

fn refusal(full: Full) -> Problem {
    if full == Full::Part {
        let detail = "the bodies and heads of the key's requests take too much memory";
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

/// Has the body of an answer hold its bytes until they are sent. Those that go on for long count what they send themselves, and one
/// that is empty waits for no reader.
///
/// The answer to a change has its memory by now, but for the metadata that Trigger.dev's client gets for operations: that client
/// sends the request again with the same key, and its operations have no second effect.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let held = request.extensions().get::<Held>().cloned();
    let response = next.run(request).await;
    let length = response.body().size_hint().exact();
    let length = length.filter(|length| *length > 0);
    let (Some(length), Some(held)) = (length, held) else {
        return response;
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let share = match held.take_answer(length) {
        Ok(Some(share)) => share,
        Ok(None) => return response,
        Err(full) => return unread(full).into_response(),
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

    fn head(method: Method) -> Head {
        let request = Request::builder().method(method).uri("x:80");
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn head_counts_twice_beside_the_body() {
        let all = memory(1_000);
        let request = Request::post("http://x/a?b").header("name", "value");
        let (head, ()) = request.body(()).unwrap().into_parts();
        let held = Held::default();
        held.of(&all, &head).unwrap();
        assert_eq!(
            all.bodies.used(),
            2 * ("/a?b".len() + "namevalue".len() + 32)
        );
        held.set(100).unwrap();
        assert_eq!(all.bodies.used(), 190);
        held.end();
        assert_eq!(all.bodies.used(), 0);
        assert_eq!(
            Held::default().of(&memory(80), &head).unwrap_err().status,
            503
        );
    }

    #[test]
    fn bytes_are_free_again_once_their_request_is_answered() {
        let all = memory(120);
        let key = all.part(2);
        let (one, two) = (Held::default(), Held::default());
        one.of(&key, &head(Method::GET)).unwrap();
        two.of(&key, &head(Method::GET)).unwrap();
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
            held.of(memory, &head(Method::GET)).unwrap();
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
        let handler = async move |held: Held, method: Method| {
            let changes = !method.is_safe();
            held.of(&key, &head(method))?;
            let text = "x".repeat(20_000);
            // A short form, if need be.
            match changes && !held.has_room(text.len()) {
                true => Ok("short".to_owned()),
                false => Ok::<_, Problem>(text),
            }
        };
        let router = Router::new()
            .route("/", get(handler.clone()).post(handler))
            .route("/none", get(async || "x".repeat(100)))
            .layer(from_fn(count))
            .layer(from_fn(hold));
        let ask = async |method: Method, path: &str| {
            let request = Request::builder().method(method).uri(path);
            let request = request.body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap()
        };
        let get = async || ask(Method::GET, "/").await;
        let post = async || ask(Method::POST, "/").await;
        let (one, other) = (get().await, post().await);
        assert_eq!(all.answers.used(), 40_000);
        let refused = get().await;
        assert_eq!(
            (refused.status().as_u16(), all.answers.used()),
            (429, 40_000)
        );
        assert!(refused.headers().contains_key("retry-after"));
        let text = to_bytes(one.into_body(), usize::MAX).await.unwrap();
        assert_eq!((text.len(), all.answers.used()), (20_000, 40_000));
        // Of those that have taken effect, each takes the least, and no more than is left.
        let mut short = Vec::new();
        for held in [42_048, 44_096, 46_144] {
            let changed = post().await;
            assert_eq!((changed.status().as_u16(), all.answers.used()), (200, held));
            short.push(changed);
        }
        assert_eq!(post().await.status(), 429);
        assert_eq!(ask(Method::GET, "/none").await.status(), 200);
        assert_eq!(all.answers.used(), 46_144);
        drop((text, other, short));
        assert_eq!(all.answers.used(), 0);
        assert_eq!(get().await.status(), 200);
    }
}
