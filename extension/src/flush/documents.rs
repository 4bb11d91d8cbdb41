//! The documents of a flush: locking them all, applying the lists in order, storing what changed.

use std::collections::HashMap;

use pgrx::pg_sys::BuiltinOid::{INT8ARRAYOID, JSONBARRAYOID, TEXTARRAYOID};
use pgrx::spi::SpiClient;

use super::batch::List;
use crate::announce;
use crate::document::Draft;
use crate::document::unapplied_list;
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;
use crate::run::{Locked, check_open};
use crate::settings;
use crate::statement::Statement;

thread_local! {
    static LOCK: Statement = const { Statement::new(
        include_str!("sql/lock.sql"),
        &[TEXTARRAYOID],
    ) };
    static STORE: Statement = const { Statement::new(
        include_str!("sql/store.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, INT8ARRAYOID],
    ) };
}

/// What happened to a list, as `runmeta.flush` tells it.
pub struct Outcome {
    /// The word for it.
    pub word: &'static str,
    /// The document's version after the flush; `None` if there is no document.
    pub version: Option<i64>,
    /// Operations that were skipped; `None` if the list was refused.
    pub unapplied: Option<Jsonb<'static>>,
}

impl Outcome {
    /// Returns an outcome without a document.
    pub fn bare(word: &'static str) -> Self {
        Outcome {
            word,
            version: None,
            unapplied: None,
        }
    }

    /// Returns the word for the refusal of a whole list that has this name.
    pub fn refusal(name: &str) -> Option<&'static str> {
        ["too_large", "not_found", "closed"]
            .into_iter()
            .find(|word| *word == name)
    }
}

/// Applies each list to the document of the run at the same place of `targets`, and stores what changed.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn write(
    client: &mut SpiClient<'_>,
    lists: &[List<'_>],
    targets: &[Option<String>],
) -> Result<Vec<Outcome>, Refusal> {
    let runs = lock(client, targets)?;
    let positions: HashMap<&str, usize> = runs
        .iter()
        .enumerate()
        .map(|(position, run)| (run.id.as_str(), position))
        .collect();
    let position = |target: &Option<String>| positions.get(target.as_deref()?).copied();

    let limit = settings::maximum_size();
    let mut drafts: Vec<Draft<'_>> = runs
        .iter()
        .map(|run| Draft::new(&run.metadata, limit))
        .collect();
    for several in repeated(targets.iter().filter_map(position), runs.len()) {
        drafts[several].measure();
    }

    let mut outcomes = Vec::with_capacity(lists.len());
    for (list, target) in lists.iter().zip(targets) {
        let Some(position) = position(target) else {
            outcomes.push(Outcome::bare("not_found"));
            continue;
        };
        let run = &runs[position];
        if check_open(&run.id, run.finished_at).is_err() {
            outcomes.push(Outcome::bare("closed"));
            continue;
        }
        outcomes.push(match drafts[position].apply(&list.operations) {
            Ok(applied) => Outcome {
                word: if applied.changed {
                    "applied"
                } else {
                    "unchanged"
                },
                version: None,
                unapplied: (!applied.unapplied.is_empty())
                    .then(|| unapplied_list(&applied.unapplied)),
            },
            Err(_) => Outcome::bare("too_large"),
        });
    }

    let versions = store(client, &runs, drafts)?;
    for (outcome, target) in outcomes.iter_mut().zip(targets) {
        outcome.version = position(target).map(|position| versions[position]);
    }
    Ok(outcomes)
}

/// Locks the runs in the order of (root_id, id). Those that do not exist are left out.
fn lock(client: &mut SpiClient<'_>, targets: &[Option<String>]) -> Result<Vec<Locked>, Refusal> {
    let mut ids: Vec<&str> = targets.iter().flatten().map(String::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = LOCK.with(|statement| statement.run(client, &[ids.into()]))?;
    let mut runs = Vec::with_capacity(rows.len());
    while rows.next().is_some() {
        runs.push(Locked::read(&rows)?);
    }
    Ok(runs)
}

/// Bytes of documents in one statement, at most but for a single one. Postgres holds 1 GB in an array, and a batch
/// may concern more than that.
const SLICE: usize = 64 * 1024 * 1024;

/// Documents that are stored in one statement.
#[derive(Default)]
struct Slice<'a> {
    roots: Vec<&'a str>,
    ids: Vec<&'a str>,
    documents: Vec<Jsonb<'static>>,
    versions: Vec<i64>,
    bytes: usize,
}

impl<'a> Slice<'a> {
    fn add(&mut self, run: &'a Locked, document: Jsonb<'static>) {
        self.roots.push(&run.root);
        self.ids.push(&run.id);
        self.bytes += document.memory();
        self.documents.push(document);
        self.versions.push(run.version + 1);
    }

    fn store(self, client: &mut SpiClient<'_>) -> Result<(), Refusal> {
        let count = self.ids.len();
        if count == 0 {
            return Ok(());
        }
        for ((root, id), version) in self.roots.iter().zip(&self.ids).zip(&self.versions) {
            announce::changed(root, id, *version);
        }
        let arguments = [
            self.roots.into(),
            self.ids.into(),
            self.documents.into(),
            self.versions.into(),
        ];
        STORE.with(|statement| statement.store(client, &arguments, count))
    }
}

/// Stores the documents that changed, in one statement if they are not very large, and returns the version of each.
fn store(
    client: &mut SpiClient<'_>,
    runs: &[Locked],
    drafts: Vec<Draft<'_>>,
) -> Result<Vec<i64>, Refusal> {
    let mut versions = Vec::with_capacity(runs.len());
    let mut slice = Slice::default();
    for (run, draft) in runs.iter().zip(drafts) {
        let refuse = |error| Refusal::of_draft(error, &run.id, settings::maximum_size());
        match draft.finish().map_err(refuse)? {
            Some(document) => {
                if slice.bytes + document.memory() > SLICE {
                    std::mem::take(&mut slice).store(client)?;
                }
                slice.add(run, document);
                versions.push(run.version + 1);
            }
            None => versions.push(run.version),
        }
    }
    slice.store(client)?;
    Ok(versions)
}

/// Returns the positions below `count` that occur more than once.
fn repeated(positions: impl Iterator<Item = usize>, count: usize) -> impl Iterator<Item = usize> {
    let mut times = vec![0u32; count];
    for position in positions {
        times[position] += 1;
    }
    times
        .into_iter()
        .enumerate()
        .filter(|(_, times)| *times > 1)
        .map(|(position, _)| position)
}
