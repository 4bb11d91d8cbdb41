//! What a caller may change.

use std::collections::HashMap;

use runmeta_client::Snapshot;

use super::{Caller, refusal};
use crate::Problem;
use crate::auth::scope::Action;

/// A run that is to be changed, and whether its parent and its root are too.
pub(crate) struct Write<'a> {
    pub(crate) id: &'a str,
    pub(crate) parent: bool,
    pub(crate) root: bool,
}

impl Write<'_> {
    /// Returns the scopes that include it. Relatives are not named: who may change a run need not know them.
    fn needs(&self) -> String {
        let run = refusal::of_run(Action::Write, self.id);
        let relatives = match (self.parent, self.root) {
            (false, false) => return run,
            (true, false) => "parent",
            (false, true) => "root",
            (true, true) => "parent and root",
        };
        format!(
            "{run}; and for operations of its {relatives}, write:tree:ROOT, or write:runs: with their ids"
        )
    }
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
        match self.has_id(id) {
            true => Ok(()),
            false => Err(self.refused(&refusal::of_id(Action::Write, id))),
        }
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
        if self.has(|scope| scope.has_all(Action::Write)) {
            return Ok(());
        }
        let is_unknown = |write: &&Write<'_>| write.parent || write.root || !self.has_id(write.id);
        let unknown: Vec<_> = writes.iter().filter(is_unknown).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let client = self.client().await?;
        let runs = client.columns(unknown.iter().map(|write| write.id)).await?;
        let runs: HashMap<_, _> = runs.iter().map(|run| (run.id(), run)).collect();
        for write in unknown {
            let run = runs.get(write.id);
            if !run.is_some_and(|run| self.has_read(write, run)) {
                return Err(self.refused(&write.needs()));
            }
        }
        Ok(())
    }

    fn has_id(&self, id: &str) -> bool {
        self.has(|scope| scope.has_id(Action::Write, id))
    }

    fn has_read(&self, write: &Write<'_>, run: &Snapshot) -> bool {
        let relatives = [
            run.parent_id().filter(|_| write.parent),
            Some(run.root_id()).filter(|_| write.root),
        ];
        let mut relatives = relatives.into_iter().flatten();
        self.has(|scope| scope.has_run(Action::Write, run))
            && (self.has(|scope| scope.has_tree(Action::Write, run.root_id()))
                || relatives.all(|relative| self.has_id(relative)))
    }
}
