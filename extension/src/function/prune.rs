//! `runmeta.prune(before, max_trees)`

use pgrx::pg_sys::BuiltinOid::{INT4OID, TEXTARRAYOID, TIMESTAMPTZOID};
use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::refusal::Refusal;
use crate::run::hold::{one_snapshot_a_statement, tree_lock};
use crate::statement::Statement;

thread_local! {
    static ISOLATION: Statement = const { Statement::new(
        include_str!("sql/prune_isolation.sql"),
        &[],
    ) };
    // Each tree is held against new children. A tree that somebody holds is left for the next time.
    static TREES: Statement = const { Statement::new(
        concat!("SELECT o.root_id FROM (
             SELECT r.root_id FROM runmeta.run AS r
             WHERE r.parent_id IS NULL AND r.finished_at OPERATOR(pg_catalog.<) $1
                 AND NOT EXISTS (
                     SELECT FROM runmeta.run AS m WHERE m.root_id OPERATOR(pg_catalog.=) r.root_id
                         AND (m.finished_at IS NULL OR m.finished_at OPERATOR(pg_catalog.>=) $1))
             ORDER BY r.finished_at LIMIT $2
         ) AS o
         WHERE pg_catalog.pg_try_advisory_xact_lock(", tree_lock!("o.root_id"), ")"),
        &[TIMESTAMPTZOID, INT4OID],
    ) };
    // In the order in which flushes lock, so that neither waits for the other in a circle.
    static LOCK: Statement = const { Statement::new(
        include_str!("sql/prune_lock.sql"),
        &[TEXTARRAYOID],
    ) };
    // Looks again, now that no child can be added: one may have been, before the tree was held.
    static DELETE: Statement = const { Statement::new(
        include_str!("sql/prune_delete.sql"),
        &[TEXTARRAYOID, TIMESTAMPTZOID],
    ) };
    // Not before a day: a writer that is told nothing of its last batch asks again, and must be known then.
    static FORGET_WRITERS: Statement = const { Statement::new(
        include_str!("sql/prune_forget_writers.sql"),
        &[TIMESTAMPTZOID],
    ) };
}

/// Deletes trees of which every run finished before a time, and writers that were last seen before it.
/// Returns the number of runs.
#[pg_extern(sql = false)]
fn prune(before: TimestampWithTimeZone, max_trees: i32) -> Answer<i64> {
    answer(|| {
        if max_trees < 1 {
            return Err(Refusal::NotPositive {
                argument: "max_trees",
            });
        }
        Spi::connect_mut(|client| {
            let mut isolation = ISOLATION.with(|statement| statement.run(client, &[]))?;
            isolation.next();
            let level = isolation.get::<String>(1)?.unwrap_or_default();
            if !one_snapshot_a_statement(&level) {
                return Err(Refusal::Isolation { level });
            }
            let rows = TREES
                .with(|statement| statement.run(client, &[before.into(), max_trees.into()]))?;
            let roots = rows.map(|row| Ok(row.get::<String>(1)?.unwrap_or_default()));
            let roots = roots.collect::<Result<Vec<String>, Refusal>>()?;
            LOCK.with(|statement| statement.run(client, &[roots.clone().into()]))?;
            let deleted = DELETE
                .with(|statement| statement.run(client, &[roots.into(), before.into()]))?
                .len();
            FORGET_WRITERS.with(|statement| statement.run(client, &[before.into()]))?;
            Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
        })
    })
}
