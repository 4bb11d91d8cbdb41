//! The bodies of requests and answers.

#![expect(dead_code, reason = "their fields are read by the macro only")]

use std::collections::HashMap;

use serde_json::Value;
use utoipa::ToSchema;

use super::operation::Operation;

/// A run. What there is not, such as `finished_at` of a run that has not finished, is left out.
#[derive(ToSchema)]
pub(super) struct Run {
    id: String,
    /// The first run of its tree: itself, if it has no parent.
    root_id: String,
    parent_id: Option<String>,
    /// Steps up to the root.
    depth: i32,
    task: Option<String>,
    tags: Vec<String>,
    status: String,
    attempt: i32,
    /// The counter of its changes, 1 at the start.
    version: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    updated_at: String,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    #[schema(value_type = HashMap<String, Value>, additional_properties)]
    metadata: Value,
}

/// A run in short: for a caller who may change it and not read it, or who leaves so many answers unread that there is no memory.
#[derive(ToSchema)]
pub(super) struct Changed {
    id: String,
    status: String,
    attempt: i32,
    version: i64,
}

/// A page of runs.
#[derive(ToSchema)]
pub(super) struct Page {
    runs: Vec<Run>,
    /// The parameter `after` of the next page; null if there is none.
    #[schema(required)]
    next: Option<String>,
}

/// A run and those below it.
#[derive(ToSchema)]
pub(super) struct Tree {
    runs: Vec<Run>,
    /// True if there are more.
    truncated: bool,
}

/// The numbers at a key in the runs below a run. Without any, there is no sum.
#[derive(ToSchema)]
pub(super) struct Rollup {
    count: i64,
    #[schema(required)]
    sum: Option<f64>,
    #[schema(required)]
    min: Option<f64>,
    #[schema(required)]
    max: Option<f64>,
    #[schema(required)]
    average: Option<f64>,
    /// Runs that have nothing at the key.
    missing: i64,
    /// Runs that have something else there.
    not_numbers: i64,
}

/// All tasks.
#[derive(ToSchema)]
pub(super) struct Tasks {
    tasks: Vec<Task>,
}

/// How many runs of a task there are.
#[derive(ToSchema)]
pub(super) struct Task {
    task: String,
    runs: i64,
    unfinished: i64,
    queued: i64,
    running: i64,
    completed: i64,
    failed: i64,
    /// By any status.
    statuses: HashMap<String, i64>,
    /// When the newest was started.
    #[schema(format = DateTime)]
    last: String,
}

/// What became of the runs of a task over time.
#[derive(ToSchema)]
pub(super) struct Chart {
    task: String,
    buckets: Vec<Bucket>,
}

/// The same in a span of time.
#[derive(ToSchema)]
pub(super) struct Bucket {
    #[schema(format = DateTime)]
    at: String,
    started: i64,
    completed: i64,
    /// Those that finished with another status.
    failed: i64,
    #[schema(required)]
    p50_seconds: Option<f64>,
    #[schema(required)]
    p95_seconds: Option<f64>,
}

/// A run to be started.
#[derive(ToSchema)]
pub(super) struct NewRun {
    id: String,
    #[schema(value_type = Option<HashMap<String, Value>>, additional_properties)]
    metadata: Option<Value>,
    parent: Option<String>,
    task: Option<String>,
    tags: Option<Vec<String>>,
    status: Option<String>,
    attempt: Option<i32>,
}

/// Lists of operations.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Lists {
    operations: Option<Vec<Operation>>,
    parent_operations: Option<Vec<Operation>>,
    root_operations: Option<Vec<Operation>>,
}

/// Lists of operations for a run.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Entry {
    run: String,
    operations: Option<Vec<Operation>>,
    parent_operations: Option<Vec<Operation>>,
    root_operations: Option<Vec<Operation>>,
}

/// The streams of a run.
#[derive(ToSchema)]
pub(super) struct Streams {
    streams: Vec<Stream>,
}

/// A stream.
#[derive(ToSchema)]
pub(super) struct Stream {
    name: String,
    chunks: i64,
    closed: bool,
    /// Why it ended, if not as it should.
    #[schema(required)]
    error: Option<String>,
}

/// Chunks that the request had.
#[derive(ToSchema)]
pub(super) struct Appended {
    chunks: i64,
}

/// The status of a run.
#[derive(ToSchema)]
pub(super) struct Status {
    status: String,
    /// The attempt that the run must be at.
    attempt: Option<i32>,
}

/// The path of an event stream.
#[derive(ToSchema)]
pub(super) struct Wanted {
    path: String,
}

/// A ticket for it.
#[derive(ToSchema)]
pub(super) struct Ticket {
    ticket: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// What is wrong with a request, as in RFC 9457.
#[derive(ToSchema)]
pub(super) struct Problem {
    r#type: String,
    title: String,
    status: u16,
    detail: Option<String>,
    hint: Option<String>,
    sqlstate: Option<String>,
}
