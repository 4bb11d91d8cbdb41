//! The table `runmeta.run_root`: the root and the parent of each run by its id. There is no such table where the layout is plain.
//!
//! It is read and written as the tables' owner, so that nobody else needs rights to write it and an id can be given to no other run.
//! Where policies decide which runs the current role sees, one that is hidden is not found.

use std::collections::{HashMap, HashSet};

use pgrx::pg_sys::BuiltinOid::{TEXTARRAYOID, TEXTOID};
use pgrx::spi::{SpiClient, SpiError};
use runmeta_core::wire::Target;

use super::{Shards, is_distributed};
use crate::jsonb::check_for_interrupts;
use crate::owner::{AsOwner, may_read, sees_some_runs_only};
use crate::reading::Reading;
use crate::refusal::Refusal;
use crate::statement::{Settings, Statement};

const FIND_TEXT: &str = include_str!("sql/find.sql");

thread_local! {
    static FIND: Statement = const { Statement::new(FIND_TEXT, &[TEXTOID]) };
    static FIND_FOR_READER: Reading = const { Reading::new(FIND_TEXT, &[TEXTOID]) };
    static FIND_MANY: Statement = const { Statement::new(
        include_str!("sql/find_many.sql"),
        &[TEXTARRAYOID],
    ) };
    static VISIBLE: Statement = const { Statement::new(
        include_str!("sql/visible.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static VISIBLE_FOR_READER: Reading = const { Reading::new(
        include_str!("../run/sql/exists.sql"),
        &[TEXTOID, TEXTOID],
    ) };
    static REGISTER: Statement = const { Statement::new(
        include_str!("sql/register.sql"),
        &[TEXTOID, TEXTOID, TEXTOID],
    ) };
    static REGISTER_ALL: Statement = const { Statement::new(
        include_str!("sql/register_all.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static REGISTER_FREE: Statement = const { Statement::new(
        include_str!("sql/register_free.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static IDS_OF_TREES: Statement = const { Statement::new(
        include_str!("sql/ids_of_trees.sql"),
        &[TEXTARRAYOID],
    ) };
    static FORGET: Statement = const { Statement::new(
        include_str!("sql/forget.sql"),
        &[TEXTARRAYOID],
    ) };
}

/// Runs that are forgotten by one statement. A guess.
const SLICE: i64 = 1000;

/// A run that was found.
#[derive(Clone)]
pub struct Found {
    /// The first run of its tree.
    pub root: String,
    /// The run that it was started under.
    pub parent: Option<String>,
}

impl Found {
    /// Returns the run that is addressed from this one, of which the id is given.
    pub fn relative<'a>(&'a self, id: &'a str, target: Target) -> &'a str {
        match target {
            Target::Own => id,
            Target::Parent => self.parent.as_deref().unwrap_or(id),
            Target::Root => &self.root,
        }
    }
}

/// Finds a run. `None` if there is none, or the current role may not see it.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn find(client: &mut SpiClient<'_>, id: &str) -> Result<Option<Found>, Refusal> {
    let required = || Refusal::Query(SpiError::InvalidPosition);
    let mut rows = {
        let _owner = AsOwner::of_roots()?;
        FIND.with(|statement| statement.run(client, &[id.into()]))?
    };
    if rows.next().is_none() {
        return Ok(None);
    }
    let found = Found {
        root: rows.get(1)?.ok_or_else(required)?,
        parent: rows.get(2)?,
    };
    let is_visible = !sees_some_runs_only() || {
        let seen = visible(client, vec![&found.root], vec![id])?;
        seen.contains(id)
    };
    Ok(is_visible.then_some(found))
}

/// Finds runs, each at its place; `None` where there is none, or the current role may not see it.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn find_many(client: &mut SpiClient<'_>, ids: &[&str]) -> Result<Vec<Option<Found>>, Refusal> {
    let required = || Refusal::Query(SpiError::InvalidPosition);
    let rows = {
        let _owner = AsOwner::of_roots()?;
        FIND_MANY.with(|statement| statement.read_by_index(client, &[ids.to_vec().into()]))?
    };
    let mut found: HashMap<String, Found> = HashMap::with_capacity(rows.len());
    for row in rows {
        check_for_interrupts();
        let run = Found {
            root: row.get(2)?.ok_or_else(required)?,
            parent: row.get(3)?,
        };
        found.insert(row.get(1)?.ok_or_else(required)?, run);
    }
    if sees_some_runs_only() && !found.is_empty() {
        let (ids, roots) = found.iter().map(|(id, run)| (&**id, &*run.root)).unzip();
        let seen = visible(client, roots, ids)?;
        found.retain(|id, _| seen.contains(id));
    }
    Ok(ids.iter().map(|id| found.get(*id).cloned()).collect())
}

/// Returns those of the runs that the current role sees.
pub fn visible(
    client: &mut SpiClient<'_>,
    roots: Vec<&str>,
    ids: Vec<&str>,
) -> Result<HashSet<String>, Refusal> {
    let arguments = [roots.into(), ids.into()];
    let rows = VISIBLE.with(|statement| statement.read_by_index(client, &arguments))?;
    let mut seen = HashSet::with_capacity(rows.len());
    for row in rows {
        seen.extend(row.get::<String>(1)?);
    }
    Ok(seen)
}

/// Puts runs together that lie in one shard, in the order in which shards are locked; in each they stay in their order. One that does
/// not exist is taken for a root.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn by_shard<'a>(ids: &[&'a str]) -> Result<Vec<Vec<&'a str>>, Refusal> {
    if !is_distributed() {
        return Ok(vec![ids.to_vec()]);
    }
    let found = pgrx::Spi::connect_mut(|client| find_many(client, ids))?;
    let root = |(id, found): &(&'a str, Option<Found>)| match found {
        Some(found) => found.root.clone(),
        None => (*id).to_owned(),
    };
    let runs = ids.iter().copied().zip(found);
    let runs = runs.map(|run| (root(&run), run.0));
    let groups = Shards::now().groups(runs, |(root, _)| root);
    let ids = |group: Vec<(String, &'a str)>| group.into_iter().map(|(_, id)| id).collect();
    Ok(groups.into_iter().map(ids).collect())
}

/// Finds the run that is addressed from `run_id`, as (root, id).
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn relative(
    client: &mut SpiClient<'_>,
    run_id: &str,
    target: Target,
) -> Result<Option<(String, String)>, Refusal> {
    let Some(found) = find(client, run_id)? else {
        return Ok(None);
    };
    let id = found.relative(run_id, target).to_owned();
    Ok(Some((found.root, id)))
}

/// Finds the runs that are addressed from others, as parents (`Some(false)`), roots (`Some(true)`) or themselves (`None`): the id and
/// the root of each at its place.
///
/// # Errors
///
/// Errors of Postgres are raised.
#[allow(clippy::type_complexity)]
pub fn relatives(
    client: &mut SpiClient<'_>,
    run_ids: &[&str],
    are_roots: &[Option<bool>],
) -> Result<(Vec<Option<String>>, Vec<Option<String>>), Refusal> {
    let found = find_many(client, run_ids)?;
    let relative = |((found, id), is_root): ((Option<Found>, &&str), &Option<bool>)| {
        let found = found?;
        let target = match is_root {
            None => Target::Own,
            Some(false) => Target::Parent,
            Some(true) => Target::Root,
        };
        let id = found.relative(id, target).to_owned();
        Some((id, found.root))
    };
    let found = found.into_iter().zip(run_ids).zip(are_roots);
    Ok(found.map(|found| relative(found).unzip()).unzip())
}

/// Returns the root of a run for SQL that reads it: with the snapshot of the statement that is under way.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn root_for_reader(id: &str) -> Result<Option<String>, Refusal> {
    if !may_read(c"root_id") {
        return Ok(None);
    }
    let _settings = Settings::begin(is_distributed());
    let root = {
        let _owner = AsOwner::of_roots()?;
        let mut found =
            FIND_FOR_READER.with(|reading| reading.run([id.into()], |row| row.get::<String>(1)))?;
        found.pop().flatten()
    };
    let Some(root) = root else {
        return Ok(None);
    };
    let is_visible = !sees_some_runs_only() || {
        let arguments = [root.as_str().into(), id.into()];
        !VISIBLE_FOR_READER
            .with(|reading| reading.run(arguments, |_| ()))?
            .is_empty()
    };
    Ok(is_visible.then_some(root))
}

