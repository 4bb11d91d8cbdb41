//! When what waits for a run is folded.
//!
//! Folding writes the whole document once, however many lists wait. A small one is folded in each round. For a large one
//! lists come together first: one for every [`BYTES_A_LIST`] bytes of the document, so that folding adds about as many
//! bytes of WAL to each list; or an age that grows with the size, so that a plain SELECT is not far behind.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Bytes of a document for which one list comes together: a document of 220 kB is written once in 107 lists.
const BYTES_A_LIST: u32 = 2048;
/// For each of these bytes of its document, the oldest list waits an interval longer: for 220 kB half a second.
const BYTES_AN_INTERVAL: u32 = 8192;
/// Runs that are kept in mind. Beyond that the inbox is looked through again: 100 bytes and the ids for each.
const MAXIMUM_RUNS: usize = 50_000;
/// Of these, so many that were found by looking through. The others are left for those that are named as they come, which would wait
/// for all of a backlog otherwise.
const MAXIMUM_FOUND: usize = MAXIMUM_RUNS / 2;
/// A run that somebody has locked is tried again after as many intervals as it was tried before, but not more than this.
const MAXIMUM_PATIENCE: u32 = 10;
/// So many where each is tried alone: 2,000 runs that could not follow their jobs took a whole core.
const PATIENCE_OF_JOBS: u32 = 50;

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Run {
    /// The first run of its tree.
    pub root: String,
    /// Its id.
    pub id: String,
}

/// Runs for which something waits.
pub struct Pace {
    runs: HashMap<Run, Waiting>,
    overflowed: bool,
    patience: u32,
}

struct Waiting {
    lists: u32,
    size: u32,
    announced: bool,
    since: Instant,
    tries: u32,
    not_before: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            runs: HashMap::new(),
            overflowed: false,
            patience: MAXIMUM_PATIENCE,
        }
    }
}

impl Pace {
    /// Of runs that follow their jobs, each of which is tried alone.
    pub fn of_jobs() -> Self {
        Pace {
            patience: PATIENCE_OF_JOBS,
            ..Pace::default()
        }
    }

    /// Notes that lists wait for a run with a document of this size.
    pub fn add(&mut self, run: Run, lists: u32, size: u32, announced: bool) {
        self.add_up_to(MAXIMUM_RUNS, run, lists, size, announced);
    }

    /// Notes a run that was found by looking through all that waits.
    pub fn add_found(&mut self, run: Run, lists: u32) {
        self.add_up_to(MAXIMUM_FOUND, run, lists, 0, true);
    }

    fn add_up_to(&mut self, maximum: usize, run: Run, lists: u32, size: u32, announced: bool) {
        if self.runs.len() >= maximum && !self.runs.contains_key(&run) {
            self.overflowed = true;
            return;
        }
        let now = Instant::now();
        let waiting = self.runs.entry(run).or_insert(Waiting {
            lists: 0,
            size,
            announced: false,
            since: now,
            tries: 0,
            not_before: now,
        });
        waiting.lists = waiting.lists.saturating_add(lists);
        waiting.size = waiting.size.max(size);
        waiting.announced |= announced;
    }

    /// Returns runs that are to be folded now, at most this many, in the order in which they are locked. Each is kept until
    /// [`folded`](Self::folded) is called: somebody may have locked it.
    pub fn take(&mut self, interval: Duration, maximum: usize) -> Vec<Run> {
        let (now, patience) = (Instant::now(), self.patience);
        let due = self
            .runs
            .iter()
            .filter(|(_, waiting)| waiting.due(interval) <= now);
        // Those that were tried in vain come behind the others: 60,000 that waited for a parent kept new ones waiting for a minute.
        let mut due: Vec<_> = due
            .map(|(run, waiting)| (waiting.tries, waiting.due(interval), run))
            .collect();
        if due.len() > maximum {
            due.select_nth_unstable(maximum);
            due.truncate(maximum);
        }
        let mut due: Vec<Run> = due.into_iter().map(|(.., run)| run.clone()).collect();
        due.sort();
        for run in &due {
            if let Some(waiting) = self.runs.get_mut(run) {
                waiting.tries += 1;
                waiting.not_before = now + interval * waiting.tries.min(patience);
            }
        }
        due
    }

    /// Forgets a run, of which nothing waits any more. Returns whether its change is to be announced.
    pub fn folded(&mut self, run: &Run) -> bool {
        self.runs
            .remove(run)
            .is_some_and(|waiting| waiting.announced)
    }

    /// Returns how long it takes until a run is due. `None` if nothing waits.
    pub fn next(&self, interval: Duration) -> Option<Duration> {
        let due = self
            .runs
            .values()
            .map(|waiting| waiting.due(interval))
            .min()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// Returns true once after more runs came than are kept in mind, when some of them were folded.
    pub fn take_overflow(&mut self) -> bool {
        self.overflowed
            && self.runs.len() < MAXIMUM_FOUND / 2
            && std::mem::take(&mut self.overflowed)
    }
}

impl Waiting {
    fn due(&self, interval: Duration) -> Instant {
        let due = match self.lists > self.size / BYTES_A_LIST {
            true => self.since,
            false => self.since + interval * (self.size / BYTES_AN_INTERVAL),
        };
        due.max(self.not_before)
    }
}
