//! Why a run could not be locked: it is not there, its relative is not, or a policy keeps it from being changed.

use pgrx::pg_sys::BuiltinOid::TEXTOID;
use pgrx::spi::SpiClient;
use runmeta_core::wire::Target;

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
    let mut rows = FAMILY.with(|statement| statement.run(client, &[run_id.into()]))?;
    let run = run_id.to_owned();
    if rows.next().is_none() {
        return Ok(Refusal::NoSuchRun { run });
    }
    let parent = rows.get::<String>(1)?.unwrap_or_default();
    let root = rows.get::<String>(2)?.unwrap_or_default();
    let id = match target {
        Target::Own => run_id,
        Target::Parent => &parent,
        Target::Root => &root,
    };
    let arguments = [root.as_str().into(), id.into()];
    let found = EXISTS.with(|statement| statement.run(client, &arguments))?;
    let id = id.to_owned();
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
