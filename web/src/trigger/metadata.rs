//! `PUT` and `GET /api/v1/runs/:id/metadata`: what a worker records.
//!
//! A request takes effect once for each `x-trigger-request-idempotency-key`, which the client keeps over its retries. It is held
//! while the database is away: the client retries for 9 seconds only, and drops what it then has.

use axum::Json;
use axum::http::HeaderMap;
use runmeta_client::{Sent, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::api::extract::{At, Whole};
use crate::api::nesting::check_nesting;
use crate::{Caller, Problem};

const IDEMPOTENCY_KEY: &str = "x-trigger-request-idempotency-key";

/// The body. Operations have the same form here as in `runmeta.flush`, and are handed on as they are, numbers and all.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update<'a> {
    /// Replaces the whole document, before the operations.
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    operations: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    parent_operations: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    root_operations: Option<Vec<&'a RawValue>>,
}

/// An entry of a batch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    run: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    operations: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parent_operations: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    root_operations: Vec<&'a RawValue>,
}

/// The operation that replaces a document.
#[derive(Serialize)]
struct Replace<'a> {
    r#type: &'static str,
    value: &'a RawValue,
}

/// The reply. The client reads the metadata only.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reply {
    metadata: Box<RawValue>,
    metadata_type: &'static str,
    /// Lists of which nothing was applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
    /// Operations that had no effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unapplied: Vec<Unapplied>,
}

#[derive(Serialize)]
struct Refused {
    target: &'static str,
    outcome: &'static str,
}

#[derive(Serialize)]
struct Unapplied {
    target: &'static str,
    index: usize,
    reason: String,
}

/// Returns the metadata of a run.
pub(super) async fn read(caller: Caller, At(id): At<String>) -> Result<Json<Reply>, Problem> {
    Reply::of(&caller.run(&id).await?, &[]).map(Json)
}

/// Applies operations to a run, its parent and its root, and returns the metadata of the run. A token may not do that.
///
/// The three lists may have different outcomes. If one of them was applied, the reply is a success that names the others: the client
/// would take an error for a loss of all three.
pub(super) async fn update(
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Json<Reply>, Problem> {
    if !caller.is_secret() {
        return Err(Problem::needs_secret_key());
    }
    caller.writes_run(&id)?;
    let parts = match batch(&id, &body)? {
        Some(batch) => {
            let key = headers.get(IDEMPOTENCY_KEY);
            let key = key.and_then(|key| key.to_str().ok());
            caller.write(&batch, key).await?.parts
        }
        None => Vec::new(),
    };
    let refusals: Vec<_> = parts.iter().filter_map(Sent::refusal).collect();
    if let Some(refusal) = refusals.first().filter(|_| refusals.len() == parts.len()) {
        return Err((*refusal).clone().into());
    }
    for part in parts.iter().filter(|part| part.refusal().is_some()) {
        let (target, outcome) = (part.target, part.outcome);
        tracing::warn!(target, outcome, "operations were refused");
    }
    Reply::of(&caller.run(&id).await?, &parts).map(Json)
}

/// Makes a batch of a body, or none if there is no operation in it.
fn batch(run: &str, body: &[u8]) -> Result<Option<String>, Problem> {
    check_nesting(body)?;
    let invalid = |error: serde_json::Error| Problem::invalid(error.to_string());
    let update: Update = serde_json::from_slice(body).map_err(invalid)?;
    let replace = update.metadata.map(|value| {
        to_raw_value(&Replace {
            r#type: "update",
            value,
        })
    });
    let replace = replace.transpose().map_err(invalid)?;
    let mut operations: Vec<&RawValue> = replace.as_deref().into_iter().collect();
    operations.extend(update.operations.unwrap_or_default());
    let entry = Entry {
        run,
        operations,
        parent_operations: update.parent_operations.unwrap_or_default(),
        root_operations: update.root_operations.unwrap_or_default(),
    };
    let lists = [
        &entry.operations,
        &entry.parent_operations,
        &entry.root_operations,
    ];
    if lists.iter().all(|list| list.is_empty()) {
        return Ok(None);
    }
    serde_json::to_string(&[entry]).map(Some).map_err(invalid)
}

impl Reply {
    fn of(run: &Snapshot, parts: &[Sent]) -> Result<Reply, Problem> {
        let metadata = RawValue::from_string(run.metadata_json().to_owned());
        let metadata = metadata.map_err(|error| Problem::invalid(error.to_string()))?;
        let refused = parts.iter().filter(|part| part.refusal().is_some());
        let refused = refused.map(|part| Refused {
            target: part.target,
            outcome: part.outcome,
        });
        let unapplied = parts.iter().flat_map(|part| {
            part.unapplied.iter().map(|(index, reason)| Unapplied {
                target: part.target,
                index: *index,
                reason: reason.clone(),
            })
        });
        Ok(Reply {
            metadata,
            metadata_type: "application/json",
            refused: refused.collect(),
            unapplied: unapplied.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Option<String> {
        batch("a", body.as_bytes()).unwrap()
    }

    #[test]
    fn operations_are_handed_on_with_their_numbers() {
        let body = r#"{"operations":[{"type":"increment","key":"a","value":0.1000000000000000000001}],"parentOperations":[],"rootOperations":[]}"#;
        insta::assert_snapshot!(of(body).unwrap(), @r#"[{"run":"a","operations":[{"type":"increment","key":"a","value":0.1000000000000000000001}]}]"#);
    }

    #[test]
    fn whole_metadata_is_replaced_before_the_operations() {
        let body = r#"{"metadata":{"a":1e400},"operations":[{"type":"delete","key":"a"}]}"#;
        insta::assert_snapshot!(of(body).unwrap(), @r#"[{"run":"a","operations":[{"type":"update","value":{"a":1e400}},{"type":"delete","key":"a"}]}]"#);
    }

    #[test]
    fn body_without_operations_changes_nothing() {
        assert_eq!(
            of(r#"{"operations":[],"parentOperations":[],"rootOperations":[]}"#),
            None
        );
        assert_eq!(of("{}"), None);
    }

    #[test]
    fn body_that_is_none_is_refused() {
        for body in ["", "[]", "{", r#"{"operations":{}}"#] {
            assert_eq!(
                batch("a", body.as_bytes()).unwrap_err().status,
                400,
                "{body}"
            );
        }
    }
}
