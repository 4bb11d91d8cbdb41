//! Notifying listeners of what changed: each run once per transaction, with its last version, and each stream, with its
//! last chunk.
//!
//! - While a worker lives, a transaction that has committed puts its changes into the [outbox](crate::outbox), and the
//!   worker notifies.
//! - Otherwise, and where `runmeta.notify` is `commit`, the transaction notifies when it commits.
//!
//! [`channel`] notifies, [`payload`] writes what is sent.

pub mod channel;
pub mod payload;

pub use payload::Item;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::btree_map;

use pgrx::spi::SpiClient;

use crate::follow::Noted;
use crate::outbox::{Entry, RunEntry, StreamEntry, Streams, entries, prepared};
use crate::owner::AsOwner;
use crate::refusal::Refusal;
use crate::settings::{self, Notify};
use crate::transaction;
use crate::worker;

/// Runs and streams that a transaction announces one by one. Beyond that it announces `{"resync":true}`: reading everything again is
/// less work for a listener than so many runs, and the memory of a transaction is bounded: 12 MB with the longest ids.
pub const MAXIMUM_RUNS: usize = 10_000;

thread_local! {
    /// What the transaction that is about to commit puts into the outbox.
    static COMMITTING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// The transaction has taken changes of others out of the outbox, which it announces.
    static TAKEN: Cell<bool> = const { Cell::new(false) };
}

/// Runs and streams that changed in a transaction or subtransaction.
#[derive(Default)]
pub struct Changes {
    runs: BTreeMap<String, Change>,
    streams: Streams,
    /// Too much changed to be named; the others are empty.
    resync: bool,
}

/// How a run changed.
pub struct Change {
    /// The first run of its tree.
    pub root: String,
    /// Its version; `None` if it is not known, because lists wait.
    pub version: Option<i64>,
    announced: bool,
    /// A list waits in the inbox. Bytes that the document has.
    queued: Option<u32>,
}

/// Notes that a run changed, to be announced when the transaction commits.
pub fn changed(root: &str, id: &str, version: i64) {
    if settings::notify() != Notify::Off {
        note(root, id, Some(version), None);
    }
}

/// Notes that a run was deleted. Without a version, listeners read, and find it gone.
pub fn deleted(root: &str, id: &str) {
    if settings::notify() != Notify::Off {
        note(root, id, None, None);
    }
}

/// Notes that so many runs were deleted that listeners have less work with reading everything again.
pub fn deleted_many() {
    if settings::notify() != Notify::Off {
        transaction::note(|level| level.changes.ask_to_resync());
    }
}

/// Notes that a stream was appended to or closed, to be announced when the transaction commits.
pub fn streamed(change: &StreamEntry<'_>) {
    if settings::notify() != Notify::Off {
        note_stream(change);
    }
}

fn note_stream(change: &StreamEntry<'_>) {
    transaction::note(|level| level.changes.add_stream(change));
}

/// Notes that a list for a run was put into the inbox. Its document has this many bytes.
pub fn queued(root: &str, id: &str, size: usize) {
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    note(root, id, None, Some(size));
}

fn note(root: &str, id: &str, version: Option<i64>, queued: Option<u32>) {
    let change = Change {
        root: root.to_owned(),
        version,
        // What is folded gets a version, and another session may announce the one before it: each fold is announced.
        announced: settings::notify() != Notify::Off || queued.is_some(),
        queued,
    };
    transaction::note(|level| level.changes.add(id.to_owned(), change));
}

impl Changes {
    fn add(&mut self, id: String, change: Change) {
        if self.resync {
            return;
        }
        match self.runs.entry(id) {
            btree_map::Entry::Occupied(known) => known.into_mut().extend(change),
            btree_map::Entry::Vacant(place) => {
                place.insert(change);
            }
        }
        self.bound();
    }

    fn add_stream(&mut self, change: &StreamEntry<'_>) {
        if !self.resync {
            self.streams.add(change);
            self.bound();
        }
    }

    fn ask_to_resync(&mut self) {
        self.resync = true;
        self.bound();
    }

    /// Takes over the changes of a subtransaction that committed.
    pub fn extend(&mut self, inner: Changes) {
        if self.is_empty() {
            *self = inner;
            return;
        }
        self.resync |= inner.resync;
        for (id, change) in inner.runs {
            self.add(id, change);
        }
        if !self.resync {
            self.streams.extend(inner.streams);
        }
        self.bound();
    }

    fn bound(&mut self) {
        self.resync |= self.runs.len() + self.streams.len() > MAXIMUM_RUNS;
        if self.resync {
            self.runs = BTreeMap::new();
            self.streams.clear();
        }
    }

    fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.streams.is_empty() && !self.resync
    }
}

