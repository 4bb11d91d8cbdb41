//! What becomes of a run when the row of its job changes in a queue.
//!
//! A queue has words and counters of its own. Its adapter translates a row into a [`Transition`], which is a function of the
//! row alone: so a row can be looked at again at any time, and the same transition a second time changes nothing.
//!
//! The number of an attempt never goes back, because it keeps late workers out. Where a queue counts from 1 again, for
//! instance because somebody scheduled a job anew, the run goes on counting from its own number.

use crate::status::{is_final, is_waiting};

/// The status of a run whose job works.
pub const RUNNING: &str = "running";
/// The status of a run whose job failed and will be tried again.
pub const RETRYING: &str = "retrying";
/// The status of a run whose job succeeded.
pub const COMPLETED: &str = "completed";

/// What the row of a job shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition<'a, T> {
    /// The status of its run. [`RUNNING`] means that an attempt began, one of [`crate::status::WAITING`] that it waits.
    pub status: &'a str,
    /// The row is gone, and `status` is what that means for a run that has not finished.
    pub is_deleted: bool,
    /// How many attempts have begun, 0 for none; `None` if the queue does not count them.
    pub attempt: Option<i32>,
    /// When the attempt began to work, if the row shows it.
    pub started_at: Option<T>,
    /// When the job finished, if the row shows it.
    pub finished_at: Option<T>,
    /// When the row changed.
    pub at: T,
}

/// The columns of a run that a transition changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress<T> {
    /// The number of its newest attempt, from 1.
    pub attempt: i32,
    /// Its status.
    pub status: String,
    /// When the attempt began to work, if it did.
    pub started_at: Option<T>,
    /// When the attempt finished, if it did.
    pub finished_at: Option<T>,
}

/// What a transition did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The run is as it was.
    Unchanged,
    /// The run changed.
    Changed,
    /// Another attempt began: the metadata of a start is merged into the document.
    Began,
}

impl<T: Copy + PartialEq> Progress<T> {
    /// Returns the state of a run of which this is the first transition.
    pub fn new(first: &Transition<'_, T>) -> Self {
        let mut new = Progress {
            attempt: first.attempt.unwrap_or(1).max(1),
            status: "queued".to_owned(),
            started_at: None,
            finished_at: None,
        };
        new.follow(first);
        new
    }

    /// Has the run follow its job.
    pub fn follow(&mut self, next: &Transition<'_, T>) -> Followed {
        let before = self.clone();
        let begins = if next.is_deleted {
            self.lose(next);
            false
        } else if is_final(next.status) {
            self.finish(next);
            false
        } else if next.status == RUNNING {
            self.work(next)
        } else {
            self.wait(next)
        };
        match (begins, *self == before) {
            (true, _) => Followed::Began,
            (false, true) => Followed::Unchanged,
            (false, false) => Followed::Changed,
        }
    }

    /// A queue may delete what has finished whenever it likes.
    fn lose(&mut self, next: &Transition<'_, T>) {
        if self.finished_at.is_none() {
            self.finish(next);
        }
    }

    fn finish(&mut self, next: &Transition<'_, T>) {
        let number = self.attempt.max(next.attempt.unwrap_or(0));
        if self.finished_at.is_some() && number == self.attempt {
            // The job may have finished its run by itself, with a word that says more.
            let says_more = next.status == COMPLETED && !is_final(&self.status);
            if says_more || self.status == next.status {
                return;
            }
        }
        self.attempt = number;
        next.status.clone_into(&mut self.status);
        self.started_at = next.started_at.or(self.started_at);
        self.finished_at = Some(next.finished_at.unwrap_or(next.at));
    }

    /// Returns true if another attempt begins.
    fn work(&mut self, next: &Transition<'_, T>) -> bool {
        let works = self.works();
        let number = next.attempt.unwrap_or(0);
        // graphile-worker raises the count of a job that works to its limit, so that it is not tried again.
        let is_same_start =
            works && self.started_at == next.started_at && next.started_at.is_some();
        let begins = if number > self.attempt {
            self.attempt = number;
            !is_same_start
        } else {
            // The queue counts anew, or not at all: what has worked and works no more begins another attempt.
            let begins = (number < self.attempt) && self.started_at.is_some() && !works;
            self.attempt = self.attempt.saturating_add(i32::from(begins));
            begins
        };
        // A status that the job has set by itself stays.
        if begins || !works {
            RUNNING.clone_into(&mut self.status);
            self.started_at = Some(next.started_at.unwrap_or(next.at));
            self.finished_at = None;
        }
        begins
    }

