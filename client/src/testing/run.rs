//! One run: what its parts of a batch do to it. The rules are those of `runmeta-core`.

use std::time::{Duration, SystemTime};

use runmeta_core::status::is_waiting;
use runmeta_core::wire::{Outcome, Part, Target};
use runmeta_core::{Attempt, Conflict, Json, Operation, Parsed, apply};
use tokio::time::Instant;

use super::batch::{Change, Start};
use crate::wire::Row;

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) parent: Option<String>,
    pub(super) root: String,
    pub(super) task: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) status: String,
    pub(super) attempt: i32,
    pub(super) finished: Option<Instant>,
    /// It takes no more updates, however long ago it finished.
    is_closed: bool,
    pub(super) document: Json,
    pub(super) version: i64,
    pub(super) depth: i32,
    pub(super) created_at: SystemTime,
    pub(super) started_at: Option<SystemTime>,
    pub(super) updated_at: SystemTime,
    pub(super) finished_at: Option<SystemTime>,
}

/// What became of a part.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) outcome: Outcome,
    pub(super) version: Option<i64>,
    pub(super) unapplied: Vec<(usize, String)>,
}

impl Effect {
    /// Returns that of a part for which there is no run.
    pub(super) fn bare(outcome: Outcome) -> Effect {
        Effect {
            outcome,
            version: None,
            unapplied: Vec::new(),
        }
    }

    pub(super) fn invalid(reason: &str) -> Effect {
        Effect {
            unapplied: vec![(0, reason.to_owned())],
            ..Effect::bare(Outcome::Invalid)
        }
    }

    pub(super) fn row(self, run: &str, part: Part, target: Target, stream: Option<&str>) -> Row {
        Row {
            run: run.to_owned(),
            part,
            target,
            stream: stream.map(str::to_owned),
            outcome: self.outcome,
            version: self.version,
            unapplied: self.unapplied,
            detail: None,
        }
    }
}

impl Run {
    /// Makes a run. Its metadata is within the limit of size.
    pub(super) fn new(root: String, depth: i32, start: &Start, now: SystemTime) -> Run {
        Run {
            parent: start.parent.clone(),
            root,
            task: start.task.clone(),
            tags: start.tags.clone(),
            status: start.status.clone(),
            attempt: start.attempt.unwrap_or(1),
            finished: None,
            is_closed: false,
            document: start.metadata.clone(),
            version: 1,
            depth,
            created_at: now,
            started_at: (!is_waiting(&start.status)).then_some(now),
            updated_at: now,
            finished_at: None,
        }
    }

    /// Returns true if a start would begin another attempt.
    #[cfg(test)]
    pub(super) fn begins(&self, start: &Start) -> bool {
        matches!(self.standing().on_start(start.attempt), Ok(Some(_)))
    }

    /// Begins another attempt, or finds the run as it is.
    pub(super) fn start(&mut self, start: &Start, maximum_size: usize) -> Effect {
        let begins = match self.standing().on_start(start.attempt) {
            Ok(Some(number)) => number,
            Ok(None) => return self.effect(Outcome::Unchanged),
            Err(conflict) => return self.conflict(conflict),
        };
        let merge = Operation::Merge {
            key: None,
            value: start.metadata.clone(),
        };
        let mut document = self.document.clone();
        apply(&mut document, &[Ok(merge)]);
        if self.is_too_large(&document, maximum_size) {
            return self.effect(Outcome::TooLarge);
        }
        self.document = document;
        self.attempt = begins;
        self.status = start.status.clone();
        self.finished = None;
        self.finished_at = None;
        self.started_at = (!is_waiting(&start.status)).then(SystemTime::now);
        self.is_closed = false;
        self.changed()
    }

    /// Applies a list.
    pub(super) fn apply(
        &mut self,
        list: &[Parsed<Json>],
        maximum_size: usize,
        window: Duration,
        now: Instant,
    ) -> Effect {
        if self.takes_no_more(window, now) {
            return self.effect(Outcome::Closed);
        }
        let mut document = self.document.clone();
        let unapplied = apply(&mut document, list);
        if self.is_too_large(&document, maximum_size) {
            return self.effect(Outcome::TooLarge);
        }
        let effect = match document.same_value(&self.document) {
            true => self.effect(Outcome::Unchanged),
            false => {
                self.document = document;
                self.changed()
            }
        };
        let unapplied = unapplied.iter();
        Effect {
            unapplied: unapplied
                .map(|skipped| (skipped.index, skipped.reason.code().to_owned()))
                .collect(),
            ..effect
        }
    }

    /// Returns true if the time is over in which it takes updates.
    pub(super) fn takes_no_more(&self, window: Duration, now: Instant) -> bool {
        // A clock that is paused stands still: a window of 0 is over at once.
        let is_over = |finished: Instant| now.saturating_duration_since(finished) >= window;
        self.is_closed || self.finished.is_some_and(is_over)
    }

    pub(super) fn set_status(&mut self, change: &Change) -> Effect {
        let standing = self.standing();
        let decided = standing.check_number(change.attempt);
        match decided.and_then(|()| standing.on_set_status(&change.status)) {
            Ok(false) => self.effect(Outcome::Unchanged),
            Ok(true) => {
                self.status = change.status.clone();
                if !is_waiting(&self.status) {
                    self.started_at.get_or_insert_with(SystemTime::now);
                }
                self.changed()
            }
            Err(conflict) => self.conflict(conflict),
        }
    }

    pub(super) fn finish(&mut self, change: &Change, now: Instant) -> Effect {
        let standing = self.standing();
        let decided = standing.check_number(change.attempt);
        match decided.and_then(|()| standing.on_finish(&change.status)) {
            Ok(false) => self.effect(Outcome::Unchanged),
            Ok(true) => {
                self.status = change.status.clone();
                self.finished = Some(now);
                self.finished_at = Some(SystemTime::now());
                self.changed()
            }
            Err(conflict) => self.conflict(conflict),
        }
    }

    /// Ends the time in which the run takes updates.
    pub(super) fn close(&mut self, now: Instant) {
        if self.finished.is_none() {
            self.status = "completed".to_owned();
            self.finished = Some(now);
            self.finished_at = Some(SystemTime::now());
            self.version += 1;
        }
        self.is_closed = true;
    }

    fn standing(&self) -> Attempt<'_> {
        Attempt {
            number: self.attempt,
            status: &self.status,
            finished: self.finished.is_some(),
        }
    }

    /// A document that becomes smaller is never too large.
    fn is_too_large(&self, document: &Json, maximum_size: usize) -> bool {
        let size = document.size();
        size > maximum_size && size > self.document.size()
    }

    fn changed(&mut self) -> Effect {
        self.version += 1;
        self.updated_at = SystemTime::now();
        self.effect(Outcome::Applied)
    }

    fn conflict(&self, conflict: Conflict) -> Effect {
        match conflict {
            Conflict::Finished => self.effect(Outcome::Closed),
            Conflict::Stale => self.effect(Outcome::Stale),
            Conflict::NotBegun => self.invalid("attempt_not_begun"),
        }
    }

    fn invalid(&self, reason: &str) -> Effect {
        Effect {
            version: Some(self.version),
            ..Effect::invalid(reason)
        }
    }

    fn effect(&self, outcome: Outcome) -> Effect {
        Effect {
            version: Some(self.version),
            ..Effect::bare(outcome)
        }
    }
}
