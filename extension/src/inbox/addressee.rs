//! The run that a list is for, as the statement's snapshot shows it, without a lock.

use pgrx::pg_sys::BuiltinOid::{BOOLARRAYOID, TEXTARRAYOID, TEXTOID};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError, SpiTupleTable};
use runmeta_core::wire::Target;

use crate::layout::{self, ByRoot};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static OWN: ByRoot = const { ByRoot::new(
        include_str!("sql/find_own.sql"),
        &[TEXTOID, TEXTOID],
    ) };
    static PARENT: Statement = const { Statement::new(
        include_str!("sql/find_parent.sql"),
        &[TEXTOID],
    ) };
    static ROOT: Statement = const { Statement::new(
        include_str!("sql/find_root.sql"),
        &[TEXTOID],
    ) };
    static MANY: Statement = const { Statement::new(
        include_str!("sql/find_many.sql"),
        &[TEXTARRAYOID, BOOLARRAYOID],
    ) };
    static MANY_OWN: ByRoot = const { ByRoot::new(
        include_str!("sql/find_many_own.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
}

/// A run that a list is for.
#[derive(Clone)]
pub struct Addressee {
    /// The first run of its tree.
    pub root: String,
    /// Its id.
    pub id: String,
    /// When it was started.
    pub created_at: TimestampWithTimeZone,
    /// What its document has at the most as compact JSON, if that is known.
    pub size_bound: Option<i32>,
    /// When it finished, if it did.
    pub finished_at: Option<TimestampWithTimeZone>,
    /// Its stored version.
    pub version: i64,
    /// Its newest attempt.
    pub attempt: i32,
}

impl Addressee {
    /// Finds the run that is addressed from `run_id`. `None` if there is none.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn find(
        client: &mut SpiClient<'_>,
        run_id: &str,
        target: Target,
    ) -> Result<Option<Addressee>, Refusal> {
        let one = |find: &'static std::thread::LocalKey<Statement>, client: &mut SpiClient<'_>| {
            let mut rows = find.with(|statement| statement.run(client, &[run_id.into()]))?;
            rows.next().map(|_| Addressee::read(&rows)).transpose()
        };
        let rows = match target {
            Target::Own => OWN.with(|statement| statement.run(client, run_id, Vec::new()))?,
            _ if layout::is_split() => match layout::relative(client, run_id, target)? {
                Some((root, id)) => {
                    let run = |statement: &ByRoot| statement.run_in(client, &root, &id, Vec::new());
                    Some(OWN.with(run)?)
                }
                None => None,
            },
            Target::Parent => return one(&PARENT, client),
            Target::Root => return one(&ROOT, client),
        };
        let Some(mut rows) = rows else {
            return Ok(None);
        };
        rows.next().map(|_| Addressee::read(&rows)).transpose()
    }

    /// Finds the runs that are addressed from others: as parents (`Some(false)`), roots (`Some(true)`) or themselves (`None`),
    /// each with its position among those.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn find_many(
        client: &mut SpiClient<'_>,
        run_ids: Vec<&str>,
        roots: Vec<Option<bool>>,
    ) -> Result<Vec<(usize, Addressee)>, Refusal> {
        // A list for a run itself takes one look-up instead of two.
        let mut rows = match roots.iter().all(Option::is_none) {
            true => MANY_OWN.with(|statement| statement.read_by_index(client, run_ids))?,
            false if layout::is_split() => {
                let (ids, of) = layout::relatives(client, &run_ids, &roots)?;
                let ids = ids.iter().map(Option::as_deref).collect();
                MANY_OWN.with(|statement| statement.read_these_by_index(client, ids, of))?
            }
            false => {
                let arguments = [run_ids.into(), roots.into()];
                MANY.with(|statement| statement.run(client, &arguments))?
            }
        };
        let mut found = Vec::with_capacity(rows.len());
        while rows.next().is_some() {
            let position = rows.get::<i64>(8)?.unwrap_or(0);
            let position = usize::try_from(position - 1).unwrap_or(usize::MAX);
            found.push((position, Addressee::read(&rows)?));
        }
        Ok(found)
    }

    /// Returns the bytes that the document has at the most, 0 if that is not known.
    pub fn size(&self) -> usize {
        let bound = self
            .size_bound
            .and_then(|bound| usize::try_from(bound).ok());
        bound.unwrap_or(0)
    }

    /// Reads the row that `rows` stands at: root_id, id, created_at, size_bound, finished_at, version, attempt.
    fn read(rows: &SpiTupleTable<'_>) -> Result<Addressee, Refusal> {
        let required = || Refusal::Query(SpiError::InvalidPosition);
        Ok(Addressee {
            root: rows.get(1)?.ok_or_else(required)?,
            id: rows.get(2)?.ok_or_else(required)?,
            created_at: rows.get(3)?.ok_or_else(required)?,
            size_bound: rows.get(4)?,
            finished_at: rows.get(5)?,
            version: rows.get(6)?.ok_or_else(required)?,
            attempt: rows.get(7)?.ok_or_else(required)?,
        })
    }
}
