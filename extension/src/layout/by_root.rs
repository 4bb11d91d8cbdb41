//! A statement that finds runs by their ids, and where the layout is split by their roots too.

use pgrx::PgBuiltInOids;
use pgrx::datum::DatumWithOid;
use pgrx::spi::{SpiClient, SpiTupleTable};

use super::{find, find_many, is_distributed, is_split};
use crate::refusal::Refusal;
use crate::statement::Statement;

/// A statement in both shapes. Its first argument is an id, or ids; where the layout is split the last one is the root, or roots.
pub struct ByRoot {
    plain: Statement,
    split: Statement,
}

impl ByRoot {
    /// Describes a statement with arguments of these types, of which the last one is left out where the layout is plain.
    pub const fn new(text: &'static str, arguments: &'static [PgBuiltInOids]) -> Self {
        let plain = match arguments.split_last() {
            Some((_, plain)) => plain,
            None => arguments,
        };
        ByRoot {
            plain: Statement::new(text, plain),
            split: Statement::split(text, arguments),
        }
    }

    /// Runs the statement for a run. `None` if the layout is split and there is no such run.
    ///
    /// # Errors
    ///
    /// As [`Statement::run`].
    pub fn run<'conn>(
        &self,
        client: &mut SpiClient<'conn>,
        id: &str,
        others: Vec<DatumWithOid<'_>>,
    ) -> Result<Option<SpiTupleTable<'conn>>, Refusal> {
        if is_split() {
            let found = find(client, id)?;
            return found
                .map(|found| self.run_in(client, &found.root, id, others))
                .transpose();
        }
        let mut arguments = vec![id.into()];
        arguments.extend(others);
        self.plain.run(client, &arguments).map(Some)
    }

    /// Runs the statement for a run of which the root is known, where the layout is split.
    ///
    /// # Errors
    ///
    /// As [`Statement::run`].
    pub fn run_in<'conn>(
        &self,
        client: &mut SpiClient<'conn>,
        root: &str,
        id: &str,
        others: Vec<DatumWithOid<'_>>,
    ) -> Result<SpiTupleTable<'conn>, Refusal> {
        let mut arguments = vec![id.into()];
        arguments.extend(others);
        arguments.push(root.into());
        self.split.run(client, &arguments)
    }

    /// Runs the statement for many runs, which it takes by index.
    ///
    /// # Errors
    ///
    /// As [`Statement::run`].
    pub fn read_by_index<'conn>(
        &self,
        client: &mut SpiClient<'conn>,
        ids: Vec<&str>,
    ) -> Result<SpiTupleTable<'conn>, Refusal> {
        if !is_split() {
            return self.plain.read_by_index(client, &[ids.into()]);
        }
        let found = find_many(client, &ids)?;
        let root = |found: Option<super::roots::Found>| found.map(|found| found.root);
        let roots: Vec<Option<String>> = found.into_iter().map(root).collect();
        let ids = ids.into_iter().map(Some).collect();
        self.read_these_by_index(client, ids, roots)
    }

    /// Runs a statement that locks runs, which it takes by index. Where Citus has distributed the tables, they lie in one shard.
    ///
    /// # Errors
    ///
    /// As [`Statement::run`].
    pub fn lock_by_index<'conn>(
        &self,
        client: &mut SpiClient<'conn>,
        ids: Vec<&str>,
    ) -> Result<SpiTupleTable<'conn>, Refusal> {
        if !is_distributed() {
            return self.read_by_index(client, ids);
        }
        let found = find_many(client, &ids)?;
        let runs = ids.into_iter().zip(&found);
        let runs = runs.filter_map(|(id, found)| Some((id, found.as_ref()?.root.as_str())));
        let (mut ids, mut roots): (Vec<&str>, Vec<&str>) = runs.unzip();
        if ids.is_empty() {
            // No run has such an id, and Citus needs a root to find the shard.
            (ids, roots) = (vec![""], vec![""]);
        }
        self.split
            .read_by_index(client, &[ids.into(), roots.into()])
    }

    /// Runs the statement for many runs, of which the roots are known where the layout is split.
    ///
    /// # Errors
    ///
    /// As [`Statement::run`].
    pub fn read_known_by_index<'conn, 'a>(
        &self,
        client: &mut SpiClient<'conn>,
        ids: Vec<&str>,
        roots: impl Iterator<Item = Option<&'a str>>,
    ) -> Result<SpiTupleTable<'conn>, Refusal> {
        let roots: Option<Vec<&str>> = match is_split() {
            true => roots.collect(),
            false => None,
        };
        match roots {
            Some(roots) => self
                .split
                .read_by_index(client, &[ids.into(), roots.into()]),
            // The layout may have changed since they were looked for.
            None => self.read_by_index(client, ids),
        }
    }

    /// Runs the statement for many runs of which the roots are known, where the layout is split. It finds none for a place
    /// without a root.
    ///
    /// # Errors
    ///
    /// As [`Statement::run`].
    pub fn read_these_by_index<'conn>(
        &self,
        client: &mut SpiClient<'conn>,
        ids: Vec<Option<&str>>,
        roots: Vec<Option<String>>,
    ) -> Result<SpiTupleTable<'conn>, Refusal> {
        self.split
            .read_by_index(client, &[ids.into(), roots.into()])
    }
}
