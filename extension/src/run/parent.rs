//! The parent of a run that starts, and keeping its tree from being pruned meanwhile.
//!
//! A start in a tree whose root has not finished locks nothing: a thousand children that start at once would make
//! multixacts of their parent's row. That is safe because prune takes no tree that finished less than an hour before
//! the oldest transaction began (`prune/mod.rs`): what a transaction of less than an hour saw unfinished is not pruned
//! under it. Where that does not hold, the parent's row is locked against deletion, and prune leaves a tree of which
//! it cannot lock every row:
//!
//! - the root has finished, or row-level security hides it;
//! - the transaction is long under way already, so that its hour may be over before it commits. A transaction with one
//!   snapshot sees the root as it was when it began, so this bounds how old that is, too.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use pgrx::datetime::transaction_timestamp;
use pgrx::pg_sys::BuiltinOid::{TEXTARRAYOID, TEXTOID};
use pgrx::spi::{SpiClient, SpiError, SpiTupleTable};

use super::locked::microseconds_since;
use crate::jsonb::check_for_interrupts;
use crate::layout::{self, ByRoot, Shards};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static FIND: ByRoot = const { ByRoot::new(
        include_str!("sql/find_parent.sql"),
        &[TEXTOID, TEXTOID],
    ) };
    static HOLD: Statement = const { Statement::new(
        include_str!("sql/hold_parent.sql"),
        &[TEXTOID, TEXTOID],
    ) };
    static FIND_MANY: ByRoot = const { ByRoot::new(
        include_str!("sql/find_parents.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static HOLD_MANY: ByRoot = const { ByRoot::new(
        include_str!("sql/hold_parents.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
}

/// Microseconds after which a transaction counts as long: half an hour leaves it as much to commit.
const LONG: i64 = 30 * 60 * 1_000_000;

/// What a run takes over from its parent.
pub struct Parent {
    /// The first run of the tree.
    pub root: Rc<str>,
    /// Steps from the parent up to the root.
    pub depth: i32,
}

impl Parent {
    /// Finds a parent and keeps its tree from being pruned before the transaction ends. `None` if there is none, or it
    /// was pruned meanwhile.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotAllowed`] if row-level security keeps the parent from being locked; errors of Postgres are raised.
    pub fn find(client: &mut SpiClient<'_>, id: &str) -> Result<Option<Parent>, Refusal> {
        let Some((parent, root_finished)) = find(client, id)? else {
            return Ok(None);
        };
        if !root_finished && !in_long_transaction() {
            return Ok(Some(parent));
        }
        let arguments = [(&*parent.root).into(), id.into()];
        let held = HOLD.with(|statement| statement.run(client, &arguments))?;
        match held.is_empty() {
            false => Ok(Some(parent)),
            true if find(client, id)?.is_none() => Ok(None),
            true => Err(Refusal::NotAllowed { run: id.to_owned() }),
        }
    }

    /// Finds a parent as [`find`](Parent::find) does, also one of which the start [has still to be committed](layout::appear).
    ///
    /// # Errors
    ///
    /// As [`find`](Parent::find).
    pub fn find_or_await(client: &mut SpiClient<'_>, id: &str) -> Result<Option<Parent>, Refusal> {
        match Parent::find(client, id)? {
            None if layout::appear(client, &[id])? => Parent::find(client, id),
            found => Ok(found),
        }
    }

    /// Finds many parents as [`find`](Parent::find) does, and adds them to those that are known. One that row-level
    /// security keeps from being locked is left out.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn find_many(
        client: &mut SpiClient<'_>,
        ids: &[&str],
        known: &mut HashMap<String, Parent>,
    ) -> Result<(), Refusal> {
        let required = || Refusal::Query(SpiError::InvalidPosition);
        let mut rows = FIND_MANY.with(|statement| statement.read_by_index(client, ids.to_vec()))?;
        let (long, mut to_hold) = (in_long_transaction(), Vec::new());
        while rows.next().is_some() {
            check_for_interrupts();
            let id: String = rows.get(1)?.ok_or_else(required)?;
            let (parent, root_finished) = read(&rows, 2)?;
            match root_finished || long {
                true => to_hold.push((id, parent)),
                false => drop(known.insert(id, parent)),
            }
        }
        if to_hold.is_empty() {
            return Ok(());
        }
        let mut held = HashSet::with_capacity(to_hold.len());
        for parents in Shards::now().groups(to_hold.iter(), |(_, parent)| &parent.root) {
            let ids = parents.iter().map(|(id, _)| id.as_str()).collect();
            let roots = parents.iter().map(|(_, parent)| Some(&*parent.root));
            let rows = HOLD_MANY.with(|hold| hold.read_known_by_index(client, ids, roots))?;
            for row in rows {
                held.extend(row.get::<String>(1)?);
            }
        }
        known.extend(to_hold.into_iter().filter(|(id, _)| held.contains(id)));
        Ok(())
    }
}

/// Finds a parent, and whether the root of its tree has finished or cannot be seen.
fn find(client: &mut SpiClient<'_>, id: &str) -> Result<Option<(Parent, bool)>, Refusal> {
    let rows = FIND.with(|statement| statement.run(client, id, Vec::new()))?;
    let Some(mut rows) = rows else {
        return Ok(None);
    };
    rows.next().map(|_| read(&rows, 1)).transpose()
}

/// Reads root_id, depth and whether the root has finished, from this column on.
fn read(rows: &SpiTupleTable<'_>, column: usize) -> Result<(Parent, bool), Refusal> {
    let required = || Refusal::Query(SpiError::InvalidPosition);
    let root: String = rows.get(column)?.ok_or_else(required)?;
    let parent = Parent {
        root: root.into(),
        depth: rows.get(column + 1)?.ok_or_else(required)?,
    };
    Ok((parent, rows.get(column + 2)?.ok_or_else(required)?))
}

fn in_long_transaction() -> bool {
    microseconds_since(transaction_timestamp()) > LONG
}
