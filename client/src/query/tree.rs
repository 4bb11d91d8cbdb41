//! A run and those below it.

use super::runs::check_keys;
use crate::new_run::check_text;
use crate::{Client, Error, Snapshot};

/// The run to begin with, and how much is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) id: String,
    pub(crate) limit: u32,
    pub(crate) select: Option<Vec<String>>,
}

impl Client {
    /// Returns a run and the runs below it, depth first, each under its parent in the order in which they were started; and
    /// true if there are more than `limit`, or than have room in 8 MiB of metadata. None if there is no such run. With `select`, only
    /// these keys of the metadata are read.
    ///
    /// # Errors
    ///
    /// As [`runs`](Client::runs).
    pub async fn tree(
        &self,
        id: &str,
        limit: u32,
        select: Option<Vec<String>>,
    ) -> Result<(Vec<Snapshot>, bool), Error> {
        check_text("run id", id)?;
        check_keys(&select)?;
        let tree = Tree {
            id: id.to_owned(),
            limit,
            select,
        };
        self.ask(move |server| server.tree(tree.clone())).await
    }

    /// Returns count, sum, min, max and average of the numbers at a key in the runs below a run, with how many are missing
    /// there and how many are no numbers, as the text of a JSON object in which the numbers are exact. `depth` is how many levels,
    /// `task` whose runs, all if there is none.
    ///
    /// # Errors
    ///
    /// As [`runs`](Client::runs); and the depth is not positive: SQLSTATE 22023.
    pub async fn rollup(
        &self,
        id: &str,
        key: &str,
        depth: Option<i32>,
        task: Option<&str>,
    ) -> Result<String, Error> {
        check_text("run id", id)?;
        task.map_or(Ok(()), |task| check_text("task", task))?;
        check_keys(&Some(vec![key.to_owned()]))?;
        let (id, key, task) = (id.to_owned(), key.to_owned(), task.map(str::to_owned));
        self.ask(move |server| server.rollup(id.clone(), key.clone(), depth, task.clone()))
            .await
    }
}
