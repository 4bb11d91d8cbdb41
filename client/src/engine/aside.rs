//! Batches that wait for somebody else's lock.
//!
//! A transaction that holds a run's row keeps up that run, not all others. One cheap statement a second asks which of the
//! rows are still locked, without waiting for any; what is free is sent again at once. A row that is found locked each time may
//! just be busy: now and then its batch is sent all the same, to wait in line with the others.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::batch::Batch;
use crate::wire::Diagnosis;

/// How often the rows are looked at. A guess: a bar that stands still for a second longer is not noticed.
const LOOK: Duration = Duration::from_secs(1);

/// The same while somebody flushes or the client ends.
const LOOK_SOON: Duration = Duration::from_millis(100);

/// After how many looks at which its rows were locked a batch waits in line.
const LOOKS: u32 = 4;

/// The longest pause of a batch that fails for a reason that no look shows.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Aside {
    held: Vec<Held>,
    last_look: Option<Instant>,
}

#[derive(Debug)]
struct Held {
    batch: Batch,
    due: Instant,
    /// Before this it is not sent again, whoever waits.
    soonest: Instant,
    looks: u32,
}

impl Aside {
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.held.iter().map(|held| &held.batch)
    }

    /// Returns when the next look is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.iter().map(|held| held.due).min()
    }

    /// Sets a batch aside whose rows were seen to be locked.
    pub(super) fn push_locked(&mut self, batch: Batch, now: Instant) -> Duration {
        self.push(batch, now, LOOK)
    }

    /// Sets a batch aside that waited in vain, for what is not known.
    pub(super) fn push_unknown(&mut self, batch: Batch, now: Instant) -> Duration {
        let pause = LOOK * 2u32.saturating_pow(batch.tries);
        self.push(batch, now, pause.min(LONGEST))
    }

    fn push(&mut self, batch: Batch, now: Instant, pause: Duration) -> Duration {
        batch.set_aside();
        self.held.push(Held {
            due: now + pause,
            // What was seen to be locked may be free at once. A server that lacks memory gets time, since the tries are counted.
            soonest: if batch.tries == 0 { now } else { now + LOOK },
            looks: 0,
            batch: batch.without_text(),
        });
        pause
    }

    /// Brings the next look forward, since somebody waits.
    pub(super) fn hurry(&mut self, now: Instant) {
        let soonest = self.last_look.map_or(now, |last| last + LOOK_SOON).max(now);
        for held in &mut self.held {
            held.due = held.due.min(soonest.max(held.soonest));
        }
    }

    /// Returns the runs to look at.
    pub(super) fn runs(&self) -> Vec<Arc<str>> {
        let runs = self.held.iter().flat_map(|held| held.batch.ids());
        runs.cloned().collect()
    }

    /// Takes over what was seen, and returns the batches to be sent again.
    pub(super) fn looked(
        &mut self,
        diagnosis: Option<&Diagnosis>,
        may_wait: bool,
        now: Instant,
    ) -> Vec<Batch> {
        self.last_look = Some(now);
        let locked: HashSet<&str> = match diagnosis {
            Some(diagnosis) if !diagnosis.table_is_locked => {
                diagnosis.locked.iter().map(String::as_str).collect()
            }
            _ => {
                for held in &mut self.held {
                    held.due = now + LOOK;
                }
                return Vec::new();
            }
        };
        let (mut free, mut may_wait) = (Vec::new(), may_wait);
        for mut held in std::mem::take(&mut self.held) {
            let is_locked = held.batch.ids().any(|id| locked.contains(&**id));
            held.looks += u32::from(is_locked);
            let waits_in_line = is_locked && may_wait && held.looks >= LOOKS;
            may_wait &= !waits_in_line;
            let is_due = held.batch.tries == 0 || held.due <= now;
            if (!is_locked || waits_in_line) && is_due && !held.batch.is_being_read() {
                free.push(held.batch);
            } else {
                let look = if held.batch.is_awaited() {
                    LOOK_SOON
                } else {
                    LOOK
                };
                held.due = held.due.max(now + look);
                self.held.push(held);
            }
        }
        free
    }

    /// Notes that a batch went through that had been set aside: whatever was in the way is likely over.
    pub(super) fn one_went_through(&mut self, now: Instant) {
        for held in &mut self.held {
            held.due = held.due.min(now.max(held.soonest));
        }
    }
}
