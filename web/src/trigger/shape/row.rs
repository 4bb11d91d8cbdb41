//! A run as a row of Trigger.dev's table of runs, in the encoding of Electric's shape log.
//!
//! Each value is text or null, and the header `electric-schema` says what the client makes of it. Times have no zone: the client
//! appends a `Z`. All columns are sent each time; the client merges rows by their key, so that this is only a matter of size.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::SystemTime;

use runmeta_client::{Json, Snapshot, rfc3339};
use serde_json::{Map, Value, json};

use crate::trigger::status::Status;

/// The key of the metadata in which older clients, and the stream route of this gateway, list the streams of a run.
pub(in crate::trigger) const STREAMS_KEY: &str = "$$streams";

/// What is read of the metadata where the column is not wanted: what other columns are made of.
pub(super) const ALWAYS: [&str; 2] = ["error", STREAMS_KEY];

/// The columns that a subscription's row schema has, each with its type.
const COLUMNS: [(&str, Type); 27] = [
    ("id", Type::Text),
    ("friendlyId", Type::Text),
    ("taskIdentifier", Type::Text),
    ("status", Type::Text),
    ("createdAt", Type::Time),
    ("updatedAt", Type::Time),
    ("startedAt", Type::Time),
    ("delayUntil", Type::Time),
    ("queuedAt", Type::Time),
    ("expiredAt", Type::Time),
    ("completedAt", Type::Time),
    ("idempotencyKey", Type::Text),
    ("number", Type::Int),
    ("isTest", Type::Bool),
    ("usageDurationMs", Type::Int),
    ("costInCents", Type::Float),
    ("baseCostInCents", Type::Float),
    ("ttl", Type::Text),
    ("payload", Type::Text),
    ("payloadType", Type::Text),
    ("metadata", Type::Text),
    ("metadataType", Type::Text),
    ("output", Type::Text),
    ("outputType", Type::Text),
    ("runTags", Type::Texts),
    ("error", Type::Json),
    ("realtimeStreams", Type::Texts),
];

/// Columns without which the client rejects a row.
const REQUIRED: [&str; 6] = [
    "id",
    "friendlyId",
    "taskIdentifier",
    "status",
    "createdAt",
    "updatedAt",
];

#[derive(Clone, Copy)]
enum Type {
    Text,
    Texts,
    Time,
    Int,
    Float,
    Bool,
    Json,
}

/// The columns that a reader does not want.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Skip(HashSet<String>);

impl Skip {
    /// Reads a list with commas. Columns that the client needs, and unknown ones, are not left out.
    pub(super) fn new<'a>(columns: impl IntoIterator<Item = &'a str>) -> Skip {
        let columns = columns.into_iter().map(str::trim);
        let columns = columns.filter(|column| !REQUIRED.contains(column));
        Skip(columns.map(str::to_owned).collect())
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.0.contains(column)
    }
}

/// Returns the header `electric-schema`.
pub(super) fn schema(skip: &Skip) -> String {
    let columns = COLUMNS.iter().filter(|(name, _)| !skip.has(name));
    let columns = columns.map(|(name, kind)| ((*name).to_owned(), kind.schema()));
    Value::Object(columns.collect()).to_string()
}

/// Returns the key by which the client merges rows.
pub(super) fn key(id: &str) -> String {
    format!("\"public\".\"TaskRun\"/\"{id}\"")
}

/// Returns the row of a run with these streams, as the value of a change.
pub(super) fn row(snapshot: &Snapshot, streams: &[String], skip: &Skip) -> Map<String, Value> {
    let (metadata, announced) = without_streams(snapshot.metadata_json());
    let streams = known_streams(streams, &announced);
    let text = |text: &str| Some(text.to_owned());
    let columns = COLUMNS.iter().filter(|(name, _)| !skip.has(name));
    let columns = columns.map(|(name, _)| {
        let value = match *name {
            "id" | "friendlyId" => text(snapshot.id()),
            "taskIdentifier" => text(snapshot.task().unwrap_or_default()),
            "status" => text(Status::of(snapshot).of_row()),
            "createdAt" | "queuedAt" => Some(time(snapshot.created_at())),
            "updatedAt" => Some(time(snapshot.updated_at())),
            "startedAt" => snapshot.started_at().map(time),
            "completedAt" => snapshot.finished_at().map(time),
            "usageDurationMs" => Some(duration_ms(snapshot).to_string()),
            "number" | "costInCents" | "baseCostInCents" => text("0"),
            "isTest" => text("f"),
            "metadata" => text(&metadata),
            "metadataType" => text("application/json"),
            "runTags" => Some(array(snapshot.tags())),
            "realtimeStreams" => Some(array(&streams)),
            "error" => error(snapshot),
            _ => None,
        };
        ((*name).to_owned(), value.map_or(Value::Null, Value::String))
    });
    columns.collect()
}

impl Type {
    fn schema(self) -> Value {
        match self {
            Type::Text => json!({"type": "text"}),
            Type::Texts => json!({"type": "text", "dims": 1}),
            Type::Time => json!({"type": "timestamp"}),
            Type::Int => json!({"type": "int4"}),
            Type::Float => json!({"type": "float8"}),
            Type::Bool => json!({"type": "bool"}),
            Type::Json => json!({"type": "jsonb"}),
        }
    }
}

