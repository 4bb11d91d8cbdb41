//! `POST /v1/runs/:id/operations` and `POST /v1/operations`: changes of documents.

mod results;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::extract::{At, Body, idempotency_key};
use super::refusal;
use super::shape::Shape;
use crate::auth::Write;
use crate::{Caller, Problem};

/// Lists of operations for a run, its parent and its root. They are passed on as they were written, so that numbers stay exact.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub(super) struct Lists {
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_operations: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_operations: Option<Box<RawValue>>,
}

/// The same with the run that they are for.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub(super) struct Entry {
    run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_operations: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_operations: Option<Box<RawValue>>,
}

impl Shape for Lists {
    const SHAPE: &'static str = "an object with operations, parentOperations or rootOperations, each an array of operations";
}

impl Shape for Vec<Entry> {
    const SHAPE: &'static str = "an array of objects, each with run, and with operations, parentOperations or rootOperations";
    const IS_ARRAY: bool = true;
}

impl Entry {
    fn write(&self) -> Write<'_> {
        Write {
            id: &self.run,
            parent: self.parent_operations.is_some(),
            root: self.root_operations.is_some(),
        }
    }
}

/// Entries of one request. A guess: as many operations as the client puts into one batch. The rows that they lock are locked together.
const MOST_ENTRIES: usize = 10_000;

/// Changes one run and its family. What is refused is a problem.
pub(super) async fn of_run(
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
    Body(lists): Body<Lists>,
) -> Result<(HeaderMap, Json<Box<RawValue>>), Problem> {
    let entry = Entry {
        run: id,
        operations: lists.operations,
        parent_operations: lists.parent_operations,
        root_operations: lists.root_operations,
    };
    caller.writes_all(&[entry.write()]).await?;
    caller.reserve(results::shortest([entry.write()].iter()))?;
    // Made before, so that nothing but the batch is in memory while it waits.
    let batch = batch(&[entry])?;
    let written = caller.write(&batch, idempotency_key(&headers)?).await;
    let written = written.map_err(refusal::of_body::<Lists>)?.or_refused()?;
    let results = results::of(&caller, &written.parts)?;
    Ok((replayed(written.is_replay), Json(results)))
}

/// Changes many runs. What is refused of one costs the others nothing.
pub(super) async fn of_many(
    caller: Caller,
    headers: HeaderMap,
    Body(entries): Body<Vec<Entry>>,
) -> Result<(HeaderMap, Json<Box<RawValue>>), Problem> {
    if entries.len() > MOST_ENTRIES {
        return Err(too_many(entries.len()));
    }
    let writes: Vec<_> = entries.iter().map(Entry::write).collect();
    caller.writes_all(&writes).await?;
    caller.reserve(results::shortest(writes.iter()))?;
    drop(writes);
    let batch = batch(&entries)?;
    drop(entries);
    let written = caller.write(&batch, idempotency_key(&headers)?).await?;
    let results = results::of(&caller, &written.parts)?;
    Ok((replayed(written.is_replay), Json(results)))
}

fn too_many(entries: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large")
        .detail(format!(
            "the body has {entries} entries, and {MOST_ENTRIES} are allowed"
        ))
        .hint("Send the operations in several requests.")
        .sqlstate("54000")
}

/// Writes entries as a batch.
///
/// # Errors
///
/// 500, which does not happen: all of it was read from JSON.
pub(crate) fn batch(entries: &[impl Serialize]) -> Result<String, Problem> {
    serde_json::to_string(entries).map_err(|_| Problem::failed("the batch cannot be written"))
}

/// Returns the headers of an answer to a request that took effect before.
pub(crate) fn replayed(is_replay: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if is_replay {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    headers
}
