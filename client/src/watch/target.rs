//! What can be watched.

use std::sync::Arc;

use runmeta_core::Key;

use super::Snapshot;
use crate::Error;
use crate::new_run::check_text;

/// Runs to be watched with [`Client::watch`](crate::Client::watch).
///
/// ```
/// use runmeta_client::Watch;
///
/// let bar = Watch::run("import-42").select(["progress", "$.user.name"]);
/// let family = Watch::tree("nightly");
/// let overview = Watch::task("import").unfinished();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "nothing is watched until `Client::watch` is called"]
pub struct Watch {
    target: Target,
    select: Option<Vec<String>>,
    selects_here: bool,
    keep_open: bool,
    unfinished: bool,
}

/// One run, or a set of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    Run(Arc<str>),
    /// All runs of this root.
    Tree(Arc<str>),
    Tag(Arc<str>),
    Task(Arc<str>),
    All,
}

/// The keys that are read of a document, or none for all of it.
pub(crate) type Select = Option<Arc<[String]>>;

/// What watches share that get the same snapshots, but for the keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Topic {
    pub(crate) target: Target,
    /// The first snapshots leave out finished runs.
    pub(crate) unfinished: bool,
}

/// A watch whose arguments were checked.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) topic: Topic,
    /// What the server selects.
    pub(crate) select: Select,
    /// What this process selects of it.
    pub(crate) select_here: Option<Arc<[Key]>>,
    pub(crate) keep_open: bool,
}

impl Target {
    /// Returns true if the run of a snapshot is one of these.
    pub(crate) fn has(&self, snapshot: &Snapshot) -> bool {
        match self {
            Target::Run(id) => **id == *snapshot.id(),
            Target::Tree(root) => **root == *snapshot.root_id(),
            Target::Tag(tag) => snapshot.tags().iter().any(|one| **one == **tag),
            Target::Task(task) => snapshot.task() == Some(task),
            Target::All => true,
        }
    }
}

impl Watch {
    fn new(target: Target) -> Watch {
        Watch {
            target,
            select: None,
            selects_here: false,
            keep_open: false,
            unfinished: false,
        }
    }

    /// Watches one run. It need not exist yet: the first snapshot comes when it is started. The last one is that of its final
    /// state, or one that [is gone](crate::Snapshot::is_gone) if the run is deleted before.
    pub fn run(id: impl Into<String>) -> Watch {
        Watch::new(Target::Run(id.into().into()))
    }

    /// Watches all runs of a tree, by the id of its root.
    pub fn tree(root_id: impl Into<String>) -> Watch {
        Watch::new(Target::Tree(root_id.into().into()))
    }

    /// Watches all runs with this tag.
    pub fn tag(tag: impl Into<String>) -> Watch {
        Watch::new(Target::Tag(tag.into().into()))
    }

    /// Watches all runs of this task.
    pub fn task(name: impl Into<String>) -> Watch {
        Watch::new(Target::Task(name.into().into()))
    }

    /// Watches all runs of the database.
    pub fn all() -> Watch {
        Watch::new(Target::All)
    }

    /// Reads only these keys and paths of the metadata. Snapshots then have a document with nothing else in it, and a change of
    /// anything else brings none. The server leaves out the rest, so that a watcher of `progress` does not carry long logs.
    ///
    /// Paths that lead into an array are left out: select the array.
    pub fn select(mut self, keys: impl IntoIterator<Item = impl Into<String>>) -> Watch {
        let keys = keys.into_iter().map(Into::into);
        self.select.get_or_insert_default().extend(keys);
        self
    }

    /// Selects in this process what the server would select. A run is then read whole, and once for all watches of it, where the
    /// server reads it once for each selection: for a program that watches for many others, which select different keys.
    pub fn select_here(mut self) -> Watch {
        self.selects_here = true;
        self
    }

    /// Returns what is selected, if anything is.
    pub fn selected(&self) -> Option<&[String]> {
        self.select.as_deref()
    }

    /// Goes on after the final state of the run, and after it was deleted: another attempt, or a run of the same id, may begin.
    /// Sets of runs always go on.
    pub fn keep_open(mut self) -> Watch {
        self.keep_open = true;
        self
    }

    /// Leaves out, of a set, the runs that have finished before the watch begins.
    pub fn unfinished(mut self) -> Watch {
        self.unfinished = true;
        self
    }

    pub(crate) fn check(self) -> Result<Checked, Error> {
        match &self.target {
            Target::Run(id) | Target::Tree(id) => check_text("run id", id)?,
            Target::Tag(tag) => check_text("tag", tag)?,
            Target::Task(task) => check_text("task", task)?,
            Target::All => {}
        }
        let select = self.select.map(|mut keys| {
            keys.sort();
            keys.dedup();
            keys
        });
        let keys = select.as_ref().map(|keys| {
            let keys = keys.iter().map(|key| Key::parse(key));
            keys.collect::<Result<Arc<[Key]>, _>>()
        });
        let keys = keys
            .transpose()
            .map_err(|bad| Error::invalid(bad.to_string()))?;
        let (select, select_here) = match self.selects_here {
            true => (None, keys),
            false => (select, None),
        };
        let is_set = !matches!(self.target, Target::Run(_));
        Ok(Checked {
            topic: Topic {
                unfinished: self.unfinished && is_set,
                target: self.target,
            },
            select: select.map(Into::into),
            select_here,
            keep_open: self.keep_open || is_set,
        })
    }
}
