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
mod log;
mod parked;
mod reply;
mod request;
mod row;
mod run;

use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use crate::api::extract::{Asked, At};
use crate::{Caller, Gateway, Problem, Set};
use hold::Hold;
use log::{Log, Query};
pub(crate) use parked::Parked;
use request::Poll;
pub(in crate::trigger) use row::STREAMS_KEY;

type Pairs = Asked<Vec<(String, String)>>;

/// Subscribes to a run.
pub(super) async fn run(
    State(gateway): State<Gateway>,
    caller: Caller,
    At(id): At<String>,
    Asked(query): Pairs,
) -> Result<Response, Problem> {
    let poll = poll(&caller, &query)?;
    run::answer(&gateway, &caller, &id, poll).await
}

/// Subscribes to the runs with all of some tags.
pub(super) async fn runs(
    State(gateway): State<Gateway>,
    caller: Caller,
    Asked(query): Pairs,
) -> Result<Response, Problem> {
    let poll = poll(&caller, &query)?;
    let may_read = poll
        .tags
        .iter()
        .any(|tag| caller.reads(&Set::Tag(tag)).is_ok());
    if !may_read {
        caller.reads(&Set::All)?;
    }
    let query = Query::of_tags(&poll);
    answer(&gateway, &caller, query, poll).await
}

/// Subscribes to the runs of a batch: those with its id as a tag.
pub(super) async fn batch(
    State(gateway): State<Gateway>,
    caller: Caller,
    At(id): At<String>,
    Asked(query): Pairs,
) -> Result<Response, Problem> {
    let poll = poll(&caller, &query)?;
    caller.reads(&Set::Tag(&id))?;
    let query = Query::of_batch(&id, &poll);
    answer(&gateway, &caller, query, poll).await
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

/// Answers a poll of a set.
async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    query: Query,
    poll: Poll,
) -> Result<Response, Problem> {
    let client = caller.client().await?;
    let parked = gateway.shapes();
    let known = poll.resume.as_ref().and_then(|position| {
        let (handle, offset) = (&position.handle, &position.offset);
        parked.take(handle, offset, &client, &query)
    });
    let mut log = match known {
        Some(log) => log,
        None => {
            let handle = poll.resume.map(|position| position.handle);
            let handle = handle.unwrap_or_else(|| Uuid::new_v4().to_string());
            Log::begin(gateway, client, handle, query).await?
        }
    };
    let mut news = log.news().await?;
    if poll.live && news.is_empty() {
        let hold = Hold::begin(gateway, caller)?;
        let mut lease = parked.lend(log);
        if let Some(log) = lease.log() {
            hold.until(log.changed()).await?;
        }
        log = lease.take().ok_or_else(Problem::no_such_path)?;
        news = log.news().await?;
    }
    let response = log.reply(&news).into_response(&poll.skip);
    parked.put(log);
    Ok(response)
}