/// Registers a run that starts, and returns false if the id is taken. Where another session registers it at the same time, that one
/// is awaited.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn register(
    client: &mut SpiClient<'_>,
    id: &str,
    root: &str,
    parent: Option<&str>,
) -> Result<bool, Refusal> {
    let _owner = AsOwner::of_roots()?;
    let arguments = [id.into(), root.into(), parent.into()];
    Ok(REGISTER
        .with(|statement| statement.run(client, &arguments))?
        .len()
        == 1)
}

/// What is done about an id that is taken.
#[derive(Clone, Copy)]
pub enum Registering {
    /// Postgres raises a unique violation.
    All,
    /// It is left out.
    Free,
}

/// Registers runs that start, which come in the order of their ids, and returns the ids of those that were. In each shard those of
/// two sessions come in the same order, so that neither waits for the other in a circle.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn register_many(
    client: &mut SpiClient<'_>,
    ids: Vec<&str>,
    roots: Vec<&str>,
    parents: Vec<Option<&str>>,
    which: Registering,
) -> Result<HashSet<String>, Refusal> {
    let _owner = AsOwner::of_roots()?;
    let register = match which {
        Registering::All => &REGISTER_ALL,
        Registering::Free => &REGISTER_FREE,
    };
    let mut registered = HashSet::with_capacity(ids.len());
    let runs = ids.into_iter().zip(roots).zip(parents);
    // The table is distributed by the id, with as many shards as that of runs.
    for runs in Shards::now().groups(runs, |((id, _), _)| *id) {
        let (names, parents): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
        let (ids, roots): (Vec<&str>, Vec<&str>) = names.into_iter().unzip();
        let arguments = [ids.into(), roots.into(), parents.into()];
        for row in register.with(|statement| statement.run(client, &arguments))? {
            check_for_interrupts();
            registered.extend(row.get::<String>(1)?);
        }
    }
    Ok(registered)
}

/// Forgets the runs of trees that are about to be deleted, in parts, so that not all of their ids are in memory at once.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn forget_trees(client: &mut SpiClient<'_>, roots: &[String]) -> Result<(), Refusal> {
    let arguments = [roots.to_vec().into()];
    let mut cursor = IDS_OF_TREES.with(|statement| statement.open(client, &arguments))?;
    loop {
        check_for_interrupts();
        let rows = cursor.fetch(SLICE)?;
        if rows.is_empty() {
            return Ok(());
        }
        let ids = rows.map(|row| Ok(row.get::<String>(1)?.unwrap_or_default()));
        let ids = ids.collect::<Result<Vec<String>, Refusal>>()?;
        pgrx::Spi::connect_mut(|client| {
            let _owner = AsOwner::of_roots()?;
            FORGET.with(|statement| statement.run(client, &[ids.into()]).map(drop))
        })?;
    }
}
