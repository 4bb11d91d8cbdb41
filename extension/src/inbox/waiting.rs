//! How much waits in the inbox for a run: counters in shared memory, by a hash of the run.
//!
//! A counter never shows less than what waits: it is raised before a list is inserted, and lowered when the transaction that
//! took it out has committed, or the one that inserted it has failed. Where it is 0, nobody has to look into the inbox. It
//! may show more, for instance because two runs share it, or after a prepared transaction was rolled back.
//!
//! The first worker of a database begins to count while lists come in that nobody has counted (`runmeta.inbox = on`): it sets
//! a flag, and then looks through the inbox. Whoever has inserted a list before the flag was set either has committed, and
//! the worker sees the list, or finds the flag when he has, and counts his own.
//!
//! Changes of jobs that wait for their runs are counted by the same rules, in counters of their own: see
//! [`follow::waiting`](crate::follow::waiting).

use std::collections::BTreeMap;
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicI64, AtomicU32,
    Ordering::{Acquire, Relaxed, Release},
};

use crate::layout;
use crate::process;
use crate::shared::{self, Segment};
use crate::transaction;

/// Counters of a kind: 64 kB, and one in 4,096 runs is taken for one that has waiting lists because another has.
const COUNTERS: usize = 4096;

/// The counters of a database. Zero everywhere is their beginning.
#[repr(C)]
pub struct Counters {
    /// Lists may wait that nobody has counted.
    incomplete: AtomicBool,
    /// Changes of jobs that wait for any run.
    jobs: AtomicI64,
    /// For lists, and behind them for changes of jobs.
    counters: [Counter; 2 * COUNTERS],
}

#[repr(C)]
struct Counter {
    lists: AtomicI32,
    /// The last transaction that took lists out.
    folded_by: AtomicU32,
    bytes: AtomicI64,
}

/// Lists and bytes that a transaction put into the inbox and took out, by counter.
#[derive(Default)]
pub struct Moved {
    added: BTreeMap<usize, (i32, i64)>,
    folded: BTreeMap<usize, (i32, i64)>,
    /// What was put in when nobody counted.
    uncounted: BTreeMap<usize, (i32, i64)>,
}

/// Returns true if what waits is counted in shared memory.
pub fn is_counted() -> bool {
    segment().is_some()
}

/// Returns false if nothing waits for a run that a statement which begins now would see. In a transaction with one snapshot
/// that may be an old one.
pub fn waits(id: &str) -> bool {
    match segment() {
        _ if layout::is_distributed() => false,
        Some(_) if process::has_one_snapshot() => waits_for_reader(id),
        Some(segment) => segment.counters.shows(index(id)),
        None => true,
    }
}

/// Returns false if nothing waits for a run that the snapshot of the statement sees. A list that was taken out after that
/// snapshot is still there for it.
pub fn waits_for_reader(id: &str) -> bool {
    if layout::is_distributed() {
        return false;
    }
    let Some(segment) = segment() else {
        return true;
    };
    let index = index(id);
    segment.counters.shows(index)
        || !process::precedes_snapshot(segment.counters.counters[index].folded_by.load(Relaxed))
}

/// Returns how many lists wait for a run and how many bytes they add to its document, at the most. `None` if nobody counts.
pub fn now(id: &str) -> Option<(usize, usize)> {
    let segment = segment()?;
    let counter = &segment.counters.counters[index(id)];
    let lists = usize::try_from(counter.lists.load(Relaxed)).unwrap_or(0);
    let bytes = usize::try_from(counter.bytes.load(Relaxed)).unwrap_or(0);
    Some((lists, bytes))
}

/// Counts lists, before they are inserted.
pub fn add(id: &str, lists: usize, bytes: usize) {
    count(index(id), amount(lists, bytes));
}

/// Counts lists no more that are not inserted after all, in the transaction that counted them.
pub fn withdraw(id: &str, lists: usize, bytes: usize) {
    let (lists, bytes) = amount(lists, bytes);
    count(index(id), (-lists, -bytes));
}

/// Returns false if no change of a job waits for any run.
pub fn any_job() -> bool {
    segment().is_none_or(|segment| {
        let counters = &segment.counters;
        counters.jobs.load(Acquire) != 0 || counters.incomplete.load(Acquire)
    })
}

/// Returns false if no change of its job waits for a run.
pub fn job_waits(id: &str) -> bool {
    segment().is_none_or(|segment| segment.counters.shows(job_index(id)))
}

/// Returns how many changes of its job wait for a run, at the most; 0 if nobody counts.
pub fn jobs_of(id: &str) -> usize {
    let lists = |segment: &Segment| segment.counters.counters[job_index(id)].lists.load(Relaxed);
    segment().map_or(0, |segment| usize::try_from(lists(segment)).unwrap_or(0))
}

/// Counts a change of a job, before it is recorded.
pub fn add_job(id: &str) {
    count(job_index(id), (1, 0));
}

/// Counts changes of jobs that were taken. It takes effect when the transaction commits.
pub fn followed(id: &str, changes: usize) {
    take_out(job_index(id), amount(changes, 0));
}

fn count(index: usize, amount: (i32, i64)) {
    match counting() {
        Some(segment) => {
            segment.counters.add(index, amount);
            transaction::note(|level| sum(&mut level.moved.added, index, amount));
        }
        None => transaction::note(|level| sum(&mut level.moved.uncounted, index, amount)),
    }
}

