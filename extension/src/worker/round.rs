//! A round of the worker: what changed is taken out of the outbox, runs follow jobs, what waits is folded, and all that is announced.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use pgrx::pg_sys::BuiltinOid;
use pgrx::spi::Spi;

use super::horizon::Horizon;
use super::pace::{Pace, Run};
use super::process::Worker;
use super::retention::Retention;
use crate::announce::{Item, MAXIMUM_RUNS, channel};
use crate::follow::{self, Locking, SLICE as SLICE_OF_JOBS};
use crate::inbox::{self, Folded, Outcome, floor};
use crate::jsonb::check_for_interrupts;
use crate::outbox::{Entry, RunEntry, StreamEntry, Streams, entries, prepared};
use crate::process;
use crate::refusal::Refusal;
use crate::settings;
use crate::statement::Statement;

thread_local! {
    static WAITING: Statement = const { Statement::new(
        include_str!("sql/waiting.sql"),
        &[BuiltinOid::TEXTOID, BuiltinOid::TEXTOID, BuiltinOid::INT4OID],
    ) };
}

/// Rows that a restore or a replica puts into the inbox are in no outbox: the worker finds them when it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Runs that one statement finds in the inbox.
const SLICE: i32 = 5000;
/// Runs that one transaction folds: it holds their locks until it commits. A guess.
const RUNS: usize = 100;
/// What changed meanwhile waits so long to be announced, and a slice of runs longer. A guess.
const FOLDING: Duration = Duration::from_millis(50);
/// Changes of prepared transactions that are announced in a round.
const PREPARED: i32 = 1000;

/// What is left from round to round.
pub struct Round {
    pace: Pace,
    /// Runs that are to follow their jobs. Without a root, which is not known.
    jobs: Pace,
    /// All that was recorded for runs is to be looked through.
    looks_for_jobs: bool,
    horizon: Horizon,
    retention: Retention,
    /// Runs to be announced, by id: root and version.
    changed: BTreeMap<String, (String, Option<i64>)>,
    streams: Streams,
    resync: bool,
    failed: bool,
    looked: Option<Instant>,
}

impl Round {
    /// Begins with nothing to be done.
    pub fn new() -> Self {
        Round {
            pace: Pace::default(),
            jobs: Pace::of_jobs(),
            looks_for_jobs: false,
            horizon: Horizon::default(),
            retention: Retention::default(),
            changed: BTreeMap::new(),
            streams: Streams::default(),
            resync: false,
            failed: false,
            looked: None,
        }
    }

    /// Runs a round. Returns how long the next one can wait if nobody wakes the worker, `None` for ever.
    pub fn run(&mut self, worker: &mut Worker) -> Option<Duration> {
        self.failed = false;
        // Whoever comes after this worker, if it is ended now, announces everything.
        worker.segment.set_in_hand(true);
        let late = self.looked.is_none_or(|at| at.elapsed() > LOOK_AGAIN);
        let lost = self.drain(worker);
        if lost || self.jobs.take_overflow() || late || self.looks_for_jobs {
            let counters = &worker.segment.counters;
            let count = |id: &str, changes: usize| counters.find_jobs(id, changes);
            let looked = worker.transaction(|_| {
                let is_more = follow::record_gone_queues()?;
                self.look_for_jobs(count)?;
                Ok(is_more)
            });
            self.looks_for_jobs = looked.unwrap_or(true);
            self.failed |= looked.is_none();
        }
        if lost || self.pace.take_overflow() || late {
            self.looked = Some(Instant::now());
            let counters = &worker.segment.counters;
            let count = |id: &str, lists: usize, bytes: usize| counters.find(id, lists, bytes);
            self.failed |= worker.transaction(|_| self.look_through(count)).is_none();
        }
        if worker.database.has_prepared() {
            self.take_prepared(worker);
        }
        self.follow(worker);
        self.fold(worker);
        let pruned = self.retention.run(worker);
        self.resync |= pruned.are_many;
        for (root, id) in &pruned.runs {
            self.set_change(root, id, None);
        }
        self.announce(worker);
        if !self.resync && !self.has_changes() {
            worker.segment.set_in_hand(false);
        }
        let interval = settings::worker_interval();
        let waits = worker.database.has_prepared() || self.failed || self.looks_for_jobs;
        let next = [self.pace.next(interval), self.jobs.next(interval)];
        let prunes = pruned.some_are_left.then_some(interval);
        let next = next.into_iter().flatten().chain(prunes).min();
        match waits {
            true => Some(next.map_or(interval * 5, |next| next.min(interval * 5))),
            false => next,
        }
    }

