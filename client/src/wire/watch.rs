//! What the hub of the watches asks of a server.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::mpsc;

use crate::watch::notice::Notice;
use crate::watch::target::{Select, Target};

/// What connects the hub with a server.
#[derive(Debug)]
pub(crate) struct Line {
    /// The timeline of the server: another one may lack what was read before.
    pub(crate) timeline: i64,
    /// The time of the server.
    pub(crate) time: SystemTime,
    /// What is announced, until the connection is lost. `None` if no notifications come through: then the hub polls.
    pub(crate) notices: Option<mpsc::Receiver<Notice>>,
}

/// Runs whose versions are wanted.
#[derive(Clone, Debug)]
pub(crate) enum List {
    /// These.
    Runs(Vec<Arc<str>>),
    Set(ListSet),
}

/// A page of a set of runs, in the order of their ids.
#[derive(Clone, Debug)]
pub(crate) struct ListSet {
    pub(crate) target: Target,
    /// Without those that finished before this time, or have finished at all if there is none.
    pub(crate) unfinished: Option<Option<SystemTime>>,
    /// Behind this id.
    pub(crate) after: Option<Arc<str>>,
    pub(crate) most: usize,
}

/// A run that exists.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) id: Arc<str>,
    pub(crate) created_at: SystemTime,
    pub(crate) version: i64,
}

/// Runs whose state is wanted. The answer has a snapshot of each that exists and is wanted.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// Each with whether it is wanted whatever its task and tags are.
    pub(crate) runs: Vec<(Arc<str>, bool)>,
    /// The others are wanted if they are of one of these tasks or have one of these tags.
    pub(crate) tasks: Vec<Arc<str>>,
    pub(crate) tags: Vec<Arc<str>>,
    /// What is wanted of the metadata.
    pub(crate) select: Select,
}
