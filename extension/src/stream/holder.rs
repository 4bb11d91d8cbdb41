//! The runs whose streams are written: found and, where needed, locked with the rights of the caller.

use pgrx::PgBuiltInOids;
use pgrx::pg_sys::BuiltinOid::TEXTARRAYOID;
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError};
use runmeta_core::wire::Target;

use crate::follow;
use crate::inbox::Addressee;
use crate::jsonb::check_for_interrupts;
use crate::layout::{self, Shards};
use crate::owner;
use crate::refusal::Refusal;
use crate::run::{find_existing, missing};
use crate::statement::Statement;

thread_local! {
    static HOLD: Statement = const { Statement::new(HOLD_TEXT, HOLD_ARGUMENTS) };
    static HOLD_IN_PARTS: Statement = const { Statement::split(HOLD_TEXT, HOLD_ARGUMENTS) };
}

const HOLD_TEXT: &str = include_str!("sql/hold.sql");
const HOLD_ARGUMENTS: &[PgBuiltInOids] = &[TEXTARRAYOID, TEXTARRAYOID];

/// A run that has streams.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The first run of its tree.
    pub root: String,
    /// Its id.
    pub id: String,
    /// When it was started.
    pub created_at: TimestampWithTimeZone,
    /// Its newest attempt.
    pub attempt: i32,
    /// When that finished, if it did.
    pub finished_at: Option<TimestampWithTimeZone>,
}

impl From<Addressee> for Holder {
    fn from(run: Addressee) -> Holder {
        Holder {
            root: run.root,
            id: run.id,
            created_at: run.created_at,
            attempt: run.attempt,
            finished_at: run.finished_at,
        }
    }
}

/// Finds the run that is addressed from `run_id`, which the caller may write.
///
/// # Errors
///
/// [`Refusal::NoSuchRun`], [`Refusal::NoSuchRelative`], [`Refusal::NotAllowed`]; errors of Postgres are raised.
pub fn find(client: &mut SpiClient<'_>, run_id: &str, target: Target) -> Result<Holder, Refusal> {
    owner::check_may_write();
    follow::before::addressed([(run_id, target)])?;
    let found = find_existing(client, run_id, target, |client| {
        Addressee::find(client, run_id, target)
    })?;
    let mut runs = vec![(0, found.into())];
    keep_writable(client, &mut runs)?;
    match runs.pop() {
        Some((_, run)) => Ok(run),
        None => Err(missing(client, run_id, target)?),
    }
}

/// Finds the runs that are addressed from others, each with its position among those. Those that the caller may not write are
/// left out.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn find_many(
    client: &mut SpiClient<'_>,
    from: &[(&str, Target)],
) -> Result<Vec<(usize, Holder)>, Refusal> {
    owner::check_may_write();
    let run_ids = from.iter().map(|(run, _)| *run).collect();
    let roots = from.iter().map(|(_, target)| match target {
        Target::Own => None,
        Target::Parent => Some(false),
        Target::Root => Some(true),
    });
    let found = Addressee::find_many(client, run_ids, roots.collect())?;
    let found = found.into_iter();
    let mut runs = found
        .map(|(position, run)| (position, run.into()))
        .collect();
    keep_writable(client, &mut runs)?;
    Ok(runs)
}

/// Leaves out runs that row-level security lets the caller read, and not change. Postgres looks at the policies for changes
/// where a row is locked, so only where policies apply are the rows locked.
fn keep_writable(
    client: &mut SpiClient<'_>,
    runs: &mut Vec<(usize, Holder)>,
) -> Result<(), Refusal> {
    if !owner::sees_some_runs_only() {
        return Ok(());
    }
    let names = runs.iter().map(|(_, run)| (&*run.root, &*run.id));
    let held = hold(client, names.collect())?;
    let is_held = |run: &Holder| held.binary_search_by(|held| held.id.cmp(&run.id)).is_ok();
    runs.retain(|(_, run)| is_held(run));
    Ok(())
}

/// Locks runs (root, id) against deletion, and returns those that are there in the order of their ids.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn hold(
    client: &mut SpiClient<'_>,
    mut runs: Vec<(&str, &str)>,
) -> Result<Vec<Holder>, Refusal> {
    runs.sort_unstable_by_key(|(_, id)| *id);
    runs.dedup();
    let mut held = Vec::with_capacity(runs.len());
    for runs in Shards::now().groups(runs.into_iter(), |(root, _)| *root) {
        held.extend(hold_in_shard(client, &runs)?);
    }
    held.sort_by(|left: &Holder, right| left.id.cmp(&right.id));
    Ok(held)
}

fn hold_in_shard(
    client: &mut SpiClient<'_>,
    runs: &[(&str, &str)],
) -> Result<Vec<Holder>, Refusal> {
    let mut roots: Vec<&str> = runs.iter().map(|(root, _)| *root).collect();
    // There each root stands beside its id.
    let is_split = layout::is_split();
    if !is_split {
        roots.sort_unstable();
        roots.dedup();
    }
    let hold = match is_split {
        true => &HOLD_IN_PARTS,
        false => &HOLD,
    };
    let ids: Vec<&str> = runs.iter().map(|(_, id)| *id).collect();
    let arguments = [roots.into(), ids.into()];
    let required = || Refusal::Query(SpiError::InvalidPosition);
    let rows = hold.with(|statement| statement.read_by_index(client, &arguments))?;
    let mut held = Vec::with_capacity(rows.len());
    for row in rows {
        check_for_interrupts();
        let id: String = row.get(1)?.ok_or_else(required)?;
        // The same id in another tree is another run.
        if let Ok(at) = runs.binary_search_by_key(&id.as_str(), |(_, id)| *id) {
            held.push(Holder {
                root: runs[at].0.to_owned(),
                id,
                created_at: row.get(2)?.ok_or_else(required)?,
                attempt: row.get(3)?.ok_or_else(required)?,
                finished_at: row.get(4)?,
            });
        }
    }
    Ok(held)
}
