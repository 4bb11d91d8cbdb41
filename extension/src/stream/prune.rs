//! Deleting streams: with the trees that are pruned, and by their age.

use std::collections::HashMap;

use pgrx::pg_sys::BuiltinOid::{INT4OID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError, SpiTupleTable};

use crate::layout::{self, Shards};
use crate::owner::{self, AsOwner};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static LOCK_TREES: Statement = const { Statement::new(
        include_str!("sql/lock_trees.sql"),
        &[TEXTARRAYOID],
    ) };
    static COUNT_TREES: Statement = const { Statement::new(
        include_str!("sql/count_trees.sql"),
        &[TEXTARRAYOID],
    ) };
    static DELETE_TREES: Statement = const { Statement::new(
        include_str!("sql/delete_trees.sql"),
        &[TEXTARRAYOID],
    ) };
    static DELETE_CHUNKS_OF_TREES: Statement = const { Statement::new(
        include_str!("sql/delete_chunks_of_trees.sql"),
        &[TEXTARRAYOID],
    ) };
    static LOCK_OLD: Statement = const { Statement::new(
        include_str!("sql/lock_old.sql"),
        &[TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, INT4OID],
    ) };
    static LOCK_FOUND: Statement = const { Statement::new(
        include_str!("sql/lock_found.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID],
    ) };
    static DELETE: Statement = const { Statement::new(
        include_str!("sql/delete.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static DELETE_CHUNKS: Statement = const { Statement::new(
        include_str!("sql/delete_chunks.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID],
    ) };
}

/// Streams that are locked and deleted together. A guess: their keys take at most 765 kB.
const SLICE: i32 = 1000;

/// Locks the streams of trees whose runs are locked, and leaves out trees of which somebody has locked a stream: prune waits
/// for nobody.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn lock_trees(client: &mut SpiClient<'_>, roots: Vec<String>) -> Result<Vec<String>, Refusal> {
    let _owner = AsOwner::of_streams()?;
    let mut count = |statement: &'static std::thread::LocalKey<Statement>| {
        let mut counted = HashMap::new();
        for roots in Shards::now().groups(roots.iter(), |root| root.as_str()) {
            let roots: Vec<&str> = roots.into_iter().map(String::as_str).collect();
            let rows = statement.with(|statement| statement.run(client, &[roots.into()]))?;
            for row in rows {
                let root = row.get::<String>(1)?.unwrap_or_default();
                counted.insert(root, row.get::<i64>(2)?.unwrap_or(0));
            }
        }
        Ok::<_, Refusal>(counted)
    };
    let (locked, there) = (count(&LOCK_TREES)?, count(&COUNT_TREES)?);
    let is_free = |root: &String| locked.get(root) == there.get(root);
    Ok(roots.into_iter().filter(is_free).collect())
}

/// Deletes the streams of trees that are deleted.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn delete_trees(client: &mut SpiClient<'_>, roots: &[String]) -> Result<(), Refusal> {
    let _owner = AsOwner::of_streams()?;
    for statement in [&DELETE_CHUNKS_OF_TREES, &DELETE_TREES] {
        statement.with(|statement| statement.run(client, &[roots.to_vec().into()]).map(drop))?;
    }
    Ok(())
}

/// Deletes at most `max_streams` streams that nobody has appended to since a time, if they are closed, their run finished
/// before it, or their run is gone. Returns how many these were. Streams that somebody writes to are left out.
///
/// # Errors
///
/// [`Refusal::PruneUnderPolicies`] if row-level security applies to the role. Errors of Postgres are raised.
pub fn prune(before: TimestampWithTimeZone, max_streams: i32) -> Result<i64, Refusal> {
    if owner::sees_some_runs_only() {
        return Err(Refusal::PruneUnderPolicies);
    }
    let (mut left, mut deleted) = (max_streams, 0);
    let mut last = Keys::default();
    while left > 0 {
        let wanted = left.min(SLICE);
        // A connection a slice: its rows are freed with it.
        last = Spi::connect_mut(|client| {
            let _owner = AsOwner::of_streams()?;
            let found = lock_old(client, before, &last, wanted)?;
            let locked = match layout::is_distributed() {
                true => Some(found.lock(client, before)?),
                false => None,
            };
            let locked = locked.as_ref().unwrap_or(&found);
            locked.delete(client)?;
            deleted += i64::from(locked.count());
            left -= locked.count();
            Ok::<_, Refusal>(found)
        })?;
        if last.count() < wanted {
            break;
        }
    }
    Ok(deleted)
}

/// What streams are known by, a vector for each column.
#[derive(Default)]
struct Keys {
    roots: Vec<String>,
    ids: Vec<String>,
    names: Vec<String>,
}

/// Locks streams that are to be deleted, behind the last of those that were. Where Citus has distributed the tables, they are found
/// only.
fn lock_old(
    client: &mut SpiClient<'_>,
    before: TimestampWithTimeZone,
    last: &Keys,
    limit: i32,
) -> Result<Keys, Refusal> {
    let end = |texts: &[String]| texts.last().cloned().unwrap_or_default();
    let arguments = [
        before.into(),
        end(&last.roots).into(),
        end(&last.ids).into(),
        end(&last.names).into(),
        limit.into(),
    ];
    let mut keys = Keys::default();
    keys.read(LOCK_OLD.with(|statement| statement.read_by_index(client, &arguments))?)?;
    Ok(keys)
}

impl Keys {
    fn count(&self) -> i32 {
        i32::try_from(self.names.len()).unwrap_or(i32::MAX)
    }

    /// Adds the keys in these rows.
    fn read(&mut self, rows: SpiTupleTable<'_>) -> Result<(), Refusal> {
        let required = || Refusal::Query(SpiError::InvalidPosition);
        for row in rows {
            self.roots.push(row.get(1)?.ok_or_else(required)?);
            self.ids.push(row.get(2)?.ok_or_else(required)?);
            self.names.push(row.get(3)?.ok_or_else(required)?);
        }
        Ok(())
    }

    /// Locks those of the streams to which nobody has appended since a time, shard by shard, and returns them.
    fn lock(
        &self,
        client: &mut SpiClient<'_>,
        before: TimestampWithTimeZone,
    ) -> Result<Keys, Refusal> {
        let mut locked = Keys::default();
        let keys = self.roots.iter().zip(&self.ids).zip(&self.names);
        for keys in Shards::now().groups(keys, |((root, _), _)| root.as_str()) {
            let (runs, names): (Vec<_>, Vec<&String>) = keys.into_iter().unzip();
            let (roots, ids): (Vec<&String>, Vec<&String>) = runs.into_iter().unzip();
            let texts =
                |texts: Vec<&String>| -> Vec<String> { texts.into_iter().cloned().collect() };
            let arguments = [
                texts(roots).into(),
                texts(ids).into(),
                texts(names).into(),
                before.into(),
            ];
            locked.read(LOCK_FOUND.with(|statement| statement.run(client, &arguments))?)?;
        }
        Ok(locked)
    }

    fn delete(&self, client: &mut SpiClient<'_>) -> Result<(), Refusal> {
        if self.names.is_empty() {
            return Ok(());
        }
        for statement in [&DELETE_CHUNKS, &DELETE] {
            let arguments = [
                self.roots.clone().into(),
                self.ids.clone().into(),
                self.names.clone().into(),
            ];
            statement.with(|statement| statement.read_by_index(client, &arguments).map(drop))?;
        }
        Ok(())
    }
}
