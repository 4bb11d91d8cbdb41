//! `GET /api/v1/runs`: runs in pages, the newest first.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use runmeta_client::{Cursor, Runs, Snapshot, Sort};
use serde::Serialize;

use super::run::Run;
use super::status::Status;
use crate::api::extract::Asked;
use crate::{Caller, Problem, Set};

/// As on Trigger.dev.
const DEFAULT_SIZE: u32 = 25;

#[derive(Serialize)]
pub(super) struct List {
    data: Vec<Item>,
    pagination: Pagination,
}

#[derive(Serialize)]
struct Item {
    #[serde(flatten)]
    run: Run,
    env: Environment,
}

/// The client requires one. There is one here.
#[derive(Serialize)]
struct Environment {
    id: &'static str,
    name: &'static str,
}

#[derive(Serialize, Default)]
struct Pagination {
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
}

/// What is asked for.
#[derive(Default)]
struct Wanted {
    size: Option<u32>,
    after: Option<Cursor>,
    before: Option<Cursor>,
    task: Option<String>,
    tag: Option<String>,
    /// Our words.
    statuses: Vec<&'static str>,
    from: Option<SystemTime>,
}

/// Lists runs.
pub(super) async fn list(
    caller: Caller,
    Asked(query): Asked<Vec<(String, String)>>,
) -> Result<Json<List>, Problem> {
    let wanted = Wanted::parse(&query)?;
    let set = match (&wanted.tag, &wanted.task) {
        (Some(tag), _) => Set::Tag(tag),
        (None, Some(task)) => Set::Task(task),
        (None, None) => Set::All,
    };
    caller.reads(&set)?;
    let client = caller.client().await?;
    let page = client.runs(wanted.runs()).await?;
    Ok(Json(wanted.list(page.runs, page.next.is_some())))
}

impl Wanted {
    fn parse(query: &[(String, String)]) -> Result<Wanted, Problem> {
        let mut wanted = Wanted::default();
        for (name, value) in query {
            match name.as_str() {
                "page[size]" => {
                    let size = value.parse().ok().filter(|size| *size > 0);
                    let size: u32 = size.ok_or_else(|| invalid(name, value))?;
                    wanted.size = Some(size.min(Runs::MAXIMUM_LIMIT));
                }
                "page[after]" => wanted.after = Some(value.parse()?),
                "page[before]" => wanted.before = Some(value.parse()?),
                "filter[taskIdentifier]" => wanted.task = Some(one(name, value)?),
                "filter[tag]" => wanted.tag = Some(one(name, value)?),
                "filter[status]" => {
                    for word in value.split(',') {
                        let words = Status::words(word).ok_or_else(|| invalid(name, word))?;
                        wanted.statuses.extend(words);
                    }
                }
                "filter[createdAt][from]" => {
                    let millis = value.parse().map_err(|_| invalid(name, value))?;
                    let from = UNIX_EPOCH.checked_add(Duration::from_millis(millis));
                    wanted.from = Some(from.ok_or_else(|| invalid(name, value))?);
                }
                "filter[createdAt][period]" => {
                    let period = humantime::parse_duration(value);
                    let period = period.map_err(|_| invalid(name, value))?;
                    wanted.from = SystemTime::now().checked_sub(period);
                }
                // Runs have none of these: a list that ignored the filter would have the wrong runs in it.
                _ if name.starts_with("filter[") => {
                    return Err(Problem::invalid(format!("{name} is not supported")));
                }
                _ => {}
            }
        }
        Ok(wanted)
    }

    fn runs(&self) -> Runs {
        let mut runs = Runs::new().limit(self.size.unwrap_or(DEFAULT_SIZE));
        if let Some(task) = &self.task {
            runs = runs.task(task);
        }
        if let Some(tag) = &self.tag {
            runs = runs.tag(tag);
        }
        for status in &self.statuses {
            runs = runs.status(*status);
        }
        match self.before.as_ref().or(self.after.as_ref()) {
            Some(cursor) => runs.after(cursor.clone()),
            None => runs.sort(Sort::default()),
        }
    }

    /// Makes a reply of a page, and whether more runs follow in its order: for a page before another, that is the reverse.
    fn list(&self, mut runs: Vec<Snapshot>, has_more: bool) -> List {
        if self.before.is_some() {
            runs.reverse();
        }
        let found = runs.len();
        if let Some(from) = self.from {
            runs.retain(|run| run.created_at() >= from);
        }
        let (has_next, has_previous) = match self.before {
            Some(_) => (true, has_more),
            None => (has_more && runs.len() == found, self.after.is_some()),
        };
        let last = runs.last().filter(|_| has_next);
        let first = runs.first().filter(|_| has_previous);
        let pagination = Pagination {
            next: last.map(|run| Cursor::older_than(run).to_string()),
            previous: first.map(|run| Cursor::newer_than(run).to_string()),
        };
        let item = |run| Item {
            run: Run::of(run),
            env: Environment {
                id: "runmeta",
                name: "runmeta",
            },
        };
        List {
            data: runs.iter().map(item).collect(),
            pagination,
        }
    }
}

/// Returns the only value of a filter of which the client allows several.
fn one(name: &str, value: &str) -> Result<String, Problem> {
    if value.contains(',') {
        return Err(Problem::invalid(format!("{name} may have one value here")));
    }
    Ok(value.to_owned())
}

fn invalid(name: &str, value: &str) -> Problem {
    Problem::invalid(format!("{name} is invalid: {value:?}"))
}
