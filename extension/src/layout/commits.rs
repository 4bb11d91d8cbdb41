//! Runs that are not seen yet where Citus has distributed the tables: Citus answers before all nodes have committed, and a node that is
//! lost just then has what was written there prepared, until the transaction is recovered.
//!
//! So a run that is not found is looked for again, after what is prepared where it would be. No right is needed for that and nothing is
//! written: each prepared transaction holds a lock on its id, which whoever waits for its end takes for an instant.

use pgrx::pg_sys::BuiltinOid::{INT4OID, TEXTOID};
use pgrx::spi::SpiClient;

use super::roots::{find_many, visible};
use super::{Shards, is_distributed};
use crate::owner::{AsOwner, sees_some_runs_only};
use crate::process;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static AWAIT: Statement = const { Statement::new(
        include_str!("sql/await_commits.sql"),
        &[TEXTOID, INT4OID],
    ) };
}

/// Waits for the commits that are under way where runs would be that were not found, and returns true if one of them is there now.
/// False at once where the tables are not distributed, in a transaction with one snapshot, and for roles that may not see all runs.
///
/// # Errors
///
/// Errors of Postgres are raised: that of `lock_timeout` too.
pub fn appear(client: &mut SpiClient<'_>, ids: &[&str]) -> Result<bool, Refusal> {
    if ids.is_empty() || !is_distributed() || process::has_one_snapshot() || sees_some_runs_only() {
        return Ok(false);
    }
    await_commits(client, ids)?;
    let found = find_many(client, ids)?;
    let found = ids.iter().zip(&found);
    let found = found.filter_map(|(id, found)| Some((found.as_ref()?.root.as_str(), *id)));
    let (roots, ids): (Vec<&str>, Vec<&str>) = found.unzip();
    if ids.is_empty() {
        return Ok(false);
    }
    // The run may be on another node than its row of `run_root`.
    await_commits(client, &roots)?;
    Ok(!visible(client, roots, ids)?.is_empty())
}

/// Waits for what is prepared on the nodes that have these ids, or the trees of these roots: both are distributed alike.
fn await_commits(client: &mut SpiClient<'_>, ids: &[&str]) -> Result<(), Refusal> {
    let _owner = AsOwner::of_roots()?;
    for of_shard in Shards::now().groups(ids.iter(), |id| id) {
        let arguments = [(*of_shard[0]).into(), process::lock_timeout().into()];
        AWAIT.with(|statement| statement.run(client, &arguments))?;
    }
    Ok(())
}
