//! A run as it is shown.

use std::time::{Duration, SystemTime};

use runmeta_client::Snapshot;
use serde_json::Value;

/// A run in one of its states.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) status: String,
    pub(crate) attempt: i32,
    /// When the attempt began to run; none while it is queued.
    pub(crate) started: Option<SystemTime>,
    pub(crate) finished: Option<SystemTime>,
    /// It was deleted.
    pub(crate) gone: bool,
    pub(crate) metadata: Value,
}

impl Run {
    /// Takes what a watcher got.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        Self {
            id: snapshot.id().to_owned(),
            parent: snapshot.parent_id().map(str::to_owned),
            status: snapshot.status().to_owned(),
            attempt: snapshot.attempt(),
            started: snapshot.started_at(),
            finished: snapshot.finished_at(),
            gone: snapshot.is_gone(),
            metadata: snapshot.metadata(),
        }
    }

    /// Tells whether nothing more is expected of it.
    pub(crate) fn is_over(&self) -> bool {
        self.gone || self.finished.is_some()
    }

    /// Returns its status, or that it was deleted.
    pub(crate) fn status(&self) -> &str {
        match self.gone {
            true => "deleted",
            false => &self.status,
        }
    }

    /// Returns how long the attempt has run at this time, or ran until it finished.
    pub(crate) fn elapsed(&self, now: SystemTime) -> Option<Duration> {
        let end = self.finished.unwrap_or(now);
        // Clocks of two machines differ.
        Some(end.duration_since(self.started?).unwrap_or_default())
    }
}
