//! Subscriptions to runs: the shape log of Electric, by long polling.
//!
//! | route | runs |
//! |---|---|
//! | `GET /realtime/v1/runs/:id` | one |
//! | `GET /realtime/v1/runs?tags=a,b&createdAt=1h` | those with all of these tags that were started in that time, 24 hours by default |
//! | `GET /realtime/v1/batches/:id` | those with the batch's id as a tag: runmeta has no other batches |
//!
//! An answer is a whole body with its length, since clients do not survive one that is cut behind its headers. Streams of runs are
//! listed for one run; in sets, only those that are announced in the metadata.

mod hold;
mod reply;
mod request;
mod row;
mod run;

use axum::extract::{Path, Query as UriQuery, State};
use axum::response::Response;

use crate::{Caller, Gateway, Problem};
use hold::Hold;
use request::Poll;

type Pairs = UriQuery<Vec<(String, String)>>;

/// Subscribes to a run.
pub(super) async fn run(
    State(gateway): State<Gateway>,
    caller: Caller,
    Path(id): Path<String>,
    UriQuery(query): Pairs,
) -> Result<Response, Problem> {
    let poll = poll(&caller, &query)?;
    run::answer(&gateway, &caller, &id, poll).await
}

/// Subscribes to the runs with all of some tags.
pub(super) async fn runs() -> Problem {
    Problem::not_implemented()
}

/// Subscribes to the runs of a batch: those with its id as a tag.
pub(super) async fn batch() -> Problem {
    Problem::not_implemented()
}

/// Reads a poll. The columns that a token leaves out take the place of those in the query.
fn poll(caller: &Caller, query: &[(String, String)]) -> Result<Poll, Problem> {
    let mut poll = Poll::parse(query).map_err(|window| {
        Problem::invalid(format!("createdAt is no time: {window:?}"))
            .hint("Write a number and s, m, h, d or w.")
    })?;
    let columns = caller.skip_columns();
    if !columns.is_empty() {
        poll.skip = row::Skip::new(columns.iter().map(String::as_str));
    }
    Ok(poll)
}