impl Change {
    /// Takes over a later change of the same run. A trigger on the run may have written it again, and noted that before
    /// the write that woke it, so the greater version counts.
    fn extend(&mut self, later: Change) {
        self.version = match (self.version, later.version) {
            (Some(known), Some(later)) => Some(known.max(later)),
            _ => None,
        };
        self.announced |= later.announced;
        self.queued = self.queued.max(later.queued);
    }
}

/// Notifies, or prepares what is put into the outbox once the transaction has committed.
pub fn before_commit(changes: Changes, jobs: &Noted) {
    if changes.is_empty() && jobs.is_empty() {
        return;
    }
    let by_worker = worker::serves();
    if by_worker && changes.resync {
        // An entry for no run: see `worker::lose`.
        COMMITTING.set(vec![0]);
        return;
    }
    let (resync, streams) = (changes.resync, changes.streams);
    let mut entries = Vec::new();
    for (id, change) in &changes.runs {
        if by_worker || change.queued.is_some() {
            let entry = Entry::Run(RunEntry {
                root: &change.root,
                id,
                version: change.version,
                announced: change.announced && by_worker,
                queued: change.queued,
            });
            entry.write(&mut entries);
        }
    }
    if by_worker {
        let streams = streams.entries().map(Entry::Stream);
        streams.for_each(|entry| entry.write(&mut entries));
    }
    jobs.runs()
        .for_each(|run| Entry::Job(run).write(&mut entries));
    COMMITTING.set(entries);
    if !by_worker && settings::notify() != Notify::Off {
        let announced = changes.runs.iter().filter(|(_, change)| change.announced);
        let runs = announced.map(|(id, change)| Item::Run {
            root: &change.root,
            id,
            version: change.version,
        });
        channel::announce(runs.chain(streams.items()), resync);
    }
}

/// Puts what was prepared into the outbox. Raises no error.
pub fn after_commit() {
    channel::settle(true);
    TAKEN.set(false);
    let entries = COMMITTING.take();
    match entries.as_slice() {
        [] => {}
        [0] => worker::lose(),
        entries => worker::hand_over(entries),
    }
}

/// Writes the changes of a transaction that is about to be prepared into a table, from which the worker announces them when
/// it has committed. Without a worker, a transaction that has something to announce cannot be prepared.
pub fn before_prepare(changes: Changes, jobs: &Noted) {
    if !jobs.is_empty() {
        prepared::expect();
    }
    if changes.is_empty() {
        return;
    }
    // What was only queued is announced when it is folded.
    let direct = |change: &Change| change.announced && change.queued.is_none();
    let announced =
        changes.resync || !changes.streams.is_empty() || changes.runs.values().any(direct);
    if announced && !worker::serves() {
        Refusal::Prepared.raise();
    }
    prepared::keep(&changes.runs, &changes.streams, changes.resync);
}

/// Has the worker announce the changes of the transaction, which was prepared, when it is committed.
pub fn after_prepare() {
    prepared::after_prepare();
    forget();
}

/// Forgets what was to be announced: the transaction did not commit.
pub fn forget() {
    channel::settle(false);
    prepared::forget();
    COMMITTING.take();
    if TAKEN.take() {
        worker::lose();
    }
}

/// Has everything announced anew if the part of the transaction that is taken back may have taken changes of others out of
/// the outbox.
pub fn forget_part() {
    if TAKEN.take() {
        worker::lose();
    }
}

/// Has this transaction announce what is not announced yet: changes of at most so many prepared transactions that have
/// committed, and where no worker lives, all that it left in the outbox. Returns the number of runs and streams.
///
/// # Errors
///
/// [`Refusal::NotMigrated`]; errors of Postgres are raised.
pub fn deliver(client: &mut SpiClient<'_>, limit: i32) -> Result<i64, Refusal> {
    let kept = {
        let _owner = AsOwner::of_outbox()?;
        prepared::take(client, limit)?
    };
    let mut count = kept.len();
    for kept in kept {
        match (kept.root.is_empty(), kept.stream()) {
            (true, _) => transaction::note(|level| level.changes.ask_to_resync()),
            (false, Some(stream)) => note_stream(&stream),
            (false, None) => note(&kept.root, &kept.id, kept.version, None),
        }
    }
    if let Some((bytes, lost)) = worker::take_over() {
        TAKEN.set(true);
        if lost {
            transaction::note(|level| level.changes.ask_to_resync());
        }
        for entry in entries(&bytes) {
            match entry {
                Entry::Run(run) if run.announced => note(run.root, run.id, run.version, None),
                // A worker that begins looks for all jobs that changed.
                Entry::Run(_) | Entry::Job(_) => continue,
                Entry::Stream(stream) => note_stream(&stream),
            }
            count += 1;
        }
    }
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}
