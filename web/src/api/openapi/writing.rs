//! The routes that change something.

use super::changed::ChangedRun;
use super::operation::Results;
use super::schema::{Appended, Entry, Lists, NewRun, Problem, Status, Ticket, Wanted};

/// Starts a run, or finds it
#[utoipa::path(post, path = "/v1/runs",
    request_body = NewRun,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "makes the request take effect once"),
    ),
    responses(
        (status = 201, description = "the run is new", body = ChangedRun),
        (status = 200, description = "it was there", body = ChangedRun),
        (status = 409, description = "the run has finished, is at another attempt, or its stream is closed", body = Problem),
        (status = 413, description = "the body or the document is too large", body = Problem),
        (status = 422, description = "the metadata does not fit the contract of its task", body = Problem),
        (status = 400, description = "the request is invalid", body = Problem),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such parent", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn start() {}

/// Changes the metadata of a run, its parent and its root
#[utoipa::path(post, path = "/v1/runs/{id}/operations",
    request_body = Lists,
    params(
        ("id" = String, Path, description = "the run"),
        ("Idempotency-Key" = Option<String>, Header, description = "makes the request take effect once"),
    ),
    responses(
        (status = 200, description = "what became of each list", body = Results),
        (status = 409, description = "the run has finished, is at another attempt, or its stream is closed", body = Problem),
        (status = 413, description = "the body or the document is too large", body = Problem),
        (status = 422, description = "the metadata does not fit the contract of its task", body = Problem),
        (status = 400, description = "the request is invalid", body = Problem),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such run", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn operations() {}

/// Changes the metadata of many runs
#[utoipa::path(post, path = "/v1/operations",
    request_body = Vec<Entry>,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "makes the request take effect once"),
    ),
    responses(
        (status = 200, description = "what became of each list", body = Results),
        (status = 409, description = "the run has finished, is at another attempt, or its stream is closed", body = Problem),
        (status = 413, description = "the body or the document is too large", body = Problem),
        (status = 422, description = "the metadata does not fit the contract of its task", body = Problem),
        (status = 400, description = "the request is invalid", body = Problem),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn batch() {}

/// Finishes a run
#[utoipa::path(post, path = "/v1/runs/{id}/finish",
    request_body = Option<Status>,
    params(
        ("id" = String, Path, description = "the run"),
        ("Idempotency-Key" = Option<String>, Header, description = "makes the request take effect once"),
    ),
    responses(
        (status = 200, description = "the run", body = ChangedRun),
        (status = 409, description = "the run has finished, is at another attempt, or its stream is closed", body = Problem),
        (status = 413, description = "the body or the document is too large", body = Problem),
        (status = 400, description = "the request is invalid", body = Problem),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such run", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn finish() {}

/// Sets the status of a run
#[utoipa::path(post, path = "/v1/runs/{id}/status",
    request_body = Status,
    params(
        ("id" = String, Path, description = "the run"),
        ("Idempotency-Key" = Option<String>, Header, description = "makes the request take effect once"),
    ),
    responses(
        (status = 200, description = "the run", body = ChangedRun),
        (status = 409, description = "the run has finished, is at another attempt, or its stream is closed", body = Problem),
        (status = 413, description = "the body or the document is too large", body = Problem),
        (status = 400, description = "the request is invalid", body = Problem),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such run", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn status() {}

/// Appends chunks to a stream
#[utoipa::path(post, path = "/v1/runs/{id}/streams/{name}",
    request_body(description = "the chunks: the elements of an array, or a chunk a line", content(
        (Vec<serde_json::Value> = "application/json"),
        (String = "application/x-ndjson"),
    )),
    params(
        ("id" = String, Path, description = "the run"),
        ("name" = String, Path, description = "the stream"),
        ("close" = Option<bool>, Query, description = "closes the stream behind them"),
        ("Idempotency-Key" = Option<String>, Header, description = "makes the request take effect once"),
    ),
    responses(
        (status = 200, description = "they are stored", body = Appended),
        (status = 409, description = "the run has finished, is at another attempt, or its stream is closed", body = Problem),
        (status = 413, description = "the body or the document is too large", body = Problem),
        (status = 400, description = "the request is invalid", body = Problem),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such run", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn append() {}

/// Exchanges the key for a ticket, which an EventSource puts into its URL
#[utoipa::path(post, path = "/v1/tickets",
    request_body = Wanted,
    responses(
        (status = 201, description = "a ticket for one use within 30 s", body = Ticket),
        (status = 400, description = "the path is not that of an event stream", body = Problem),
        (status = 401, description = "no valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "the scopes of the token do not include it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the database is away", body = Problem, content_type = "application/problem+json"),
    ))]
#[expect(dead_code, reason = "it is read by the macro only")]
pub(super) fn ticket() {}
