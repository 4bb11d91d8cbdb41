//! Inserting many runs by one statement.
//!
//! `ON CONFLICT` takes twice as long as a bare `INSERT`: each row is looked up in the unique indexes first, and marked for
//! others that insert it at the same time. Where the runs were just looked up and not found, nearly all of that is in vain.

use pgrx::PgBuiltInOids;
use pgrx::pg_sys::BuiltinOid::{
    BOOLARRAYOID, INT4ARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID,
};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError};

use super::unstored_documents::BYTES;
use super::{NewRun, status};
use crate::jsonb::{Jsonb, check_for_interrupts};
use crate::layout::{self, Registering};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static INSERT_ALL: Statement = const {
        Statement::new(include_str!("sql/insert_all.sql"), ARGUMENTS)
    };
    static INSERT_FREE: Statement = const {
        Statement::new(include_str!("sql/insert_free.sql"), ARGUMENTS)
    };
}

const ARGUMENTS: &[PgBuiltInOids] = &[
    TEXTARRAYOID,
    TEXTARRAYOID,
    TEXTARRAYOID,
    INT4ARRAYOID,
    TEXTARRAYOID,
    TEXTARRAYOID,
    TEXTARRAYOID,
    INT4ARRAYOID,
    JSONBARRAYOID,
    BOOLARRAYOID,
    INT4ARRAYOID,
    TIMESTAMPTZOID,
];

/// What becomes of a run whose id is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Postgres raises a unique violation.
    IsAnError,
    /// It is left out.
    IsLeftOut,
}

/// Runs that one statement inserts. A guess, as for those that one locks.
const RUNS: usize = 1000;

/// A run and its place in a tree.
pub struct Placed<'a> {
    /// The run.
    pub run: &'a NewRun<'a>,
    /// The first run of its tree.
    pub root: &'a str,
    /// Steps up to that one.
    pub depth: i32,
}

/// Inserts runs, which come in the order of their ids, as started at this time, and calls `visit` with the id and the version
/// of each. Where another session inserts one of them, that one is awaited.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn insert_many<'a>(
    runs: impl Iterator<Item = Placed<'a>>,
    taken: Taken,
    now: TimestampWithTimeZone,
    mut visit: impl FnMut(&str, i64),
) -> Result<(), Refusal> {
    let mut columns = Columns::default();
    for run in runs {
        check_for_interrupts();
        let document = run.run.document()?;
        if columns.ids.len() == RUNS || columns.bytes + document.memory() > BYTES {
            std::mem::take(&mut columns).insert(taken, now, &mut visit)?;
        }
        columns.add(run, document);
    }
    columns.insert(taken, now, &mut visit)
}

/// The columns of rows that are to be inserted.
#[derive(Default)]
struct Columns<'a> {
    roots: Vec<&'a str>,
    ids: Vec<&'a str>,
    parents: Vec<Option<&'a str>>,
    depths: Vec<i32>,
    tasks: Vec<Option<&'a str>>,
    tags: Vec<String>,
    statuses: Vec<&'a str>,
    attempts: Vec<i32>,
    documents: Vec<Jsonb<'static>>,
    working: Vec<bool>,
    bounds: Vec<Option<i32>>,
    bytes: usize,
}

impl<'a> Columns<'a> {
    fn add(&mut self, Placed { run, root, depth }: Placed<'a>, document: Jsonb<'static>) {
        let tags = array_literal(&run.tags);
        self.bytes += document.memory() + tags.len();
        self.roots.push(root);
        self.ids.push(run.id);
        self.parents.push(run.parent);
        self.depths.push(depth);
        self.tasks.push(run.task);
        self.tags.push(tags);
        self.statuses.push(run.status);
        self.attempts.push(run.attempt.unwrap_or(1));
        self.documents.push(document);
        self.working.push(!status::is_waiting(run.status));
        self.bounds.push(run.size_bound());
    }

    /// Registers the runs where the layout is split, and leaves out those whose ids are taken.
    fn register(&mut self, taken: Taken) -> Result<(), Refusal> {
        let which = match taken {
            Taken::IsAnError => Registering::All,
            Taken::IsLeftOut => Registering::Free,
        };
        let (ids, roots, parents) = (self.ids.clone(), self.roots.clone(), self.parents.clone());
        let free =
            Spi::connect_mut(|client| layout::register_many(client, ids, roots, parents, which))?;
        if free.len() < self.ids.len() {
            let is_free: Vec<bool> = self.ids.iter().map(|id| free.contains(*id)).collect();
            self.retain(&is_free);
        }
        Ok(())
    }

    /// Keeps the rows for which it is true.
    fn retain(&mut self, kept: &[bool]) {
        fn retain<T>(column: &mut Vec<T>, kept: &[bool]) {
            let mut kept = kept.iter();
            column.retain(|_| kept.next() == Some(&true));
        }
        retain(&mut self.roots, kept);
        retain(&mut self.ids, kept);
        retain(&mut self.parents, kept);
        retain(&mut self.depths, kept);
        retain(&mut self.tasks, kept);
        retain(&mut self.tags, kept);
        retain(&mut self.statuses, kept);
        retain(&mut self.attempts, kept);
        retain(&mut self.documents, kept);
        retain(&mut self.working, kept);
        retain(&mut self.bounds, kept);
    }

    fn insert(
        mut self,
        taken: Taken,
        now: TimestampWithTimeZone,
        visit: &mut impl FnMut(&str, i64),
    ) -> Result<(), Refusal> {
        let is_split = layout::is_split();
        if is_split && !self.ids.is_empty() {
            self.register(taken)?;
        }
        if self.ids.is_empty() {
            return Ok(());
        }
        let required = || Refusal::Query(SpiError::InvalidPosition);
        // A connection of its own, in which the arguments are made: they are freed with it.
        Spi::connect_mut(|client: &mut SpiClient<'_>| {
            let arguments = [
                self.roots.into(),
                self.ids.into(),
                self.parents.into(),
                self.depths.into(),
                self.tasks.into(),
                self.tags.into(),
                self.statuses.into(),
                self.attempts.into(),
                self.documents.into(),
                self.working.into(),
                self.bounds.into(),
                now.into(),
            ];
            let insert = match taken {
                Taken::IsAnError => &INSERT_ALL,
                Taken::IsLeftOut => &INSERT_FREE,
            };
            let rows = insert.with(|statement| statement.run(client, &arguments))?;
            layout::check_unchanged(is_split)?;
            for row in rows {
                let id = row.get::<&str>(1)?.ok_or_else(required)?;
                visit(id, row.get(2)?.ok_or_else(required)?);
            }
            Ok(())
        })
    }
}

/// Returns texts in the form in which Postgres reads an array of them: arrays in an array would have to be of one length.
fn array_literal(texts: &[&str]) -> String {
    let mut literal = String::from("{");
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            literal.push(',');
        }
        literal.push('"');
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(character);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}
