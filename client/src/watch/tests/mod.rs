//! Watching against servers in memory: laws of the hub, and what a caller sees.

mod changes;
mod hostile;
mod laws;
mod live;
mod slots;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Snapshot;
use super::snapshot::Fields;

/// Returns a snapshot of a run of its own tree.
fn snapshot(id: &str, version: i64, metadata: &str) -> Snapshot {
    Snapshot::new(fields(id, version, metadata))
}

fn fields(id: &str, version: i64, metadata: &str) -> Fields {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let id: Arc<str> = id.into();
    Fields {
        root_id: id.clone(),
        status: "running".to_owned(),
        attempt: 1,
        updated_at: start + Duration::from_secs(version.unsigned_abs()),
        started_at: Some(start),
        metadata: metadata.into(),
        is_gone: false,
        ..Fields::gone(id.clone(), id, start, version)
    }
}
