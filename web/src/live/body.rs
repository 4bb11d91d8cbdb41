//! The body of a response that goes on: events as they come, a comment now and then, and an end that the reader understands.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::frame;
use crate::limit::ConnectionPermit;
use crate::{Caller, Gateway, Problem};

/// A pause after which a comment is sent: proxies commonly close connections that are silent for a minute or half of one.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);

/// Readers that are asked to reconnect wait at least so many milliseconds, and at most three times as many: a thousand of them
/// should not come back at once.
const RETRY: u64 = 500;

/// Where events come from.
pub trait Source: Send + 'static {
    /// Returns what comes next. May be dropped at any point: nothing is lost.
    fn next(&mut self) -> impl Future<Output = Step> + Send;
}

/// What comes next in a body.
#[derive(Debug)]
pub enum Step {
    /// Something to send.
    Frame(Bytes),
    /// The last thing to send.
    Last(Bytes),
    /// Nothing is left.
    End,
    /// There is no memory for what comes next: the reader is to reconnect when there is some.
    Full,
    /// Something failed: the connection is broken, so that the reader reconnects.
    Break,
}

/// How a body ends that is not over, when the gateway stops or its caller's right ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an event that asks the reader to reconnect, and cleanly. An `EventSource` reconnects after any end.
    Reconnect,
    /// By breaking the connection, for readers that take a clean end for the end of the stream.
    Break,
}

/// How long a body may live.
pub struct Lifetime {
    /// Completes when its caller's right ends.
    pub ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Completes when the gateway stops.
    pub stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// How it ends then.
    pub ending: Ending,
    /// Ends the body cleanly after so long without an event, if the reader asked for that.
    pub idle: Option<Duration>,
    /// One of its key's connections, as long as the body lives.
    pub _permit: ConnectionPermit,
}

impl Lifetime {
    /// Returns the time in which this caller may read a body, on one of its key's connections.
    ///
    /// # Errors
    ///
    /// 429 if its key has too many.
    pub fn of(gateway: &Gateway, caller: &Caller, ending: Ending) -> Result<Lifetime, Problem> {
        let permit = caller.connection()?;
        let caller = caller.clone();
        Ok(Lifetime {
            ended: Box::pin(async move { caller.ended().await }),
            stopping: Box::pin(gateway.stopping().cancelled_owned()),
            ending,
            idle: None,
            _permit: permit,
        })
    }
}

/// Makes a response of server-sent events from a source.
pub fn events(source: impl Source, lifetime: Lifetime) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        // nginx sends what it has only then.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, body(source, lifetime)).into_response()
}

/// Makes a body of what comes from a source.
fn body(source: impl Source, lifetime: Lifetime) -> Body {
    let mut comments = interval(COMMENT_INTERVAL);
    comments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    comments.reset();
    let live = Live {
        source,
        idle: lifetime.idle.map(|idle| Box::pin(tokio::time::sleep(idle))),
        lifetime,
        comments,
        is_over: false,
    };
    Body::from_stream(stream::unfold(live, |mut live| async {
        let item = live.next().await?;
        Some((item, live))
    }))
}

struct Live<S> {
    source: S,
    lifetime: Lifetime,
    comments: Interval,
    idle: Option<Pin<Box<tokio::time::Sleep>>>,
    is_over: bool,
}

impl<S: Source> Live<S> {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.is_over {
            return None;
        }
        let step = tokio::select! {
            biased;
            () = &mut self.lifetime.ended => self.cut(),
            () = &mut self.lifetime.stopping => self.cut(),
            step = self.source.next() => step,
            () = over(&mut self.idle) => Step::End,
            _ = self.comments.tick() => return Some(Ok(Bytes::from_static(frame::COMMENT))),
        };
        let step = match step {
            Step::Full => self.cut(),
            step => step,
        };
        self.is_over = !matches!(step, Step::Frame(_));
        match step {
            Step::Frame(frame) => {
                self.comments.reset();
                if let (Some(sleep), Some(idle)) = (&mut self.idle, self.lifetime.idle) {
                    sleep.as_mut().reset(tokio::time::Instant::now() + idle);
                }
                Some(Ok(frame))
            }
            Step::Last(frame) => Some(Ok(frame)),
            Step::End => None,
            Step::Full | Step::Break => Some(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    fn cut(&self) -> Step {
        match self.lifetime.ending {
            Ending::Reconnect => Step::Last(frame::reconnect(fastrand::u64(RETRY..=3 * RETRY))),
            Ending::Break => Step::Break,
        }
    }
}

/// Waits until the reader has waited too long, for ever if it waits for ever.
async fn over(idle: &mut Option<Pin<Box<tokio::time::Sleep>>>) {
    match idle {
        Some(idle) => idle.await,
        None => std::future::pending().await,
    }
}
