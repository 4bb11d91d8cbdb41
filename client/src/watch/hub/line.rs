//! The connection: when it is made, and what is known of the server.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::group::Group;
use super::topic::Watched;
use super::{Action, Connected, Hub};
use crate::Error;
use crate::engine::backoff::Backoff;
use crate::settings::Settings;

/// How long the connection stays when nobody watches any more. A guess: long enough for a page that is loaded again.
const LINGER: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Connection {
    state: State,
    backoff: Backoff,
    first_pause: Duration,
    poll_interval: Duration,
    /// Until when nothing is sent.
    pause: Option<Instant>,
    idle_since: Option<Instant>,
    /// What was learned when the connection was made, and when that was.
    server: Option<(Connected, Instant)>,
    /// Why the last statement failed; `None` after one that did not.
    trouble: Option<Error>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Off,
    Listening,
    /// Notifications do not come through: everything is compared again at this time.
    Polling(Instant),
}

impl Connection {
    pub(super) fn new(settings: &Settings) -> Connection {
        Connection {
            state: State::Off,
            backoff: Backoff::new(settings.first_pause, settings.longest_pause),
            first_pause: settings.first_pause,
            poll_interval: settings.poll_interval,
            pause: None,
            idle_since: None,
            server: None,
            trouble: None,
        }
    }

    pub(super) fn trouble(&self) -> Option<&Error> {
        self.trouble.as_ref()
    }

    pub(super) fn listens(&self) -> bool {
        self.state == State::Listening
    }

    /// Returns the time of the server, if it was ever asked.
    pub(super) fn time(&self, now: Instant) -> Option<SystemTime> {
        let (server, at) = self.server.as_ref()?;
        Some(server.time + now.saturating_duration_since(*at))
    }

    /// Returns true if statements can be sent.
    pub(super) fn is_ready(&self) -> bool {
        self.state != State::Off && self.pause.is_none()
    }

    /// Returns what is to be done with the connection.
    pub(super) fn next(&mut self, is_idle: bool, now: Instant) -> Option<Action> {
        if is_idle {
            let since = *self.idle_since.get_or_insert(now);
            let is_over = self.state != State::Off && since + LINGER <= now;
            return is_over.then(|| {
                self.state = State::Off;
                Action::Disconnect
            });
        }
        self.idle_since = None;
        self.pause = self.pause.filter(|until| *until > now);
        let is_due = match self.state {
            State::Off => true,
            State::Listening => false,
            State::Polling(next) => next <= now,
        };
        (is_due && self.pause.is_none()).then_some(Action::Connect)
    }

    /// Returns when something is to be done.
    pub(super) fn due(&self, is_idle: bool) -> Option<Instant> {
        if is_idle {
            let since = self.idle_since.filter(|_| self.state != State::Off);
            return since.map(|since| since + LINGER);
        }
        let polls = match self.state {
            State::Polling(next) => Some(next),
            _ => None,
        };
        self.pause.or(polls)
    }

    /// Ends a pause as soon as may be, since somebody waits.
    pub(super) fn hurry(&mut self, now: Instant) {
        let soonest = now + self.first_pause;
        self.pause = self.pause.map(|until| until.min(soonest));
    }

    pub(super) fn lost(&mut self, now: Instant) {
        if self.state != State::Off {
            tracing::debug!("the connection that listens was lost");
            self.state = State::Off;
            self.pause = Some(now + self.backoff.pause());
        }
    }

    pub(super) fn went_well(&mut self) {
        self.backoff.reset();
        self.pause = None;
        self.trouble = None;
    }

    pub(super) fn went_wrong(&mut self, error: &Error, now: Instant) {
        let pause = self.backoff.pause();
        tracing::warn!(?pause, error = %error, "watched runs could not be read; trying again");
        self.pause = Some(now + pause);
        self.trouble = Some(error.clone());
    }
}

impl Hub {
    pub(super) fn connected(&mut self, server: Connected, now: Instant) {
        self.connection.went_well();
        self.connection.state = match server.listens {
            true => State::Listening,
            false => State::Polling(now + self.connection.poll_interval),
        };
        let before = self.connection.server.replace((server, now));
        if before.is_some_and(|(before, _)| before.timeline != server.timeline) {
            let topics = self.groups.values_mut().flat_map(Group::topics);
            topics.for_each(Watched::doubt);
        }
        self.read_again();
    }

    pub(super) fn not_connected(&mut self, error: &Error, now: Instant) {
        self.connection.went_wrong(error, now);
        if !error.is_retryable() {
            self.waiting.fail_before(u64::MAX, error);
        }
    }
}
