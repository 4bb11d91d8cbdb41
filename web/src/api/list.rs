//! `GET /v1/runs`: runs, a page at a time.

use axum::Json;
use runmeta_client::{Runs, Sort};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::extract::Asked;
use super::object::objects;
use crate::{Caller, Problem, Set};

/// What may be asked of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    tag: Option<String>,
    task: Option<String>,
    status: Option<String>,
    root: Option<String>,
    text: Option<String>,
    finished: Option<bool>,
    roots: Option<bool>,
    sort: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
    select: Option<String>,
}

/// A page.
#[derive(Serialize)]
pub(super) struct Page {
    runs: Vec<Box<RawValue>>,
    next: Option<String>,
}

/// Lists runs.
pub(super) async fn list(
    caller: Caller,
    Asked(query): Asked<Query>,
) -> Result<Json<Page>, Problem> {
    // One of the conditions is enough: a token for a tag may list those of its runs that are of some task.
    let sets = [
        query.tag.as_deref().map(Set::Tag),
        query.task.as_deref().map(Set::Task),
        query.root.as_deref().map(Set::Tree),
        Some(Set::All),
    ];
    let reads = sets.iter().flatten().map(|set| caller.reads(set));
    // Of several refusals the first is of what was asked for.
    let may_read = reads.reduce(|one, other| one.or_else(|refusal| other.map_err(|_| refusal)));
    may_read.unwrap_or(Ok(()))?;
    let runs = runs(query)?;
    caller.make_large().await?;
    let page = caller.client().await?.runs(runs).await?;
    Ok(Json(Page {
        runs: objects(&page.runs)?,
        next: page.next.map(|next| next.to_string()),
    }))
}

fn runs(query: Query) -> Result<Runs, Problem> {
    let mut runs = Runs::new();
    if let Some(tag) = query.tag {
        runs = runs.tag(tag);
    }
    if let Some(task) = query.task {
        runs = runs.task(task);
    }
    for status in query.status.iter().flat_map(|list| list.split(',')) {
        runs = runs.status(status);
    }
    if let Some(root) = query.root {
        runs = runs.root(root);
    }
    if let Some(text) = query.text.filter(|text| !text.is_empty()) {
        runs = runs.text(text);
    }
    if let Some(finished) = query.finished {
        runs = runs.finished(finished);
    }
    if query.roots == Some(true) {
        runs = runs.roots();
    }
    if let Some(after) = query.after {
        runs = runs.after(after.parse()?);
    }
    if let Some(sort) = query.sort {
        let sort = Sort::parse(&sort).ok_or_else(|| {
            Problem::invalid(format!("runs cannot be sorted by {sort:?}"))
                .hint("Sort by created, updated, finished, id, task, status or duration, with a minus in front for the reverse.")
        })?;
        runs = runs.sort(sort);
    }
    if let Some(limit) = query.limit {
        runs = runs.limit(limit);
    }
    if let Some(keys) = select(query.select.as_deref()) {
        runs = runs.select(keys);
    }
    Ok(runs)
}

/// Returns the keys of `select=a,b`; of `select=`, none.
pub(crate) fn select(list: Option<&str>) -> Option<Vec<String>> {
    let keys = list?.split(',').filter(|key| !key.is_empty());
    Some(keys.map(str::to_owned).collect())
}
