//! A run as replies of the API have it. The client checks that each required member is there.

use std::time::{Duration, SystemTime};

use runmeta_client::{Snapshot, rfc3339};
use serde::Serialize;
use serde_json::value::RawValue;

use super::status::Status;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    id: String,
    status: &'static str,
    task_identifier: String,
    is_queued: bool,
    is_executing: bool,
    is_waiting: bool,
    is_completed: bool,
    is_success: bool,
    is_failed: bool,
    is_cancelled: bool,
    is_test: bool,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    tags: Vec<String>,
    cost_in_cents: u8,
    base_cost_in_cents: u8,
    duration_ms: u64,
    depth: i32,
    trigger_function: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Box<RawValue>>,
}

impl Run {
    pub(super) fn of(run: &Snapshot) -> Run {
        let metadata = RawValue::from_string(run.metadata_json().to_owned());
        Run {
            metadata: metadata.ok(),
            ..Run::without_metadata(run)
        }
    }

    pub(super) fn without_metadata(run: &Snapshot) -> Run {
        let status = Status::of(run);
        Run {
            id: run.id().to_owned(),
            status: status.of_api(),
            task_identifier: run.task().unwrap_or_default().to_owned(),
            is_queued: status.is_queued(),
            is_executing: status == Status::Executing,
            is_waiting: status == Status::Waiting,
            is_completed: status.is_final(),
            is_success: status == Status::Completed,
            is_failed: status.is_failed(),
            is_cancelled: status == Status::Canceled,
            is_test: false,
            created_at: rfc3339(run.created_at()),
            updated_at: rfc3339(run.updated_at()),
            started_at: run.started_at().map(rfc3339),
            finished_at: run.finished_at().map(rfc3339),
            tags: run.tags().to_vec(),
            cost_in_cents: 0,
            base_cost_in_cents: 0,
            duration_ms: duration(run).as_millis() as u64,
            depth: run.depth(),
            trigger_function: "trigger",
            metadata: None,
        }
    }
}

/// Returns how long the attempt has worked, so far if it has not finished.
fn duration(run: &Snapshot) -> Duration {
    let until = run.finished_at().unwrap_or_else(SystemTime::now);
    let from = run.started_at().unwrap_or(until);
    until.duration_since(from).unwrap_or_default()
}
