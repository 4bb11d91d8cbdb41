//! Exactly once: which batches the server has, and which it may have lost.
//!
//! Batches of one writer have sequences from 1. A batch whose answer was lost is sent again with the same sequence. If the
//! server has it, the outcome is `duplicate`, or again what it refused of it: it keeps that of a writer's last batch.
//!
//! A standby that was promoted may lack batches that its primary acknowledged; it refuses the next one. So the last
//! batches are kept for a while and sent again then. Where they do not reach that far back, what is missing is lost and
//! reported, and a new writer goes on from 1.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// How long batches are kept. A failover takes seconds to minutes. Must stay far below the time after which the
/// server may forget an idle writer: what a server forgot would look like what it lost, and be applied twice.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// How long a writer may be idle. `runmeta.prune` forgets writers after a day.
const IDLE: Duration = Duration::from_secs(12 * 60 * 60);

#[derive(Debug)]
pub(crate) struct Writer {
    id: Uuid,
    /// The sequence of the next batch.
    next: i64,
    kept: VecDeque<Kept>,
    kept_bytes: usize,
    maximum_bytes: usize,
    /// When the last batch was answered.
    last: Option<Instant>,
    now: Instant,
}

#[derive(Debug)]
struct Kept {
    sequence: i64,
    text: Arc<str>,
    answered: Instant,
}

/// What to do about a gap.
#[derive(Debug)]
pub(crate) struct Resync {
    /// Batches to send again, in order, before the one that was refused.
    pub(crate) again: VecDeque<Arc<str>>,
    /// Batches that are lost.
    pub(crate) lost: i64,
}

impl Writer {
    pub(crate) fn new(maximum_bytes: usize, now: Instant) -> Writer {
        Writer {
            now,
            id: Uuid::new_v4(),
            next: 1,
            kept: VecDeque::new(),
            kept_bytes: 0,
            maximum_bytes,
            last: None,
        }
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// Notes the time.
    pub(crate) fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// Returns the sequence of the batch to be sent.
    pub(crate) fn sequence(&self) -> i64 {
        self.next
    }

    /// Returns the bytes of the batches kept back.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Notes that the batch was answered, and keeps it back.
    pub(crate) fn answered(&mut self, text: Arc<str>) {
        self.kept_bytes += text.len();
        let answered = self.now;
        self.kept.push_back(Kept {
            sequence: self.next,
            text,
            answered,
        });
        self.last = Some(answered);
        self.next += 1;
        self.forget();
    }

    /// Keeps another text back in place of the last one, of whose lists not all took effect.
    pub(crate) fn keep_instead(&mut self, text: Arc<str>) {
        if let Some(last) = self.kept.back_mut() {
            self.kept_bytes = self.kept_bytes - last.text.len() + text.len();
            last.text = text;
        }
    }

    /// Becomes another writer after a long time without a batch: the server may have forgotten this one.
    pub(crate) fn renew(&mut self) {
        let idle = self.last.is_some_and(|last| self.now - last > IDLE);
        if idle {
            self.begin_anew();
        }
    }

    /// Becomes another writer, as it is not known whether the server took the last sequence.
    pub(crate) fn begin_anew(&mut self) {
        self.id = Uuid::new_v4();
        self.next = 1;
        self.kept.clear();
        self.kept_bytes = 0;
        self.last = None;
    }

    /// Finds what to send again to a server that has nothing after `known`.
    pub(crate) fn resync(&mut self, known: i64) -> Resync {
        self.forget();
        let missing = self.next - 1 - known;
        // What it has stays kept back: the next standby may have less.
        let has = self.kept.partition_point(|kept| kept.sequence <= known);
        let again: VecDeque<Arc<str>> = self.kept.drain(has..).map(|kept| kept.text).collect();
        self.kept_bytes = self.kept.iter().map(|kept| kept.text.len()).sum();
        let lost = missing - i64::try_from(again.len()).unwrap_or(i64::MAX);
        if lost == 0 && known >= 0 {
            self.next = known + 1;
        } else {
            self.begin_anew();
        }
        Resync { again, lost }
    }

    fn forget(&mut self) {
        while let Some(oldest) = self.kept.front() {
            if self.kept_bytes <= self.maximum_bytes && self.now - oldest.answered <= KEPT_FOR {
                break;
            }
            self.kept_bytes -= oldest.text.len();
            self.kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(batches: i64, maximum_bytes: usize) -> Writer {
        let mut writer = Writer::new(maximum_bytes, Instant::now());
        for sequence in 1..=batches {
            assert_eq!(writer.sequence(), sequence);
            writer.answered(sequence.to_string().into());
        }
        writer
    }

    fn texts(resync: &Resync) -> Vec<&str> {
        resync.again.iter().map(|text| &**text).collect()
    }

    #[test]
    fn what_the_server_lost_is_sent_again_in_order() {
        let mut writer = writer(5, 100);
        let id = writer.id();
        let resync = writer.resync(2);
        assert_eq!((texts(&resync), resync.lost), (vec!["3", "4", "5"], 0));
        assert_eq!((writer.id(), writer.sequence()), (id, 3));
    }

    #[test]
    fn what_is_kept_no_more_is_reported_and_a_new_writer_goes_on() {
        let mut writer = writer(5, 2);
        let id = writer.id();
        let resync = writer.resync(1);
        assert_eq!((texts(&resync), resync.lost), (vec!["4", "5"], 2));
        assert_ne!(writer.id(), id);
        assert_eq!(writer.sequence(), 1);
    }

    #[test]
    fn writer_that_was_idle_for_long_is_another() {
        let mut writer = writer(5, 100);
        let id = writer.id();
        let begun = writer.now;
        writer.set_now(begun + IDLE - Duration::from_secs(1));
        writer.renew();
        assert_eq!((writer.id(), writer.sequence()), (id, 6));
        writer.set_now(begun + IDLE + Duration::from_secs(1));
        writer.renew();
        assert_ne!(writer.id(), id);
        assert_eq!(writer.sequence(), 1);
    }

    #[test]
    fn old_batches_are_not_sent_again() {
        let mut writer = writer(5, 100);
        writer.set_now(writer.now + KEPT_FOR + Duration::from_secs(1));
        assert_eq!(texts(&writer.resync(0)), [""; 0]);
    }
}
