//! Reading runs, many in one statement, over a connection of its own.
//!
//! A run is not read while operations on it are in flight, and not sent while it is read: what was read has everything that
//! was completed, and nothing else of ours.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use crate::Error;
use crate::buffer::Buffer;
use crate::buffer::document::Document;
use crate::buffer::state::{Family, Pending, Place, RunState};
use crate::buffer::waiter::{Waiter, Waiting};
use crate::settings::Settings;
use crate::wire::{Loaded, Wanted};

/// Runs read in one statement. Their documents may have 256 kB each, which makes 25 MB.
const READ_AT_ONCE: usize = 100;

#[derive(Debug)]
pub(super) struct Reads {
    wanted: VecDeque<Arc<RunState>>,
    /// Runs that are read one by one, since reading them together failed.
    alone: VecDeque<Reading>,
    under_way: Vec<Reading>,
    backoff: Backoff,
    first_pause: Duration,
    /// Until when nothing is read, and the soonest at which that may end.
    pause: Option<(Instant, Instant)>,
    /// Set when all that are wanted are in flight.
    is_stuck: bool,
    /// What is under way may show documents without what the server lost, and is read again.
    is_outdated: bool,
}

#[derive(Debug)]
struct Reading {
    state: Arc<RunState>,
    with_document: bool,
    waiters: Vec<Arc<Waiter<()>>>,
}

impl Reads {
    pub(super) fn new(settings: &Settings) -> Reads {
        Reads {
            wanted: VecDeque::new(),
            alone: VecDeque::new(),
            under_way: Vec::new(),
            backoff: Backoff::new(settings.first_pause, settings.longest_pause),
            first_pause: settings.first_pause,
            pause: None,
            is_stuck: false,
            is_outdated: false,
        }
    }

    /// Notes that the server lost batches: what is under way now may lack them.
    pub(super) fn server_lost_batches(&mut self) {
        self.is_outdated = !self.under_way.is_empty();
    }

    /// Puts a run on the list.
    pub(super) fn add(
        &mut self,
        state: Arc<RunState>,
        with_document: bool,
        waiter: Option<Arc<Waiter<()>>>,
    ) {
        let mut pending = state.lock();
        if pending.fetch.waiters.len() == pending.fetch.waiters.capacity() {
            // Callers may give up, one after the other, as long as the server is gone.
            pending.fetch.waiters.retain(|waiter| !waiter.is_gone());
        }
        pending.fetch.waiters.extend(waiter);
        pending.fetch.with_document |= with_document;
        if !std::mem::replace(&mut pending.fetch.is_wanted, true) {
            drop(pending);
            self.wanted.push_back(state);
        }
        self.is_stuck = false;
    }

    /// Notes that runs may have come back from their flight.
    pub(super) fn look_again(&mut self) {
        self.is_stuck = false;
    }

