//! Some of the runs of a flush: how many are taken at a time, and the way by which their rows are locked and read by one
//! statement and stored by another. [`update`](super::update) does all of that in one.
//!
//! A batch may be for more documents than fit into memory, so it is worked off in slices, in the order of the ids. Of a
//! slice only the rows as they are stored are held (documents over 2 kB are elsewhere, in TOAST), one document, and the
//! new versions of a few.

use pgrx::pg_sys::BuiltinOid::{
    INT4ARRAYOID, INT8ARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID,
};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use crate::announce;
use crate::document::Changed;
use crate::inbox::{self, Applied, Taken};
use crate::jsonb::{Jsonb, check_for_interrupts};
use crate::refusal::Refusal;
use crate::run::Locked;
use crate::statement::Statement;

thread_local! {
    static LOCK: Statement = const { Statement::new(
        include_str!("sql/lock.sql"),
        &[TEXTARRAYOID],
    ) };
    static STORE: Statement = const { Statement::new(
        include_str!("sql/store.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID, INT4ARRAYOID],
    ) };
}

/// Runs that one statement locks: the budget of a flush is measured with as many. Their rows may have 8 kB each.
pub const RUNS: usize = 1000;

/// Bytes of documents that one statement stores, but for a single larger one. Postgres holds about four copies of them:
/// 4,000 documents of 262 kB took 18 MB beside the bare session.
const BYTES: usize = 2 * 1024 * 1024;

/// Locks the runs in the order of their ids and calls `visit` with each that exists.
///
/// # Errors
///
/// Those of `visit`. Errors of Postgres are raised.
pub fn lock(
    client: &mut SpiClient<'_>,
    ids: Vec<&str>,
    mut visit: impl FnMut(Locked) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut rows = LOCK.with(|statement| statement.run(client, &[ids.into()]))?;
    while rows.next().is_some() {
        check_for_interrupts();
        visit(Locked::read(&rows)?)?;
    }
    Ok(())
}

/// Locks the runs in the order of their ids, and calls `visit` with each that exists and what waited for it.
///
/// # Errors
///
/// As [`lock`].
pub fn lock_and_take(
    client: &mut SpiClient<'_>,
    ids: Vec<&str>,
    mut visit: impl FnMut(Locked, Taken) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut rows = LOCK.with(|statement| statement.run(client, &[ids.into()]))?;
    let mut names = Vec::with_capacity(rows.len());
    while rows.next().is_some() {
        let (root, id) = rows.get_two::<String, String>()?;
        names.push((root.unwrap_or_default(), id.unwrap_or_default()));
    }
    let names: Vec<(&str, &str)> = names.iter().map(|(root, id)| (&**root, &**id)).collect();
    let may_wait = inbox::may_wait(client, &names)?;
    let mut rows = rows.rewind();
    for may_wait in may_wait {
        check_for_interrupts();
        rows.next();
        let locked = Locked::read(&rows)?;
        // In a connection of its own, whose rows are freed with it.
        let taken = match may_wait {
            true => Spi::connect_mut(|client| inbox::take_one(client, &locked.root, &locked.id))?,
            false => Taken::default(),
        };
        visit(locked, taken)?;
    }
    Ok(())
}

/// New versions of documents that are not stored yet.
pub struct Unstored {
    roots: Vec<String>,
    ids: Vec<String>,
    documents: Vec<Option<Jsonb<'static>>>,
    bounds: Vec<Option<i32>>,
    versions: Vec<i64>,
    folded: Vec<Applied>,
    bytes: usize,
    now: TimestampWithTimeZone,
}

impl Unstored {
    /// Makes an empty collection. Its documents are stored as changed at this time.
    pub fn new(now: TimestampWithTimeZone) -> Self {
        Unstored {
            roots: Vec::new(),
            ids: Vec::new(),
            documents: Vec::new(),
            bounds: Vec::new(),
            versions: Vec::new(),
            folded: Vec::new(),
            bytes: 0,
            now,
        }
    }

    /// Adds a version of a run and its document, if that changed, and what was folded. Stores what there is before that,
    /// if it were too much otherwise.
    ///
    /// # Errors
    ///
    /// As [`store`](Self::store).
    pub fn add(
        &mut self,
        run: Locked,
        changed: Option<Changed>,
        version: i64,
        folded: Applied,
    ) -> Result<(), Refusal> {
        let (metadata, bound) = match changed {
            Some(changed) => (Some(changed.metadata), Some(changed.bound)),
            None => (None, None),
        };
        let bytes = metadata.as_ref().map_or(0, Jsonb::memory);
        if self.bytes + bytes > BYTES {
            self.store()?;
        }
        self.bytes += bytes;
        self.roots.push(run.root);
        self.ids.push(run.id);
        self.documents.push(metadata);
        self.bounds.push(bound);
        self.versions.push(version);
        self.folded.push(folded);
        Ok(())
    }

    /// Stores what was added, in one statement, and has it announced.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotStored`]. Errors of Postgres are raised.
    pub fn store(&mut self) -> Result<(), Refusal> {
        let count = self.ids.len();
        if count == 0 {
            return Ok(());
        }
        let added = std::mem::replace(self, Unstored::new(self.now));
        for ((root, id), version) in added.roots.iter().zip(&added.ids).zip(&added.versions) {
            announce::changed(root, id, *version);
        }
        // A connection of its own, in which the arguments are made: they are freed with it.
        Spi::connect_mut(|client| {
            let arguments = [
                added.roots.into(),
                added.ids.into(),
                added.documents.into(),
                added.versions.into(),
                added.now.into(),
                added.bounds.into(),
            ];
            STORE.with(|statement| statement.store(client, &arguments, count))?;
            added
                .folded
                .into_iter()
                .try_for_each(|folded| folded.settle(client))
        })
    }
}
