//! What the server acknowledged and lost, in a failover or a restore: it is sent again before anything else.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Instant;

use super::Engine;
use super::attempt::{Refused, Sent};
use super::deliver::TRIES;
use crate::Error;
use crate::wire::sqlstate::Meaning;

impl Engine {
    /// Takes over what became of a text that is sent again.
    pub(super) fn lost_sent(&mut self, text: Arc<str>, sent: Sent, now: Instant) {
        match sent {
            Sent::Answered(rows) => {
                // The run may have been closed or filled meanwhile.
                if rows.iter().any(|row| row.outcome.is_refusal()) {
                    self.count_lost(1);
                }
            }
            Sent::Arrived => {}
            Sent::Refused(Refused::Rejected(error))
                if error.meaning() == Meaning::TooMuchMemory
                    && self.delivery.lost_tries < TRIES =>
            {
                self.delivery.lost_tries += 1;
                self.delivery.lost.push_front(text);
                return self.went_wrong(&error, now);
            }
            Sent::Refused(Refused::Rejected(_)) | Sent::Doubtful(_) => self.count_lost(1),
            Sent::Refused(Refused::Locked(error, _)) => {
                self.delivery.lost.push_front(text);
                self.went_wrong(&error, now);
            }
            Sent::Gap(known, error) => {
                self.delivery.lost.push_front(text);
                self.resync(known, &error, now);
            }
        }
        self.delivery.lost_tries = 0;
    }

    /// Sends again what the server lost.
    pub(super) fn resync(&mut self, known: i64, error: &Error, now: Instant) {
        let resync = self.writer.resync(known);
        tracing::warn!(
            known,
            again = resync.again.len(),
            lost = resync.lost,
            "the server lacks batches that it had acknowledged; they are sent again"
        );
        if resync.lost > 0 {
            self.count_lost(resync.lost.unsigned_abs());
        }
        let behind = std::mem::replace(&mut self.delivery.lost, resync.again);
        self.delivery.lost.extend(behind);
        // Documents that were read since the server lost them are read again, after they were sent.
        self.reads.server_lost_batches();
        for state in self.buffer.runs() {
            if state.lock().document.is_some() {
                self.reads.add(state, true, None);
            }
        }
        self.went_wrong(error, now);
    }

    fn count_lost(&self, batches: u64) {
        self.buffer.meter.lost_batches.fetch_add(batches, Relaxed);
        let lost = Error::unexpected(format!(
            "the server lost {batches} acknowledged batches, or parts of them, which cannot be sent again"
        ));
        self.buffer.meter.note_error(&lost);
        tracing::error!(batches, "{lost}");
    }
}
