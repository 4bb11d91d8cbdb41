//! Folding: what waits for runs is applied to their documents, many runs in one go.
//!
//! Runs that somebody else has locked are left out: he folds what waits, or the next fold does. So no fold waits for a run,
//! and the order in which runs are locked, that of (root_id, id), makes no circle with a flush, which goes by id. A slice of
//! runs is locked by one statement and stored by another, in a subtransaction. If that fails, each run of the slice is tried alone, so that a run that cannot be stored (a trigger
//! leaves it out, its document is damaged) keeps its lists and stops no other. Of a run that cannot be stored with what waits
//! for it, because a constraint, an index or a trigger refuses the document, the lists to blame become unapplied:
//! otherwise nobody could write the run any more, since every write folds first.
//!
//! Of a slice only the rows as they are stored are held, with one document, what waits for it, and the new versions of a
//! few.

use pgrx::pg_sys::BuiltinOid::{INT4OID, TEXTARRAYOID, TEXTOID};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError};

use super::take::{NO_FIT, REFUSED, Taken, ids, take_all, take_one, take_orphans, take_part};
use crate::contract;
use crate::document::Draft;
use crate::jsonb::check_for_interrupts;
use crate::layout;
use crate::owner::{AsOwner, sees_some_runs_only};
use crate::refusal::Refusal;
use crate::run::{Locked, Unstored, read_document};
use crate::settings;
use crate::statement::Statement;
use crate::subtransaction::{self, Failure};

