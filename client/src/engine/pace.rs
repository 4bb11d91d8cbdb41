//! When a batch leaves, how much it may hold, and how long it may wait for a lock.
//!
//! - The first operation after a pause leaves at once, then there is at most one batch an interval, unless a batch is full
//!   or somebody waits.
//! - A batch takes the server about [`TARGET`]: everybody waits behind it, so a flush waits for two of them at most.
//! - After a failure there is a pause that doubles. A flush, a command or a shutdown ends it, but not within the first pause
//!   of the last attempt.
//! - At most a fifth of the time is spent waiting for the locks of others.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::gather::Room;
use crate::settings::Settings;

/// How long a batch should take the server: a flush of another run waits for two of them (budget 50 ms). Longer ones are
/// slower: of what one session with ready batches makes, 0.77 arrive with this, 0.82 with 25 ms and 0.62 with 80 (10,000 runs,
/// `make bench`).
const TARGET: Duration = Duration::from_millis(20);

/// The fewest operations that a batch has room for.
const LEAST_OPERATIONS: usize = 500;

/// The fewest bytes that a batch has room for: less costs the server hardly less.
const LEAST_BYTES: usize = 64 * 1024;

/// One part of the time in so many may be spent waiting for locks.
const LOCK_SHARE: u32 = 5;

/// The shortest wait for a lock: others hold theirs for some milliseconds.
const LEAST_LOCK_TIMEOUT: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Pace {
    backoff: Backoff,
    first_pause: Duration,
    interval: Duration,
    last_batch: Option<Instant>,
    /// Until when nothing is sent, and the soonest at which that may end.
    pause: Option<(Instant, Instant)>,
    most: Room,
    now: Room,
    /// The shortest time in which a batch was answered lately: what each takes, whatever is in it.
    least: Duration,
    longest_lock_timeout: Duration,
    lock_allowance: Duration,
    counted: Instant,
}

impl Pace {
    pub(super) fn new(settings: &Settings, now: Instant) -> Pace {
        Pace {
            backoff: Backoff::new(settings.first_pause, settings.longest_pause),
            first_pause: settings.first_pause,
            interval: settings.interval,
            last_batch: None,
            pause: None,
            most: Room {
                operations: settings.batch_operations,
                bytes: settings.batch_bytes(),
            },
            now: Room {
                operations: settings.batch_operations,
                bytes: settings.batch_bytes(),
            },
            least: Duration::MAX,
            longest_lock_timeout: settings.lock_timeout(),
            lock_allowance: settings.lock_timeout(),
            counted: now,
        }
    }

    /// Returns when the next batch may leave if nobody waits.
    pub(super) fn next_batch(&self, now: Instant) -> Instant {
        self.last_batch.map_or(now, |last| last + self.interval)
    }

    pub(super) fn batch_left(&mut self, now: Instant) {
        self.last_batch = Some(now);
    }

    /// Returns what the next batch may hold.
    pub(super) fn room(&self) -> Room {
        self.now
    }

    /// Learns from a batch, which took so much of its room, how much the next may have.
    pub(super) fn batch_took(&mut self, took: Duration, taken: Room) {
        // Half a percent more each time: a network that became slower is noticed, too.
        self.least = self
            .least
            .saturating_mul(201)
            .checked_div(200)
            .map_or(took, |least| least.min(took));
        let work = took.saturating_sub(self.least);
        let (now, most) = (&mut self.now, self.most);
        for (now, most, least, taken) in [
            (
                &mut now.operations,
                most.operations,
                LEAST_OPERATIONS,
                taken.operations,
            ),
            (&mut now.bytes, most.bytes, LEAST_BYTES, taken.bytes),
        ] {
            if work > TARGET {
                *now = (taken / 2).clamp(least.min(most), (*now).max(least.min(most)));
            } else if work < TARGET / 2 && taken * 2 >= *now {
                *now = (*now * 3 / 2).min(most);
            }
        }
    }

    /// Begins a pause, of at most this length unless the first is longer, and returns its length.
    pub(super) fn pause(&mut self, now: Instant, most: Duration) -> Duration {
        let pause = self.backoff.pause().min(most.max(self.first_pause));
        self.pause = Some((now + pause, now + pause.min(self.first_pause)));
        pause
    }

    /// Ends the pause as soon as may be, since somebody waits. The next one is a short one again.
    pub(super) fn hurry(&mut self) {
        if let Some((until, soonest)) = &mut self.pause {
            *until = (*until).min(*soonest);
            self.backoff.reset();
        }
    }

    /// Returns until when nothing may be sent.
    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        let (until, _) = self.pause?;
        (until > now).then_some(until)
    }

    /// Notes that the server answered.
    pub(super) fn went_well(&mut self) {
        self.pause = None;
        self.backoff.reset();
    }

    /// Returns how long the next batch may wait for each lock.
    pub(super) fn lock_timeout(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.counted);
        self.counted = now;
        self.lock_allowance =
            (self.lock_allowance + passed / LOCK_SHARE).min(self.longest_lock_timeout);
        self.lock_allowance
            .max(LEAST_LOCK_TIMEOUT.min(self.longest_lock_timeout))
    }

    /// Notes that so much time was spent waiting for a lock in vain.
    pub(super) fn waited(&mut self, time: Duration) {
        self.lock_allowance = self.lock_allowance.saturating_sub(time);
    }
}
