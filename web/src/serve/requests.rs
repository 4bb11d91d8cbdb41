//! The requests of one connection: how many are under way, and whether one of them had a key.
//!
//! hyper ends a connection of HTTP/1.1 that asks for nothing, and none of HTTP/2, which stays open as long as its peer answers
//! pings. So each request is followed from its head until all of its answer was handed over: it waits for the gateway, which has
//! nothing to send yet, or for its reader, who has given no window for what there is.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::sleep;
use tower::ServiceExt as _;

/// Requests at once on a connection on which no key was seen. A page of the dashboard loads 30 files. Each may hold an answer that
/// nobody reads.
const WITHOUT_KEY: usize = 100;

/// What is known of a connection's requests. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Those whose answers were not handed over whole.
    open: AtomicUsize,
    /// Those of them that wait for the gateway.
    owed: AtomicUsize,
    /// How often one began, ended or went on.
    steps: AtomicUsize,
    has_key: AtomicBool,
}

impl Requests {
    /// Notes that one of them had a valid key.
    pub(crate) fn has_key(&self) {
        self.0.has_key.store(true, Relaxed);
    }

    /// Answers one.
    ///
    /// # Errors
    ///
    /// The stream is refused, and may be tried again, if there are too many without a key. The number that the peer is told at the
    /// beginning is that for holders of keys: hyper does not change it later.
    pub(super) async fn answer(
        self,
        router: Router,
        request: Request<Incoming>,
    ) -> Result<Response, h2::Error> {
        if !self.0.has_key.load(Relaxed) && self.0.open.load(Relaxed) >= WITHOUT_KEY {
            return Err(h2::Reason::REFUSED_STREAM.into());
        }
        let mut open = Open::new(&self);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self);
        let response = router.oneshot(request).await;
        let response = response.unwrap_or_else(|never: Infallible| match never {});
        open.step(false);
        let response = match open.requests.0.open.load(Relaxed) > WITHOUT_KEY {
            true => without_body_of_refusal(response),
            false => response,
        };
        Ok(response.map(|body| Body::new(Answer { body, open })))
    }

    /// Waits until for so long, and at most twice as long, nothing was owed and no answer went on.
    pub(super) async fn idle(&self, long: Duration) {
        loop {
            let before = self.0.steps.load(Relaxed);
            sleep(long).await;
            if self.0.owed.load(Relaxed) == 0 && self.0.steps.load(Relaxed) == before {
                return;
            }
        }
    }
}

/// Takes the text out of a refusal that is in no memory's count: it waits for no window then, and is over once its head was sent. 7,000
/// refusals with a text that nobody read held 5 KiB each.
fn without_body_of_refusal(mut response: Response) -> Response {
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    response
}

/// A request, from its head until its answer is dropped.
struct Open {
    requests: Requests,
    is_owed: bool,
}

impl Open {
    fn new(requests: &Requests) -> Open {
        requests.0.open.fetch_add(1, Relaxed);
        requests.0.owed.fetch_add(1, Relaxed);
        requests.0.steps.fetch_add(1, Relaxed);
        Open {
            requests: requests.clone(),
            is_owed: true,
        }
    }

    /// Notes that it goes on, and whether it now waits for the gateway.
    fn step(&mut self, is_owed: bool) {
        let inner = &self.requests.0;
        match (self.is_owed, is_owed) {
            (true, false) => inner.owed.fetch_sub(1, Relaxed),
            (false, true) => inner.owed.fetch_add(1, Relaxed),
            _ => 0,
        };
        self.is_owed = is_owed;
        inner.steps.fetch_add(1, Relaxed);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.step(false);
        self.requests.0.open.fetch_sub(1, Relaxed);
    }
}

/// The body of an answer. It is asked for more when its reader takes more.
struct Answer {
    body: Body,
    open: Open,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.open.step(polled.is_pending());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