thread_local! {
    static LOCK: Statement = const { Statement::new(
        include_str!("sql/lock.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static NEXT_RUNS: Statement = const { Statement::new(
        include_str!("sql/next_runs.sql"),
        &[TEXTOID, TEXTOID, INT4OID],
    ) };
}

/// Runs that one statement locks. Their rows may have 8 kB each.
const SLICE: usize = 256;

/// Lists of a run that one fold finds out to be refused. Each costs as much as to store the document a dozen times. A guess.
const REFUSALS: usize = 64;

/// What became of the lists that wait for a run.
pub struct Folded {
    /// The first run of its tree.
    pub root: String,
    /// Its id.
    pub id: String,
    /// What became of them.
    pub outcome: Outcome,
}

impl Folded {
    /// Returns true if lists were taken out.
    pub fn took_some(&self) -> bool {
        match self.outcome {
            Outcome::Folded { lists, .. } | Outcome::Gone { lists } => lists > 0,
            Outcome::Skipped(_) => false,
        }
    }
}

/// What became of the lists that wait for a run.
pub enum Outcome {
    /// They are in its document, so many.
    Folded {
        /// The run's version now.
        version: i64,
        /// The lists.
        lists: usize,
    },
    /// They wait on: somebody else has locked the run, row-level security hides it from the current role, or it could
    /// not be stored, for this reason.
    Skipped(Option<String>),
    /// There is no such run. The lists are gone, and kept as unapplied.
    Gone {
        /// The lists.
        lists: usize,
    },
}

/// Folds what waits for these runs, given as (root_id, id).
///
/// # Errors
///
/// Errors of Postgres are raised where they concern no single run.
pub fn fold(mut runs: Vec<(String, String)>) -> Result<Vec<Folded>, Refusal> {
    runs.sort_unstable();
    runs.dedup();
    let mut folded = Vec::with_capacity(runs.len());
    for slice in runs.chunks(SLICE) {
        match subtransaction::run(|| fold_slice(slice)) {
            Ok(slice) => folded.extend(slice),
            Err(_) => folded.extend(slice.iter().flat_map(fold_alone)),
        }
    }
    Ok(folded)
}

fn fold_alone(run: &(String, String)) -> Vec<Folded> {
    check_for_interrupts();
    let failure = match subtransaction::run(|| fold_slice(std::slice::from_ref(run))) {
        Ok(folded) => return folded,
        Err(failure) => failure,
    };
    let outcome = match failure.may_be_of_values() {
        true => fold_in_parts(run),
        false => Err(failure),
    };
    vec![Folded {
        root: run.0.clone(),
        id: run.1.clone(),
        outcome: outcome.unwrap_or_else(|failure| Outcome::Skipped(Some(failure.message))),
    }]
}

/// Folds what waits for a run that cannot be stored with all of it. Of lists that fail together, each half is tried, down
/// to the single list. One that fails is unapplied, unless the run cannot be stored without it either.
fn fold_in_parts(run: &(String, String)) -> Result<Outcome, Failure> {
    // One statement that sees all that was committed when the fold began, as `floor` has it of a run of which lists were
    // taken.
    let ids = subtransaction::run(|| Spi::connect_mut(|client| ids(client, &run.0, &run.1)))?;
    let mut parts: Vec<&[i64]> = halves(&ids).collect();
    let (mut outcome, mut all, mut refused) = (Outcome::Skipped(None), 0, 0);
    while let Some(part) = parts.pop() {
        check_for_interrupts();
        contract::refused::take_last();
        let folded = match subtransaction::run(|| fold_part(run, part, None)) {
            Ok(folded) => folded,
            Err(failure) if !failure.may_be_of_values() => return Err(failure),
            Err(_) if part.len() > 1 => {
                parts.extend(halves(part));
                continue;
            }
            Err(failure) if refused == REFUSALS => return Err(failure),
            Err(failure) => {
                refused += 1;
                let refused = Refused::of(&failure);
                subtransaction::run(|| fold_part(run, part, Some(&refused)))?
            }
        };
        match folded {
            Outcome::Folded { version, lists } => {
                all += lists;
                outcome = Outcome::Folded {
                    version,
                    lists: all,
                };
            }
            other => return Ok(other),
        }
    }
    Ok(outcome)
}

/// Returns the second half and the first, or the only list.
fn halves(part: &[i64]) -> impl Iterator<Item = &[i64]> {
    part.chunks(part.len().div_ceil(2).max(1)).rev()
}

/// Why a list is refused.
struct Refused {
    reason: &'static str,
    detail: String,
}

impl Refused {
    fn of(failure: &Failure) -> Self {
        match contract::refused::take_last() {
            // Names places and not values.
            Some(detail) if failure.is_check() => Refused {
                reason: NO_FIT,
                detail,
            },
            // The message may have values of the document, which not everybody who reads the table may see.
            _ => Refused {
                reason: REFUSED,
                detail: format!(
                    "the document was refused with SQLSTATE {}",
                    failure.sqlstate()
                ),
            },
        }
    }
}

/// Applies a part of what waits for a run, or keeps it as refused, with this detail.
fn fold_part(
    run: &(String, String),
    part: &[i64],
    refused: Option<&Refused>,
) -> Result<Outcome, Refusal> {
    Spi::connect_mut(|client| {
        let arguments = [vec![run.0.as_str()].into(), vec![run.1.as_str()].into()];
        let mut rows = LOCK.with(|statement| statement.run(client, &arguments))?;
        if rows.next().is_none() {
            return Ok(Outcome::Skipped(None));
        }
        let run = Locked::read(&rows)?;
        let taken = take_part(client, &run.root, &run.id, part)?;
        if taken.is_empty() {
            return Ok(Outcome::Folded {
                version: run.version,
                lists: 0,
            });
        }
        let mut unstored = Unstored::default();
        let version = match refused {
            None => apply(run, &taken, &mut unstored)?,
            Some(Refused { reason, detail }) => {
                let applied = taken.refused(run.created_at, reason, detail);
                let version = next_version(&run.id, run.version, applied.count)?;
                unstored.add(run, None, version, applied)?;
                version
            }
        };
        unstored.store()?;
        Ok(Outcome::Folded {
            version,
            lists: taken.len(),
        })
    })
}

fn fold_slice(runs: &[(String, String)]) -> Result<Vec<Folded>, Refusal> {
    let mut outcomes: Vec<Option<Outcome>> = runs.iter().map(|_| None).collect();
    Spi::connect_mut(|client| {
        let (roots, ids): (Vec<&str>, Vec<&str>) = runs
            .iter()
            .map(|(root, id)| (root.as_str(), id.as_str()))
            .unzip();
        let mut rows = LOCK.with(|statement| statement.run(client, &[roots.into(), ids.into()]))?;
        let mut unstored = Unstored::default();
        while rows.next().is_some() {
            check_for_interrupts();
            let required = || Refusal::Query(SpiError::InvalidPosition);
            let run = (
                rows.get::<String>(1)?.ok_or_else(required)?,
                rows.get::<String>(2)?.ok_or_else(required)?,
            );
            // In a connection of its own, whose rows are freed with it.
            let taken = Spi::connect_mut(|client| take_all(client, &run.0, &run.1))?;
            let version = match taken.is_empty() {
                true => rows.get(4)?.ok_or_else(required)?,
                false => apply(Locked::read(&rows)?, &taken, &mut unstored)?,
            };
            if let Ok(position) = runs.binary_search(&run) {
                let lists = taken.len();
                outcomes[position] = Some(Outcome::Folded { version, lists });
            }
        }
        unstored.store()
    })?;
    runs.iter()
        .zip(outcomes)
        .map(|((root, id), outcome)| {
            let outcome = outcome.map_or_else(|| gone(root, id), Ok)?;
            Ok(Folded {
                root: root.clone(),
                id: id.clone(),
                outcome,
            })
        })
        .collect()
}

/// Applies what waited for a run, whose document is then to be stored. Returns the run's version then.
fn apply(run: Locked, taken: &Taken, unstored: &mut Unstored) -> Result<i64, Refusal> {
    let limit = settings::maximum_size();
    let mut draft = Draft::new(&run.metadata, limit, run.size_bound);
    let applied = taken.apply(&mut draft, run.created_at)?;
    let changed = draft
        .finish()
        .map_err(|error| Refusal::of_draft(error, &run.id, limit))?;
    let version = next_version(&run.id, run.version, applied.count)?;
    unstored.add(run, changed, version, applied)?;
    Ok(version)
}

/// Returns the version that a run has when so many lists are folded.
fn next_version(id: &str, version: i64, lists: i64) -> Result<i64, Refusal> {
    let last = || Refusal::LastVersion { run: id.to_owned() };
    version.checked_add(lists).ok_or_else(last)
}

/// Decides about a run that could not be locked. Lists wait only for a run that their transaction saw, so that a
/// snapshot that shows them and no such run shows that it was deleted since.
fn gone(root: &str, id: &str) -> Result<Outcome, Refusal> {
    let hidden = {
        let _owner = AsOwner::of_inbox()?;
        sees_some_runs_only()
    };
    if hidden {
        return Ok(Outcome::Skipped(None));
    }
    Spi::connect_mut(|client| {
        let taken = take_orphans(client, root, id)?;
        if taken.is_empty() {
            return Ok(Outcome::Skipped(None));
        }
        let applied = taken.without_run();
        let lists = applied.taken;
        applied.settle(client)?;
        Ok(Outcome::Gone { lists })
    })
}

/// Folds what waits for a run that the caller has locked, and returns its version then.
///
/// # Errors
///
/// [`Refusal::LastVersion`], [`Refusal::NotStored`]. Errors of Postgres are raised.
pub fn fold_locked(
    client: &mut SpiClient<'_>,
    root: &str,
    id: &str,
    version: i64,
) -> Result<i64, Refusal> {
    let taken = take_one(client, root, id)?;
    if taken.is_empty() {
        return Ok(version);
    }
    let document = read_document(client, root, id)?;
    let run = Locked {
        root: root.to_owned(),
        id: id.to_owned(),
        metadata: document.metadata,
        version,
        finished_at: None,
        created_at: document.created_at,
        size_bound: document.size_bound,
    };
    let mut unstored = Unstored::default();
    let version = apply(run, &taken, &mut unstored)?;
    unstored.store()?;
    Ok(version)
}

/// Folds what waits for at most so many runs, in the order of (root_id, id), and returns the number of lists.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn fold_some(max_runs: usize) -> Result<i64, Refusal> {
    if layout::is_distributed() {
        return Ok(0);
    }
    let (mut left, mut lists) = (max_runs, 0);
    let mut after = (String::new(), String::new());
    while left > 0 {
        let runs = Spi::connect_mut(|client| next_runs(client, &after, left.min(SLICE)))?;
        let Some(last) = runs.last() else {
            break;
        };
        after.clone_from(last);
        for folded in fold(runs)? {
            let count = match folded.outcome {
                Outcome::Folded { lists, .. } | Outcome::Gone { lists } => lists,
                Outcome::Skipped(_) => 0,
            };
            left -= usize::from(count > 0 && left > 0);
            lists += count;
        }
    }
    Ok(i64::try_from(lists).unwrap_or(i64::MAX))
}

/// Returns runs for which lists wait, in the order of (root_id, id), behind this one.
///
/// # Errors
///
/// Errors of Postgres are raised.
fn next_runs(
    client: &mut SpiClient<'_>,
    after: &(String, String),
    count: usize,
) -> Result<Vec<(String, String)>, Refusal> {
    let required = || Refusal::Query(SpiError::InvalidPosition);
    let arguments = [
        after.0.as_str().into(),
        after.1.as_str().into(),
        i32::try_from(count).unwrap_or(i32::MAX).into(),
    ];
    let rows = {
        let _owner = AsOwner::of_inbox()?;
        NEXT_RUNS.with(|statement| statement.run(client, &arguments))?
    };
    rows.map(|row| {
        let root = row.get(1)?.ok_or_else(required)?;
        Ok((root, row.get(2)?.ok_or_else(required)?))
    })
    .collect()
}
