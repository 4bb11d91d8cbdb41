//! What a caller may change.

use std::collections::HashMap;

use runmeta_client::Snapshot;

use super::Caller;
use crate::Problem;
use crate::auth::scope::Action;

/// A run that is to be changed, and whether its parent and its root are too.
pub(crate) struct Write<'a> {
    pub(crate) id: &'a str,
    pub(crate) parent: bool,
    pub(crate) root: bool,
}

impl Caller {
    /// Checks that the caller may change the run of this id, and start it.
    ///
    /// # Errors
    ///
    /// 403.
    pub fn writes_run(&self, id: &str) -> Result<(), Problem> {
        if self.key.read_only {
            return Err(Problem::forbidden().detail("the key may only read"));
        }
        self.allowed(|scope| scope.has_id(Action::Write, id))
    }

    /// Checks that the caller may change a run, by its id, tags, task or root, and if asked for also its parent and its root. Reads
    /// the run if its id alone does not tell.
    ///
    /// # Errors
    ///
    /// 403, in the same words if the run does not exist.
    pub async fn writes(&self, id: &str, parent: bool, root: bool) -> Result<(), Problem> {
        self.writes_all(&[Write { id, parent, root }]).await
    }

    /// Checks the same of many runs. Those whose id alone does not tell are read by one statement.
    ///
    /// # Errors
    ///
    /// 403 if one of them may not be changed.
    pub(crate) async fn writes_all(&self, writes: &[Write<'_>]) -> Result<(), Problem> {
        if self.key.read_only {
            return Err(Problem::forbidden().detail("the key may only read"));
        }
        let may_write_all = self.allowed(|scope| scope.has_all(Action::Write)).is_ok();
        if self.is_secret() || may_write_all {
            return Ok(());
        }
        let is_unknown =
            |write: &&Write<'_>| write.parent || write.root || self.writes_run(write.id).is_err();
        let unknown: Vec<_> = writes.iter().filter(is_unknown).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let client = self.client().await?;
        let runs = client.columns(unknown.iter().map(|write| write.id)).await?;
        let runs: HashMap<_, _> = runs.iter().map(|run| (run.id(), run)).collect();
        for write in unknown {
            let run = runs.get(write.id).ok_or_else(Problem::forbidden)?;
            self.writes_read(write, run)?;
        }
        Ok(())
    }

    fn writes_read(&self, write: &Write<'_>, run: &Snapshot) -> Result<(), Problem> {
        self.allowed(|scope| scope.has_run(Action::Write, run))?;
        let tree = self.allowed(|scope| scope.has_tree(Action::Write, run.root_id()));
        let relatives = [
            run.parent_id().filter(|_| write.parent),
            Some(run.root_id()).filter(|_| write.root),
        ];
        for relative in relatives.into_iter().flatten() {
            tree.clone().or_else(|_| self.writes_run(relative))?;
        }
        Ok(())
    }
}