    /// Returns when the next read may begin, if there is one and none is under way.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let has_work = !self.alone.is_empty() || !self.wanted.is_empty() && !self.is_stuck;
        (has_work && self.under_way.is_empty())
            .then(|| self.pause.map_or(now, |(until, _)| until.max(now)))
    }

    /// Ends the pause as soon as may be, since somebody waits.
    pub(super) fn hurry(&mut self) {
        if let Some((until, soonest)) = &mut self.pause {
            *until = (*until).min(*soonest);
            self.backoff.reset();
        }
    }

    /// Takes the next runs to be read.
    pub(super) fn next(&mut self, now: Instant) -> Option<Vec<Wanted>> {
        if self.due(now)? > now {
            return None;
        }
        match self.alone.pop_front() {
            Some(reading) => self.under_way.push(reading),
            None => self.take_wanted(),
        }
        if self.under_way.is_empty() {
            self.is_stuck = true;
            return None;
        }
        Some(self.under_way.iter().map(Reading::wanted).collect())
    }

    fn take_wanted(&mut self) {
        for _ in 0..self.wanted.len() {
            if self.under_way.len() == READ_AT_ONCE {
                break;
            }
            let Some(state) = self.wanted.pop_front() else {
                break;
            };
            let mut pending = state.lock();
            let is_in_flight = pending.place == Place::InFlight;
            let fetch = &mut pending.fetch;
            if fetch.with_document && is_in_flight {
                drop(pending);
                self.wanted.push_back(state);
                continue;
            }
            fetch.is_wanted = false;
            fetch.is_under_way = true;
            let with_document = std::mem::take(&mut fetch.with_document);
            let waiters = std::mem::take(&mut fetch.waiters);
            drop(pending);
            self.under_way.push(Reading {
                state,
                with_document,
                waiters,
            });
        }
    }

    /// Takes over what was read.
    pub(super) fn loaded(
        &mut self,
        answer: Result<Vec<Loaded>, Error>,
        buffer: &Buffer,
        now: Instant,
    ) {
        let readings = std::mem::take(&mut self.under_way);
        let error = match answer {
            Ok(loaded) => {
                self.backoff.reset();
                self.pause = None;
                if std::mem::take(&mut self.is_outdated) {
                    return self.put_all_back(readings);
                }
                return take_over(readings, loaded);
            }
            Err(error) => error,
        };
        buffer.meter.note_error(&error);
        let passes = error.passes();
        if passes && error.is_retryable() {
            let pause = self.backoff.pause();
            tracing::warn!(?pause, error = %error, "runs could not be read; trying again");
            self.pause = Some((now + pause, now + pause.min(self.first_pause)));
            self.put_all_back(readings);
        } else if !passes && readings.len() > 1 {
            tracing::warn!(runs = readings.len(), error = %error, "runs are read one by one");
            self.alone.extend(readings);
        } else {
            for reading in readings {
                reading.end(|_| Err(error.clone()));
            }
        }
    }

    fn put_all_back(&mut self, readings: Vec<Reading>) {
        for reading in readings.into_iter().rev() {
            self.put_back(reading);
        }
    }

    fn put_back(&mut self, reading: Reading) {
        let mut pending = reading.state.lock();
        let fetch = &mut pending.fetch;
        fetch.is_under_way = false;
        fetch.with_document |= reading.with_document;
        fetch.waiters.extend(reading.waiters);
        let was_wanted = std::mem::replace(&mut fetch.is_wanted, true);
        drop(pending);
        if !was_wanted {
            self.wanted.push_front(reading.state);
        }
    }
}

fn take_over(readings: Vec<Reading>, loaded: Vec<Loaded>) {
    let mut loaded: std::collections::HashMap<String, Loaded> = loaded
        .into_iter()
        .map(|run| (run.id.clone(), run))
        .collect();
    for reading in readings {
        let run = loaded.remove(&*reading.state.id);
        let with_document = reading.with_document;
        reading.end(|state| match run {
            Some(run) => take_over_run(&mut state.lock(), run, with_document),
            None => Err(Error::no_such_run(&state.id)),
        });
    }
}

fn take_over_run(pending: &mut Pending, run: Loaded, with_document: bool) -> Result<(), Error> {
    pending.family = Some(Family {
        root: run.root.into(),
        parent: run.parent.map(Into::into),
    });
    pending.attempt = Some(run.attempt);
    if with_document {
        let document = Document::new(run.document, run.version);
        let unreadable =
            |error| Error::unreadable(&run.id, "it is not an object", Some(Box::new(error)));
        pending.document = Some(document.map_err(unreadable)?);
    }
    Ok(())
}

impl Reading {
    fn wanted(&self) -> Wanted {
        Wanted {
            id: self.state.id.clone(),
            document: self.with_document,
        }
    }

    fn end(self, take_over: impl FnOnce(&RunState) -> Result<(), Error>) {
        let result = take_over(&self.state);
        self.state.lock().fetch.is_under_way = false;
        for waiter in self.waiters {
            waiter.answer(result.clone());
        }
    }
}
