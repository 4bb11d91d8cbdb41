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
    /// Requests of a key in a second, on average. A guess: 200 pages that poll ten times a second.
    pub requests_per_second: u32,
    /// Requests of a key at once, before the rate counts.
    pub burst: u32,
    /// Event streams and held polls of a key.
    pub connections_per_key: usize,
    /// TCP connections in all. Each takes a file and some 10 kB.
    pub connections: usize,
    /// How long the head of a request may take, and how long a connection may be idle between requests.
    pub head_timeout: Duration,
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
            requests_per_second: 2_000,
            burst: 4_000,
            connections_per_key: 10_000,
            connections: 20_000,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(10),
        }
    }
}

/// The right of one body to stay open. Held by the body of an event stream or a held poll.
#[derive(Debug)]
pub struct ConnectionPermit {
    _permit: OwnedSemaphorePermit,
    open: Gauge,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.open.dec();
    }
}

/// The connections of one key.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Semaphore>);

impl Connections {
    pub(crate) fn new(most: usize) -> Connections {
        Connections(Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))))
    }

    /// Takes one, which is counted in `open`.
    ///
    /// # Errors
    ///
    /// 429 if all are taken.
    pub(crate) fn take(&self, open: &Gauge) -> Result<ConnectionPermit, Problem> {
        let taken =
            |_| Problem::too_many("the key has too many open streams", Duration::from_secs(5));
        let permit = self.0.clone().try_acquire_owned().map_err(taken)?;
        open.inc();
        Ok(ConnectionPermit {
            _permit: permit,
            open: open.clone(),
        })
    }
}

/// The requests of one key.
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
    /// 429 if it is one too many.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        self.0.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            Problem::too_many("the key has sent too many requests", wait)
        })
    }
}
