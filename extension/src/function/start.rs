//! `runmeta.start(run_id, metadata, parent_run_id, task, tags)`

use std::thread::LocalKey;

use pgrx::pg_sys::BuiltinOid::{INT4OID, JSONBOID, TEXTARRAYOID, TEXTOID};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use runmeta_core::{BadValue, Tree};

use crate::announce;
use crate::call::{Answer, answer};
use crate::document::is_object;
use crate::jsonb::{self, Jsonb, Node};
use crate::refusal::Refusal;
use crate::run::check_length;
use crate::run::hold::{one_snapshot_a_statement, tree_lock};
use crate::settings;
use crate::statement::Statement;

thread_local! {
    static PARENT: Statement = const { Statement::new(
        include_str!("sql/start_parent.sql"),
        &[TEXTOID],
    ) };
    static HOLD_TREE: Statement = const { Statement::new(
        concat!(
            "SELECT pg_catalog.pg_advisory_xact_lock_shared(", tree_lock!("$1"), "),
                 pg_catalog.current_setting('transaction_isolation')",
        ),
        &[TEXTOID],
    ) };
    // Where the transaction has one snapshot, only a lock of the row tells that the tree was pruned meanwhile.
    static LOCK_PARENT: Statement = const { Statement::new(
        include_str!("sql/start_lock_parent.sql"),
        &[TEXTOID],
    ) };
    static INSERT: Statement = const { Statement::new(
        include_str!("sql/start_insert.sql"),
        &[TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID, TEXTARRAYOID, JSONBOID],
    ) };
    static VERSION: Statement = const { Statement::new(
        include_str!("sql/start_version.sql"),
        &[TEXTOID],
    ) };
}

/// Starts a run, unless it exists, and returns its version.
#[pg_extern(sql = false)]
fn start(
    run_id: Option<&str>,
    metadata: Option<Jsonb<'_>>,
    parent_run_id: Option<&str>,
    task: Option<&str>,
    tags: Option<Vec<Option<String>>>,
) -> Answer<Option<i64>> {
    answer(|| {
        let Some(run_id) = run_id else {
            return Ok(None);
        };
        check_length("run id", run_id)?;
        task.map_or(Ok(()), |task| check_length("task", task))?;
        let tags = tags
            .unwrap_or_default()
            .into_iter()
            .map(|tag| tag.ok_or(Refusal::Null { argument: "tag" }));
        let tags = tags.collect::<Result<Vec<String>, Refusal>>()?;
        tags.iter().try_for_each(|tag| check_length("tag", tag))?;
        let metadata = metadata.unwrap_or(Jsonb::empty_object());
        check_document(run_id, &metadata)?;
        Spi::connect_mut(|client| {
            let new = New {
                run_id,
                parent: parent_run_id,
                task,
                tags,
                metadata,
            };
            new.insert(client).map(Some)
        })
    })
}

fn check_document(run_id: &str, metadata: &Jsonb<'_>) -> Result<(), Refusal> {
    if !is_object(metadata) {
        return Err(Refusal::BadDocument(BadValue::NotAnObject));
    }
    Node::View(metadata.view())
        .check(0)
        .map_err(Refusal::BadDocument)?;
    let (size, limit) = (jsonb::size(metadata.view()), settings::maximum_size());
    match size <= limit {
        true => Ok(()),
        false => Err(Refusal::TooLarge {
            run: run_id.to_owned(),
            size,
            limit,
        }),
    }
}

/// A run that is to be started.
struct New<'a> {
    run_id: &'a str,
    parent: Option<&'a str>,
    task: Option<&'a str>,
    tags: Vec<String>,
    metadata: Jsonb<'a>,
}

impl New<'_> {
    fn insert(self, client: &mut SpiClient<'_>) -> Result<i64, Refusal> {
        let (root, depth) = match self.parent {
            None => (self.run_id.to_owned(), 0),
            Some(parent) => match find_parent(client, parent)? {
                Some(found) => found,
                // A run that exists is left alone, whatever became of its parent.
                None => {
                    let unknown = Refusal::NoSuchParent {
                        run: self.run_id.to_owned(),
                        parent: parent.to_owned(),
                    };
                    return version(client, self.run_id)?.ok_or(unknown);
                }
            },
        };
        let run_id = self.run_id;
        // The parent is this run or below it, so the run exists. No row that says so may even be tried: the
        // table's checks come before its keys.
        if self.parent.is_some() && root == run_id {
            return New::existing(client, run_id);
        }
        let arguments = [
            root.as_str().into(),
            run_id.into(),
            self.parent.into(),
            depth.into(),
            self.task.into(),
            self.tags.into(),
            self.metadata.into(),
        ];
        let mut inserted = INSERT.with(|statement| statement.run(client, &arguments))?;
        if inserted.next().is_some() {
            let version = inserted.get(1)?.unwrap_or(1);
            announce::changed(&root, run_id, version);
            return Ok(version);
        }
        New::existing(client, run_id)
    }

    /// Returns the version of a run that has this id already.
    fn existing(client: &mut SpiClient<'_>, run_id: &str) -> Result<i64, Refusal> {
        version(client, run_id)?.ok_or_else(|| Refusal::HiddenRun {
            run: run_id.to_owned(),
        })
    }
}

/// Returns the root and the depth that a child of this run has, and keeps the tree from being pruned.
fn find_parent(client: &mut SpiClient<'_>, parent: &str) -> Result<Option<(String, i32)>, Refusal> {
    let Some((root, _)) = root_and_depth(client, &PARENT, parent)? else {
        return Ok(None);
    };
    let mut held = HOLD_TREE.with(|statement| statement.run(client, &[root.as_str().into()]))?;
    held.next();
    let isolation = held.get::<String>(2)?.unwrap_or_default();
    // Again, to see whether the tree is still there now that it is held.
    match one_snapshot_a_statement(&isolation) {
        true => root_and_depth(client, &PARENT, parent),
        false => root_and_depth(client, &LOCK_PARENT, parent),
    }
}

fn root_and_depth(
    client: &mut SpiClient<'_>,
    statement: &'static LocalKey<Statement>,
    parent: &str,
) -> Result<Option<(String, i32)>, Refusal> {
    let mut rows = statement.with(|statement| statement.run(client, &[parent.into()]))?;
    if rows.next().is_none() {
        return Ok(None);
    }
    let depth = rows.get::<i32>(2)?.unwrap_or(0);
    Ok(Some((
        rows.get(1)?.unwrap_or_default(),
        depth.saturating_add(1),
    )))
}

fn version(client: &mut SpiClient<'_>, run_id: &str) -> Result<Option<i64>, Refusal> {
    let mut rows = VERSION.with(|statement| statement.run(client, &[run_id.into()]))?;
    match rows.next() {
        Some(_) => Ok(rows.get(1)?),
        None => Ok(None),
    }
}
