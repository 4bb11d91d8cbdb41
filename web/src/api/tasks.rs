//! `GET /v1/tasks` and `GET /v1/tasks/:task`: what became of the runs of tasks.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// Returns when the first span of a chart begins. Spans begin at whole multiples of their length, so that a chart that is read again
/// has the same; the last one has begun.
fn first(now: SystemTime, span: Duration) -> SystemTime {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let last = since.as_secs() / span.as_secs().max(1);
    let first = last.saturating_sub(u64::from(BUCKETS) - 1);
    UNIX_EPOCH + Duration::from_secs(first * span.as_secs())
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
    let since = first(SystemTime::now(), span);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_a_chart_begin_at_round_times_and_end_after_now() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let now = at(1_000_000_123);
        for (hours, expected) in [
            (24, "2001-09-08T02:00:00.000000Z"),
            (1, "2001-09-09T00:48:45.000000Z"),
            (48, "2001-09-07T02:00:00.000000Z"),
        ] {
            let span = Duration::from_secs(hours * 3600) / BUCKETS;
            let first = first(now, span);
            assert_eq!(rfc3339(first), expected, "{hours}");
            assert!((first + span * (BUCKETS - 1)..first + span * BUCKETS).contains(&now));
        }
    }
}
