//! Why a run could not be locked: it is not there, its relative is not, or a policy keeps it from being changed.

use pgrx::pg_sys::BuiltinOid::TEXTOID;
use pgrx::spi::SpiClient;
use runmeta_core::wire::Target;

use crate::layout::{self, Found};
use crate::owner;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static FAMILY: Statement = const { Statement::new(
        include_str!("sql/family.sql"),
        &[TEXTOID],
    ) };
    static EXISTS: Statement = const { Statement::new(
        include_str!("sql/exists.sql"),
        &[TEXTOID, TEXTOID],
    ) };
}

/// Returns what `find` finds for a run, addressed from `run_id`, which has to be there.
///
/// # Errors
///
/// [`Refusal::NoSuchRun`], [`Refusal::NoSuchRelative`], [`Refusal::NotAllowed`], and those of `find`.
pub fn find_existing<T>(
    client: &mut SpiClient<'_>,
    run_id: &str,
    target: Target,
    find: impl Fn(&mut SpiClient<'_>) -> Result<Option<T>, Refusal>,
) -> Result<T, Refusal> {
    if let Some(found) = find(client)? {
        return Ok(found);
    }
    if layout::appear(client, &[run_id])?
        && let Some(found) = find(client)?
    {
        return Ok(found);
    }
    Err(missing(client, run_id, target)?)
}

/// Returns the error for a run, addressed from `run_id`, of which no row could be locked.
///
/// # Errors
///
/// [`Refusal::Query`]; errors of Postgres are raised.
pub fn missing(
    client: &mut SpiClient<'_>,
    run_id: &str,
    target: Target,
) -> Result<Refusal, Refusal> {
    let run = run_id.to_owned();
    let Some(found) = find(client, run_id)? else {
        return Ok(Refusal::NoSuchRun { run });
    };
    let id = found.relative(run_id, target).to_owned();
    let arguments = [found.root.as_str().into(), id.as_str().into()];
    let found = EXISTS.with(|statement| statement.run(client, &arguments))?;
    Ok(match found.is_empty() {
        true => Refusal::NoSuchRelative {
            run,
            relative: id,
            target,
        },
        false if owner::sees_some_runs_only() => Refusal::NotAllowed { run: id },
        // No policy can hide it: it was deleted, and another run was started with its id after that.
        false => Refusal::NoSuchRun { run: id },
    })
}

/// Returns the error for a run that cannot be started, because its id is taken, nor found.
pub fn id_is_taken(run_id: &str) -> Refusal {
    Refusal::HiddenRun {
        run: run_id.to_owned(),
        is_gone: layout::is_split() && !owner::sees_some_runs_only(),
    }
}

/// Finds the root and the parent of a run, without a lock.
fn find(client: &mut SpiClient<'_>, run_id: &str) -> Result<Option<Found>, Refusal> {
    if layout::is_split() {
        return layout::find(client, run_id);
    }
    let mut rows = FAMILY.with(|statement| statement.run(client, &[run_id.into()]))?;
    if rows.next().is_none() {
        return Ok(None);
    }
    Ok(Some(Found {
        parent: rows.get(1)?,
        root: rows.get::<String>(2)?.unwrap_or_default(),
    }))
}
