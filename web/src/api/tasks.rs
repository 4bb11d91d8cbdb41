//! `GET /v1/tasks` and `GET /v1/tasks/:task`: what became of the runs of tasks.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use axum::Json;
use runmeta_client::rfc3339;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::extract::{Asked, At};
use crate::{Caller, Problem, Set};

/// How many spans a chart has.
const BUCKETS: u32 = 48;

/// Hours of a chart at most: a year.
const MOST_HOURS: u32 = 366 * 24;

/// Lists the tasks.
pub(super) async fn list(caller: Caller) -> Result<Json<Value>, Problem> {
    caller.reads(&Set::All)?;
    let mut tasks: BTreeMap<String, Task> = BTreeMap::new();
    for one in caller.client().await?.tasks().await? {
        let task = tasks.entry(one.task).or_default();
        task.last = task.last.max(Some(one.last));
        task.runs += one.runs;
        if !one.is_finished {
            task.unfinished += one.runs;
        }
        *task.statuses.entry(one.status).or_default() += one.runs;
    }
    let tasks: Vec<Value> = tasks
        .into_iter()
        .map(|(name, task)| task.to_json(name))
        .collect();
    Ok(Json(json!({"tasks": tasks})))
}

#[derive(Default)]
struct Task {
    runs: i64,
    unfinished: i64,
    statuses: BTreeMap<String, i64>,
    last: Option<SystemTime>,
}

impl Task {
    fn to_json(&self, name: String) -> Value {
        let mut object = Map::new();
        object.insert("task".to_owned(), name.into());
        for status in ["queued", "running", "completed", "failed"] {
            let runs = self.statuses.get(status).copied().unwrap_or_default();
            object.insert(status.to_owned(), runs.into());
        }
        object.insert("statuses".to_owned(), json!(self.statuses));
        object.insert("runs".to_owned(), self.runs.into());
        object.insert("unfinished".to_owned(), self.unfinished.into());
        object.insert("last".to_owned(), self.last.map(rfc3339).into());
        Value::Object(object)
    }
}

/// Which time is charted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    hours: Option<u32>,
}

/// Counts the runs of a task over time.
pub(super) async fn task(
    caller: Caller,
    At(task): At<String>,
    Asked(query): Asked<Query>,
) -> Result<Json<Value>, Problem> {
    caller.reads(&Set::Task(&task))?;
    let hours = query.hours.unwrap_or(24);
    if !(1..=MOST_HOURS).contains(&hours) {
        return Err(Problem::invalid(format!(
            "a chart has 1 to {MOST_HOURS} hours"
        )));
    }
    let span = Duration::from_secs(u64::from(hours) * 3600) / BUCKETS;
    let since = SystemTime::now() - span * BUCKETS;
    let buckets = caller
        .client()
        .await?
        .task(&task, since, span, BUCKETS)
        .await?;
    let bucket = |bucket: &runmeta_client::Bucket| {
        json!({
            "at": rfc3339(bucket.at),
            "started": bucket.started,
            "completed": bucket.completed,
            "failed": bucket.failed,
            "p50_seconds": bucket.median_seconds,
            "p95_seconds": bucket.p95_seconds,
        })
    };
    let buckets: Vec<Value> = buckets.iter().map(bucket).collect();
    Ok(Json(json!({"task": task, "buckets": buckets})))
}