    /// Returns true if another attempt begins to wait.
    fn wait(&mut self, next: &Transition<'_, T>) -> bool {
        let number = next.attempt.unwrap_or(self.attempt);
        // One less is an attempt that was taken back: it begins again. Less than that is a queue that counts anew.
        let is_anew = is_waiting(next.status)
            && self.started_at.is_some()
            && number.saturating_add(1) < self.attempt;
        self.attempt = self.attempt.saturating_add(i32::from(is_anew)).max(number);
        next.status.clone_into(&mut self.status);
        if is_waiting(next.status) {
            self.started_at = None;
        }
        self.finished_at = None;
        is_anew
    }

    /// Returns true if the attempt works: it has begun, and neither finished nor failed.
    fn works(&self) -> bool {
        self.finished_at.is_none() && !is_waiting(&self.status) && self.status != RETRYING
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Followed::{Began, Changed, Unchanged};

    fn row(status: &str, attempt: i32, at: u32) -> Transition<'_, u32> {
        Transition {
            status,
            is_deleted: false,
            attempt: Some(attempt),
            started_at: None,
            finished_at: None,
            at,
        }
    }

    fn deleted(status: &str, attempt: i32, at: u32) -> Transition<'_, u32> {
        Transition {
            is_deleted: true,
            ..row(status, attempt, at)
        }
    }

    fn run(
        attempt: i32,
        status: &str,
        started: Option<u32>,
        finished: Option<u32>,
    ) -> Progress<u32> {
        Progress {
            attempt,
            status: status.to_owned(),
            started_at: started,
            finished_at: finished,
        }
    }

    #[test]
    fn a_job_is_queued_runs_fails_is_tried_again_and_completes() {
        let mut progress = Progress::new(&row("queued", 0, 1));
        assert_eq!(progress, run(1, "queued", None, None));
        assert_eq!(progress.follow(&row("running", 1, 2)), Changed);
        assert_eq!(progress, run(1, "running", Some(2), None));
        assert_eq!(progress.follow(&row("retrying", 1, 3)), Changed);
        assert_eq!(progress, run(1, "retrying", Some(2), None));
        assert_eq!(progress.follow(&row("running", 2, 4)), Began);
        assert_eq!(progress, run(2, "running", Some(4), None));
        assert_eq!(progress.follow(&row("completed", 2, 5)), Changed);
        assert_eq!(progress, run(2, "completed", Some(4), Some(5)));
    }

    #[test]
    fn the_same_transition_a_second_time_changes_nothing() {
        for status in [
            "queued",
            "running",
            "retrying",
            "completed",
            "failed",
            "cancelled",
        ] {
            let mut progress = Progress::new(&row("queued", 0, 1));
            progress.follow(&row("running", 1, 2));
            progress.follow(&row("retrying", 1, 3));
            progress.follow(&row(status, 1, 4));
            let once = progress.clone();
            assert_eq!(progress.follow(&row(status, 1, 5)), Unchanged, "{status}");
            assert_eq!(progress, once);
        }
    }

    #[test]
    fn the_times_of_the_row_count() {
        let mut progress = Progress::new(&row("queued", 0, 1));
        progress.follow(&Transition {
            started_at: Some(20),
            ..row("running", 1, 2)
        });
        progress.follow(&Transition {
            started_at: Some(20),
            finished_at: Some(30),
            ..row("failed", 1, 3)
        });
        assert_eq!(progress, run(1, "failed", Some(20), Some(30)));
    }

    #[test]
    fn a_row_that_is_gone_ends_only_what_has_not_finished() {
        let mut progress = run(2, "running", Some(1), None);
        assert_eq!(progress.follow(&deleted("cancelled", 2, 5)), Changed);
        assert_eq!(progress, run(2, "cancelled", Some(1), Some(5)));
        let mut failed = run(2, "failed", Some(1), Some(2));
        assert_eq!(failed.follow(&deleted("completed", 2, 5)), Unchanged);
        assert_eq!(failed, run(2, "failed", Some(1), Some(2)));
    }

    #[test]
    fn a_row_that_comes_back_in_the_same_turn_was_never_gone() {
        let mut progress = run(1, "running", Some(1), None);
        progress.follow(&deleted("cancelled", 1, 5));
        assert_eq!(progress.follow(&row("retrying", 1, 5)), Changed);
        assert_eq!(progress, run(1, "retrying", Some(1), None));
    }

    #[test]
    fn a_job_that_is_resumed_opens_its_run_at_the_same_attempt() {
        let mut never_started = Progress::new(&row("queued", 0, 1));
        never_started.follow(&row("cancelled", 0, 2));
        assert_eq!(never_started.follow(&row("queued", 0, 3)), Changed);
        assert_eq!(never_started, run(1, "queued", None, None));
        assert_eq!(never_started.follow(&row("running", 1, 4)), Changed);
        assert_eq!(never_started, run(1, "running", Some(4), None));

        let mut failed = run(3, "failed", Some(1), Some(2));
        failed.follow(&row("retrying", 3, 5));
        assert_eq!(failed, run(3, "retrying", Some(1), None));
        assert_eq!(failed.follow(&row("running", 4, 6)), Began);
        assert_eq!(failed, run(4, "running", Some(6), None));
    }

    #[test]
    fn an_attempt_that_is_taken_back_begins_again() {
        let mut progress = run(2, "running", Some(1), None);
        progress.follow(&row("queued", 1, 2));
        assert_eq!(progress, run(2, "queued", None, None));
        assert_eq!(progress.follow(&row("running", 2, 3)), Changed);
        assert_eq!(progress, run(2, "running", Some(3), None));
    }

    #[test]
    fn a_queue_that_counts_anew_does_not_take_the_number_back() {
        let mut progress = run(3, "failed", Some(1), Some(2));
        assert_eq!(progress.follow(&row("queued", 0, 3)), Began);
        assert_eq!(progress, run(4, "queued", None, None));
        assert_eq!(progress.follow(&row("running", 1, 4)), Changed);
        assert_eq!(progress.follow(&row("retrying", 1, 5)), Changed);
        assert_eq!(progress.follow(&row("running", 2, 6)), Began);
        assert_eq!(progress.follow(&row("completed", 2, 7)), Changed);
        assert_eq!(progress, run(5, "completed", Some(6), Some(7)));
    }

    #[test]
    fn a_count_that_is_raised_while_the_job_works_begins_nothing() {
        let started = |row| Transition {
            started_at: Some(2),
            ..row
        };
        let mut progress = run(1, "running", Some(2), None);
        assert_eq!(progress.follow(&started(row("running", 25, 3))), Changed);
        assert_eq!(progress, run(25, "running", Some(2), None));
    }

    #[test]
    fn what_a_job_says_of_itself_stays() {
        let mut working = run(1, "parsing", Some(1), None);
        assert_eq!(working.follow(&row("running", 1, 2)), Unchanged);
        let mut ended = run(1, "partly imported", Some(1), Some(2));
        assert_eq!(ended.follow(&row("completed", 1, 3)), Unchanged);
        assert_eq!(ended.follow(&row("failed", 1, 3)), Changed);
    }

    #[test]
    fn a_queue_that_does_not_count_is_counted() {
        let uncounted = |row| Transition {
            attempt: None,
            ..row
        };
        let mut progress = Progress::new(&uncounted(row("queued", 0, 1)));
        assert_eq!(progress.follow(&uncounted(row("running", 0, 2))), Changed);
        assert_eq!(progress.follow(&uncounted(row("retrying", 0, 3))), Changed);
        assert_eq!(progress.follow(&uncounted(row("running", 0, 4))), Began);
        assert_eq!(progress, run(2, "running", Some(4), None));
    }
}