    /// Takes all entries out of the outbox. Returns true if some were lost.
    fn drain(&mut self, worker: &Worker) -> bool {
        worker.database.set_served();
        let (bytes, lost) = worker.segment.drain();
        for entry in entries(&bytes) {
            match entry {
                Entry::Run(run) => self.note(&run),
                Entry::Stream(stream) => self.change_stream(&stream),
                Entry::Job("") => self.looks_for_jobs = true,
                Entry::Job(run) => self.jobs.add(job(run), 1, 0, true),
            }
        }
        self.resync |= lost;
        lost
    }

    fn note(&mut self, entry: &RunEntry<'_>) {
        if let Some(size) = entry.queued {
            let run = Run {
                root: entry.root.to_owned(),
                id: entry.id.to_owned(),
            };
            self.pace.add(run, 1, size, entry.announced);
        }
        if entry.announced {
            self.change(entry.root, entry.id, entry.version);
        }
    }

    fn has_changes(&self) -> bool {
        !self.changed.is_empty() || !self.streams.is_empty()
    }

    fn change_stream(&mut self, stream: &StreamEntry<'_>) {
        self.streams.add(stream);
        self.bound();
    }

    /// Notes a change that a session has made. Two sessions may put theirs into the outbox in another order than that of
    /// their commits, so the greater version counts; where one is not known, listeners read.
    fn change(&mut self, root: &str, id: &str, version: Option<i64>) {
        let known = self.changed.get(id).map_or(version, |(_, known)| *known);
        let version = known
            .zip(version)
            .map(|(known, version)| known.max(version));
        self.set_change(root, id, version);
    }

    fn set_change(&mut self, root: &str, id: &str, version: Option<i64>) {
        self.changed
            .insert(id.to_owned(), (root.to_owned(), version));
        self.bound();
    }

    fn bound(&mut self) {
        self.resync |= self.changed.len() + self.streams.len() > MAXIMUM_RUNS;
        if self.resync {
            self.changed.clear();
            self.streams.clear();
        }
    }

