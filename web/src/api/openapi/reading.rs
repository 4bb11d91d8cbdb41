//! The routes that read.

use super::schema::{Chart, Page, Problem, Rollup, Run, Streams, Tasks, Tree};

/// Reads a run
#[utoipa::path(get, path = "/v1/runs/{id}",
    params(
        ("id" = String, Path, description = "the run"),
    ),
    responses(
        (status = 200, description = "the run", body = Run),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such run", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn run() {}

/// Lists runs, a page at a time
#[utoipa::path(get, path = "/v1/runs",
    params(
        ("tag" = Option<String>, Query, description = "with this tag"),
        ("task" = Option<String>, Query, description = "of this task"),
        ("status" = Option<String>, Query, description = "with this status, or one of several with commas between them"),
        ("root" = Option<String>, Query, description = "of this tree"),
        ("text" = Option<String>, Query, description = "of which this is part of the id or the task, or a tag"),
        ("finished" = Option<bool>, Query, description = "that have finished, or that have not"),
        ("roots" = Option<bool>, Query, description = "only those without a parent"),
        ("sort" = Option<String>, Query, description = "created, updated, finished, id, task, status or duration, with a minus in front for the reverse; -created if it is missing"),
        ("after" = Option<String>, Query, description = "the member next of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 500, 50 if it is missing"),
        ("select" = Option<String>, Query, description = "keys of the metadata, with commas between them; all if it is missing, none if it is empty"),
    ),
    responses(
        (status = 200, description = "a page", body = Page),
        (status = 400, description = "a parameter is invalid", body = Problem),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn runs() {}

/// Reads a run and those below it, depth first
#[utoipa::path(get, path = "/v1/runs/{id}/tree",
    params(
        ("id" = String, Path, description = "the run"),
        ("select" = Option<String>, Query, description = "keys of the metadata, with commas between them; all if it is missing, none if it is empty"),
        ("limit" = Option<u32>, Query, description = "1 to 5000"),
    ),
    responses(
        (status = 200, description = "the tree", body = Tree),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such run", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn tree() {}

/// Adds up the numbers at a key in the runs below a run
#[utoipa::path(get, path = "/v1/runs/{id}/rollup",
    params(
        ("id" = String, Path, description = "the run"),
        ("key" = String, Query, description = "a key or path"),
        ("depth" = Option<i32>, Query, description = "levels below the run"),
        ("task" = Option<String>, Query, description = "of this task"),
    ),
    responses(
        (status = 200, description = "the sums", body = Rollup),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such run", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn rollup() {}

/// Counts the runs of each task
#[utoipa::path(get, path = "/v1/tasks",
    responses(
        (status = 200, description = "the tasks", body = Tasks),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn tasks() {}

/// Counts the runs of a task over time
#[utoipa::path(get, path = "/v1/tasks/{task}",
    params(
        ("task" = String, Path, description = "the task"),
        ("hours" = Option<u32>, Query, description = "1 to 8784, 24 if it is missing"),
    ),
    responses(
        (status = 200, description = "the chart", body = Chart),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such run", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn task() {}

/// Follows a run with server-sent events
#[utoipa::path(get, path = "/v1/runs/{id}/events",
    params(
        ("id" = String, Path, description = "the run"),
        ("select" = Option<String>, Query, description = "keys of the metadata, with commas between them; all if it is missing, none if it is empty"),
        ("keep_open" = Option<bool>, Query, description = "goes on after the run has finished"),
        ("wait" = Option<bool>, Query, description = "waits for a run that does not exist yet"),
        ("Last-Event-ID" = Option<i64>, Header, description = "the version that was received last, to go on behind it"),
        ("last_event_id" = Option<i64>, Query, description = "as the header Last-Event-ID, for an EventSource that is opened anew"),
        ("ticket" = Option<String>, Query, description = "instead of a key"),
    ),
    responses(
        (status = 200, description = "events", body = String, content_type = "text/event-stream"),
        (status = 204, description = "the run has finished, and its last version was received"),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such run", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn events() {}

/// Follows a set of runs with server-sent events: snapshots, the event `ready` once all were sent, and then changes
#[utoipa::path(get, path = "/v1/events",
    params(
        ("tag" = Option<String>, Query, description = "with this tag"),
        ("task" = Option<String>, Query, description = "of this task"),
        ("root" = Option<String>, Query, description = "of this tree"),
        ("all" = Option<String>, Query, description = "all runs"),
        ("select" = Option<String>, Query, description = "keys of the metadata, with commas between them; all if it is missing, none if it is empty"),
        ("unfinished" = Option<bool>, Query, description = "begins without those that have finished"),
        ("ticket" = Option<String>, Query, description = "instead of a key"),
    ),
    responses(
        (status = 200, description = "events", body = String, content_type = "text/event-stream"),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn set_events() {}

/// Lists the streams of a run
#[utoipa::path(get, path = "/v1/runs/{id}/streams",
    params(
        ("id" = String, Path, description = "the run"),
    ),
    responses(
        (status = 200, description = "the streams", body = Streams),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such run", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn streams() {}

/// Follows a stream with server-sent events
#[utoipa::path(get, path = "/v1/runs/{id}/streams/{name}",
    params(
        ("id" = String, Path, description = "the run"),
        ("name" = String, Path, description = "the stream"),
        ("Last-Event-ID" = Option<i64>, Header, description = "the number of the last chunk that was received"),
        ("after" = Option<i64>, Query, description = "the same, for who cannot send a header"),
        ("ticket" = Option<String>, Query, description = "instead of a key"),
    ),
    responses(
        (status = 200, description = "chunks", body = String, content_type = "text/event-stream"),
        (status = 204, description = "the stream has ended, and its last chunk was received"),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such run", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn stream() {}