/// Counts lists that were taken out. It takes effect when the transaction commits.
pub fn folded(id: &str, lists: usize, bytes: usize) {
    take_out(index(id), amount(lists, bytes));
}

fn take_out(index: usize, amount: (i32, i64)) {
    if segment().is_some() {
        transaction::note(|level| sum(&mut level.moved.folded, index, amount));
    }
}

impl Counters {
    /// Begins to count. A snapshot that is older than this transaction may see lists that were taken out before.
    pub fn begin(&self, transaction: u32) {
        for counter in &self.counters {
            counter.folded_by.store(transaction, Relaxed);
        }
    }

    /// Notes that lists may wait that nobody has counted.
    pub fn set_incomplete(&self) {
        self.incomplete.store(true, Release);
    }

    /// Counts lists that were found in the inbox, unless it shows that some wait for the run.
    pub fn find(&self, id: &str, lists: usize, bytes: usize) {
        if !self.shows(index(id)) {
            self.found(id, lists, bytes);
        }
    }

    /// Counts lists that were found in the inbox.
    pub fn found(&self, id: &str, lists: usize, bytes: usize) {
        self.add(index(id), amount(lists, bytes));
    }

    /// Counts changes of jobs that were found, unless it shows that some wait for the run.
    pub fn find_jobs(&self, id: &str, changes: usize) {
        if !self.shows(job_index(id)) {
            self.found_jobs(id, changes);
        }
    }

    /// Counts changes of jobs that were found.
    pub fn found_jobs(&self, id: &str, changes: usize) {
        self.add(job_index(id), amount(changes, 0));
    }

    fn shows(&self, index: usize) -> bool {
        self.counters[index].lists.load(Acquire) != 0 || self.incomplete.load(Acquire)
    }

    fn add(&self, index: usize, (lists, bytes): (i32, i64)) {
        if index >= COUNTERS {
            self.jobs.fetch_add(i64::from(lists), Release);
        }
        self.counters[index].bytes.fetch_add(bytes, Relaxed);
        self.counters[index].lists.fetch_add(lists, Release);
    }
}

impl Moved {
    /// Takes over what a subtransaction moved that committed.
    pub fn extend(&mut self, inner: Moved) {
        for (all, part) in [
            (&mut self.added, inner.added),
            (&mut self.folded, inner.folded),
            (&mut self.uncounted, inner.uncounted),
        ] {
            let part = part.into_iter();
            part.for_each(|(index, amount)| sum(all, index, amount));
        }
    }

    /// Counts what was put in when nobody counted, if somebody does now. Called when the transaction has committed or was
    /// prepared.
    pub fn count(&mut self) {
        let uncounted = std::mem::take(&mut self.uncounted);
        if let Some(segment) = counting().filter(|_| !uncounted.is_empty()) {
            for (index, amount) in uncounted {
                segment.counters.add(index, amount);
            }
        }
    }

    /// Lowers the counters by what was taken out.
    pub fn commit(mut self) {
        self.count();
        let Some(segment) = segment().filter(|_| !self.folded.is_empty()) else {
            return;
        };
        let transaction = process::transaction_id();
        for (index, (lists, bytes)) in self.folded {
            let counter = &segment.counters.counters[index];
            let mut last = counter.folded_by.load(Relaxed);
            while process::precedes(last, transaction) {
                match counter
                    .folded_by
                    .compare_exchange(last, transaction, Relaxed, Relaxed)
                {
                    Ok(_) => break,
                    Err(now) => last = now,
                }
            }
            segment.counters.add(index, (-lists, -bytes));
            let left = segment.counters.counters[index].lists.load(Relaxed);
            if left < 0 && index >= COUNTERS {
                // Writers may record changes that nobody has counted, and must not slow down all others by that.
                segment.counters.add(index, (-left, 0));
            } else if left < 0 {
                // Rows that nobody counted were among them: a restore or a replica has put them there.
                segment.counters.set_incomplete();
            }
        }
    }

    /// Lowers the counters by what was put in.
    pub fn abort(self) {
        if let Some(segment) = counting() {
            for (index, (lists, bytes)) in self.added {
                segment.counters.add(index, (-lists, -bytes));
            }
        }
    }
}

/// Returns the segment of the session's database, once its counters are complete.
pub(super) fn segment() -> Option<&'static Segment> {
    counting().filter(|segment| segment.is_ready())
}

/// Returns the segment of the session's database, once lists are counted.
fn counting() -> Option<&'static Segment> {
    let database = shared::database(process::database())?;
    shared::attached(database).filter(|segment| segment.is_counting())
}

fn amount(lists: usize, bytes: usize) -> (i32, i64) {
    (
        i32::try_from(lists).unwrap_or(i32::MAX),
        i64::try_from(bytes).unwrap_or(i64::MAX),
    )
}

fn sum(of: &mut BTreeMap<usize, (i32, i64)>, index: usize, (lists, bytes): (i32, i64)) {
    let (all_lists, all_bytes) = of.entry(index).or_default();
    *all_lists = all_lists.saturating_add(lists);
    *all_bytes = all_bytes.saturating_add(bytes);
}

/// Returns the counter of a run, by its id alone, which some callers know without the root: FNV-1a, which is the same in
/// every build of the library.
pub(super) fn index(id: &str) -> usize {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash ^ (hash >> 32)) as usize % COUNTERS
}

/// Returns the counter of the changes of a run's job.
fn job_index(id: &str) -> usize {
    COUNTERS + index(id)
}