    /// Finds all runs for which lists wait, and calls `each` with what was found of each.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn look_through(
        &mut self,
        mut each: impl FnMut(&str, usize, usize),
    ) -> Result<(), Refusal> {
        let number = |value: Option<i64>| usize::try_from(value.unwrap_or(0)).unwrap_or(0);
        let mut last = Run {
            root: String::new(),
            id: String::new(),
        };
        loop {
            // A connection a slice: its rows are freed with it.
            let slice = Spi::connect_mut(|client| {
                let arguments = [
                    last.root.as_str().into(),
                    last.id.as_str().into(),
                    SLICE.into(),
                ];
                let rows = WAITING.with(|statement| statement.run(client, &arguments))?;
                let slice = rows.len();
                for row in rows {
                    check_for_interrupts();
                    last = Run {
                        root: row.get(1)?.unwrap_or_default(),
                        id: row.get(2)?.unwrap_or_default(),
                    };
                    let lists = number(row.get(3)?);
                    each(&last.id, lists, number(row.get(4)?));
                    let lists = u32::try_from(lists).unwrap_or(u32::MAX);
                    self.pace.add_found(last.clone(), lists);
                }
                Ok::<_, Refusal>(slice)
            })?;
            if slice < SLICE as usize {
                return Ok(());
            }
        }
    }

    /// Finds all runs for which changes of jobs were recorded, and calls `each` with what was found of each.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn look_for_jobs(&mut self, mut each: impl FnMut(&str, usize)) -> Result<(), Refusal> {
        follow::trim_failures()?;
        follow::look_through(|run, changes| {
            each(run, changes);
            self.jobs.add_found(job(run), 1);
        })
    }

    fn take_prepared(&mut self, worker: &mut Worker) {
        // Before the look: what is prepared meanwhile sets it again.
        worker.database.set_prepared(false);
        self.looks_for_jobs = true;
        let taken = worker.transaction(|client| {
            let any = prepared::any(client)?;
            Ok((prepared::take(client, PREPARED)?, any))
        });
        let Some((taken, any)) = taken else {
            worker.database.set_prepared(true);
            self.failed = true;
            return;
        };
        if any || taken.len() == PREPARED as usize {
            worker.database.set_prepared(true);
        }
        for kept in taken {
            match (kept.root.is_empty(), kept.stream()) {
                (true, _) => self.resync = true,
                (false, Some(stream)) => self.change_stream(&stream),
                (false, None) => {
                    let run = Run {
                        root: kept.root.clone(),
                        id: kept.id.clone(),
                    };
                    // Lists that it queued are seen from now on.
                    self.pace.add(run, 1, 0, true);
                    self.change(&kept.root, &kept.id, kept.version);
                }
            }
        }
    }

    /// Has runs follow their jobs, in transactions of their own, as long as announcements can wait. Before lists are folded:
    /// a run may be there only then.
    fn follow(&mut self, worker: &mut Worker) {
        let begun = Instant::now();
        while begun.elapsed() < FOLDING {
            let due = self.jobs.take(settings::worker_interval(), SLICE_OF_JOBS);
            if due.is_empty() {
                return;
            }
            let names: Vec<&str> = due.iter().map(|run| run.id.as_str()).collect();
            let followed = worker.transaction(|_| follow::follow(&names, Locking::Skip));
            let Some(followed) = followed else {
                self.failed = true;
                return;
            };
            let left: HashSet<&str> = followed.left.iter().map(String::as_str).collect();
            // All that was noted of the others was committed before they followed.
            for run in due.iter().filter(|run| !left.contains(run.id.as_str())) {
                self.jobs.folded(run);
            }
            for stored in &followed.stored {
                self.set_change(&stored.root, &stored.id, Some(stored.version));
            }
            if let Some(problem) = followed.problem {
                worker.report(problem);
            }
            if due.len() < SLICE_OF_JOBS {
                return;
            }
        }
    }

    /// Folds what is due, in transactions of their own, as long as announcements can wait.
    fn fold(&mut self, worker: &mut Worker) {
        let begun = Instant::now();
        while begun.elapsed() < FOLDING {
            let due = self.pace.take(settings::worker_interval(), RUNS);
            if due.is_empty() {
                return;
            }
            let full = due.len() == RUNS;
            let runs = due.into_iter().map(|run| (run.root, run.id)).collect();
            let horizon = &mut self.horizon;
            let folded = worker.transaction(|client| {
                let settled = horizon.advance(client)?;
                Ok((inbox::fold(runs)?, settled, process::transaction_id()))
            });
            let Some((folded, settled, transaction)) = folded else {
                self.failed = true;
                return;
            };
            // Of a run of which something was taken, all was.
            let taken = folded.iter().filter(|folded| folded.took_some());
            let taken: Vec<(String, String)> = taken
                .map(|folded| (folded.root.clone(), folded.id.clone()))
                .collect();
            floor::raise(self.horizon.file(), settled, transaction, &taken);
            for Folded { root, id, outcome } in folded {
                self.settle(worker, Run { root, id }, outcome);
            }
            if !full {
                return;
            }
        }
    }

    /// Notes what became of what waited for a run.
    fn settle(&mut self, worker: &mut Worker, run: Run, outcome: Outcome) {
        match outcome {
            Outcome::Folded { version, .. } => {
                // All that has been noted of the run was committed before it was folded.
                if self.pace.folded(&run) {
                    self.set_change(&run.root, &run.id, Some(version));
                }
            }
            Outcome::Gone { .. } => {
                self.pace.folded(&run);
            }
            Outcome::Skipped(None) => {}
            Outcome::Skipped(Some(reason)) => {
                worker.report(format!(
                    "lists for run \"{}\" could not be folded: {reason}",
                    run.id
                ));
            }
        }
    }

    fn announce(&mut self, worker: &mut Worker) {
        if !self.resync && !self.has_changes() && !worker.database.owes_resync() {
            return;
        }
        let (changed, resync) = (std::mem::take(&mut self.changed), self.resync);
        let streams = std::mem::take(&mut self.streams);
        let announced = worker.transaction(|_| {
            let runs = changed.iter().map(|(id, (root, version))| Item::Run {
                root,
                id,
                version: *version,
            });
            Ok(channel::announce(runs.chain(streams.items()), resync))
        });
        match announced {
            Some(true) => self.resync = false,
            Some(false) => {
                // Owed, and tried again in the next rounds.
                self.resync = true;
                self.failed = true;
                worker.report(
                    "the queue of notifications is full: changes are announced when there is room"
                        .to_owned(),
                );
            }
            None => {
                self.resync = true;
                self.failed = true;
            }
        }
    }
}

fn job(run: &str) -> Run {
    Run {
        root: String::new(),
        id: run.to_owned(),
    }
}