/// Returns the metadata as text without the list of streams, as a client that finds one there ignores `realtimeStreams`; and that
/// list. All other values stay as they are written, with every digit of their numbers.
fn without_streams(text: &str) -> (Cow<'_, str>, Json) {
    if text.contains(STREAMS_KEY)
        && let Ok(mut metadata) = Json::parse(text)
        && let Some(members) = metadata.as_object_mut()
        && let Some(streams) = members.remove(STREAMS_KEY)
    {
        return (metadata.to_string().into(), streams);
    }
    (text.into(), Json::Null)
}

/// Returns the names of streams that exist, and then those that are announced in the metadata.
fn known_streams(existing: &[String], announced: &Json) -> Vec<String> {
    let announced = announced.as_array().into_iter().flatten();
    let announced = announced.filter_map(Json::as_str).map(str::to_owned);
    let mut streams = existing.to_vec();
    streams.extend(announced);
    let mut seen = HashSet::new();
    streams.retain(|stream| seen.insert(stream.clone()));
    streams
}

fn time(time: SystemTime) -> String {
    rfc3339(time).trim_end_matches('Z').to_owned()
}

fn duration_ms(snapshot: &Snapshot) -> u128 {
    let times = snapshot.started_at().zip(snapshot.finished_at());
    let duration = times.and_then(|(started, finished)| finished.duration_since(started).ok());
    // The column is an int4.
    duration.map_or(0, |duration| duration.as_millis().min(i32::MAX as u128))
}

/// Returns the error of a run that failed, in the only form that the client takes without one of its own: a text. It is the key
/// `error` of the metadata, if that is a text, and otherwise the status.
fn error(snapshot: &Snapshot) -> Option<String> {
    Status::of(snapshot).is_failed().then(|| {
        let text = snapshot.get::<String>("error");
        let text = text.unwrap_or_else(|| snapshot.status().to_owned());
        json!({"type": "STRING_ERROR", "raw": text}).to_string()
    })
}

/// Writes an array of texts as Postgres does.
fn array(values: &[String]) -> String {
    let quoted = values.iter().map(|value| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{value}\"")
    });
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use runmeta_client::testing::Database;
    use runmeta_client::{NewRun, Snapshot};

    use super::*;

    async fn snapshot(run: NewRun, status: Option<&str>) -> Snapshot {
        let client = Database::new().client();
        let run = client.start(run).await.unwrap();
        if let Some(status) = status {
            run.finish_as(status).await.unwrap();
        }
        client.snapshot(run.id()).await.unwrap().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn row_has_every_column_as_text_or_null() {
        let run = NewRun::new("a").task("import").tags(["x", "q\"\\"]);
        let run = run.metadata(json!({"n": 1}));
        let row = row(&snapshot(run, None).await, &[], &Skip::default());
        assert!(
            row.values()
                .all(|value| value.is_string() || value.is_null())
        );
        assert_eq!(row.len(), COLUMNS.len());
        assert_eq!(row["metadata"], r#"{"n":1}"#);
        assert_eq!(row["runTags"], r#"{"x","q\"\\"}"#);
        assert_eq!(row["realtimeStreams"], "{}");
        assert_eq!(
            (&row["completedAt"], &row["error"]),
            (&Value::Null, &Value::Null)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn times_have_no_zone() {
        let row = row(
            &snapshot(NewRun::new("a"), Some("completed")).await,
            &[],
            &Skip::default(),
        );
        for column in ["createdAt", "updatedAt", "startedAt", "completedAt"] {
            let time = row[column].as_str().unwrap();
            assert!(time.contains('T') && time.ends_with(|last: char| last.is_ascii_digit()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn error_of_a_failed_run_is_one_that_the_client_takes() {
        let run = NewRun::new("a").metadata(json!({"error": "disk full"}));
        let row = row(&snapshot(run, Some("failed")).await, &[], &Skip::default());
        assert_eq!(row["error"], r#"{"raw":"disk full","type":"STRING_ERROR"}"#);
    }

    #[tokio::test(start_paused = true)]
    async fn streams_are_a_column_and_not_in_the_metadata() {
        let run = NewRun::new("a").metadata(json!({"n": 1, "$$streams": ["b", "c"]}));
        let streams = ["a".to_owned(), "b".to_owned()];
        let row = row(&snapshot(run, None).await, &streams, &Skip::default());
        assert_eq!(row["metadata"], r#"{"n":1}"#);
        assert_eq!(row["realtimeStreams"], r#"{"a","b","c"}"#);
    }

    #[test]
    fn metadata_without_its_streams_has_every_digit() {
        let text = r#"{"a": 1.50, "b": 1e400, "$$streams": ["c"]}"#;
        let (metadata, streams) = without_streams(text);
        assert_eq!(metadata, r#"{"a":1.50,"b":1e400}"#);
        assert_eq!(streams.to_string(), r#"["c"]"#);
    }

    #[tokio::test(start_paused = true)]
    async fn columns_are_left_out_but_for_those_that_the_client_needs() {
        let skip = Skip::new("metadata, id,status,output".split(','));
        let row = row(&snapshot(NewRun::new("a"), None).await, &[], &skip);
        assert!(row.contains_key("id") && row.contains_key("status"));
        assert!(!row.contains_key("metadata") && !row.contains_key("output"));
        let schema: Value = serde_json::from_str(&schema(&skip)).unwrap();
        assert_eq!(schema.as_object().unwrap().len(), row.len());
        assert_eq!(schema["runTags"], json!({"type": "text", "dims": 1}));
    }
}
