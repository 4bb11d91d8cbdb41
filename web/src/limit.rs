//! What one request, one connection and one key may use.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Problem;

/// Limits of a gateway.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's body: 4 MiB, as much as the client puts into one batch.
    pub body_bytes: usize,
    /// Bytes of memory that the bodies of all requests may hold, of which those of one key may hold half. A body takes up to three
    /// times its size until it is answered: 256 MiB are 21 of the largest at once, or a thousand of 80 kB.
    pub body_memory: usize,
    /// Requests of a key in a second, on average. A guess: 200 pages that poll ten times a second.
    pub requests_per_second: u32,
    /// Requests of a key at once, before the rate counts.
    pub burst: u32,
    /// Event streams and held polls of a key.
    pub connections_per_key: usize,
    /// TCP connections in all. Each takes a file and some 10 kB.
    pub connections: usize,
    /// Bytes of events that are written and not sent yet, and of what is kept for the next ones. A guess: with it a gateway stays
    /// below half a gigabyte whatever is watched.
    pub event_memory: usize,
    /// How long the head of a request may take, and how long a connection may be idle between requests.
    pub head_timeout: Duration,
    /// How long a connection may take none of the bytes that it is sent.
    pub write_timeout: Duration,
    /// How long answers that are ready may take to be read, on a connection of HTTP/2 that asks for nothing more.
    pub drain_timeout: Duration,
    /// How long the body of a request may take in all.
    pub body_timeout: Duration,
    /// How long a request waits for a database that is away.
    pub call_timeout: Duration,
    /// How long requests that are under way may take once the gateway is told to stop.
    pub stop_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes: 4 * 1024 * 1024,
            body_memory: 256 * 1024 * 1024,
            requests_per_second: 2_000,
            burst: 4_000,
            connections_per_key: 10_000,
            connections: 20_000,
            event_memory: 256 * 1024 * 1024,
            head_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(300),
            body_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Returns the limits of one of so many parts of a key.
    pub(crate) fn part(&self, parts: u32) -> Limits {
        let connections = self.connections_per_key;
        Limits {
            requests_per_second: self.requests_per_second.div_ceil(parts),
            burst: self.burst.div_ceil(parts),
            connections_per_key: connections.div_ceil(parts.max(1) as usize),
            ..self.clone()
        }
    }
}

/// The right of one body to stay open. Held by the body of an event stream or a held poll.
#[derive(Debug)]
pub struct ConnectionPermit {
    _permits: Vec<OwnedSemaphorePermit>,
    open: Gauge,
}

impl ConnectionPermit {
    /// Counts a body in `open` that has taken these.
    pub(crate) fn new(permits: Vec<OwnedSemaphorePermit>, open: &Gauge) -> ConnectionPermit {
        open.inc();
        ConnectionPermit {
            _permits: permits,
            open: open.clone(),
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.open.dec();
    }
}

/// The connections of one key, or of some of its tokens.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Semaphore>);

impl Connections {
    pub(crate) fn new(most: usize) -> Connections {
        Connections(Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))))
    }

    /// Takes one.
    ///
    /// # Errors
    ///
    /// 429 if all are taken, in which `who` has them.
    pub(crate) fn take(&self, who: &str) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = self.0.clone().try_acquire_owned();
        permit.map_err(|_| {
            let detail = format!("{who} too many open streams");
            Problem::too_many(detail, Duration::from_secs(5))
        })
    }
}

/// The requests of one key, or of some of its tokens.
pub(crate) struct Rate(DefaultDirectRateLimiter);

impl Rate {
    pub(crate) fn new(limits: &Limits) -> Rate {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(limits.requests_per_second));
        Rate(RateLimiter::direct(
            quota.allow_burst(at_least_one(limits.burst)),
        ))
    }

    /// Counts a request.
    ///
    /// # Errors
    ///
    /// 429 if it is one too many, in which `who` has sent them.
    pub(crate) fn check(&self, who: &str) -> Result<(), Problem> {
        self.0.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            Problem::too_many(format!("{who} sent too many requests"), wait)
        })
    }
}
