//! Making runs of jobs that have none, with the times of the queue, by one statement.

use pgrx::pg_sys::BuiltinOid::{
    INT4ARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID,
};
use pgrx::prelude::*;
use runmeta_core::Progress;

use super::place::Place;
use crate::announce;
use crate::document::Changed;
use crate::layout::{self, Registering};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static INSERT: Statement = const { Statement::new(
        include_str!("sql/insert.sql"),
        &[
            TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
            INT4ARRAYOID, JSONBARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID,
            TIMESTAMPTZARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID,
        ],
    ) };
}

/// A run that is to be made.
pub struct New<'a> {
    /// Its id.
    pub id: &'a str,
    /// Where it belongs.
    pub place: Place,
    /// The name of its job.
    pub task: Option<&'a str>,
    /// What became of it by now.
    pub progress: Progress<TimestampWithTimeZone>,
    /// Its document.
    pub document: Changed,
    /// When its job came.
    pub created_at: TimestampWithTimeZone,
}

/// Inserts runs and has them announced.
///
/// # Errors
///
/// [`Refusal::NotStored`] if one of the ids was taken meanwhile. Errors of Postgres are raised.
pub fn insert(runs: Vec<New<'_>>, now: TimestampWithTimeZone) -> Result<(), Refusal> {
    if runs.is_empty() {
        return Ok(());
    }
    let count = runs.len();
    for run in &runs {
        announce::changed(&run.place.root, run.id, 1);
    }
    let (mut roots, mut ids, mut parents, mut depths) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut tasks, mut statuses, mut attempts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut documents, mut bounds) = (Vec::new(), Vec::new());
    let (mut created, mut started, mut finished) = (Vec::new(), Vec::new(), Vec::new());
    for run in runs {
        roots.push(run.place.root.to_string());
        ids.push(run.id);
        parents.push(run.place.parent);
        depths.push(run.place.depth);
        tasks.push(run.task);
        statuses.push(run.progress.status);
        attempts.push(run.progress.attempt);
        documents.push(run.document.metadata);
        bounds.push(run.document.bound);
        created.push(run.created_at);
        started.push(run.progress.started_at);
        finished.push(run.progress.finished_at);
    }
    Spi::connect_mut(|client| {
        let is_split = layout::is_split();
        if is_split {
            let of_root = roots.iter().map(String::as_str).collect();
            let of_parent = parents.iter().map(Option::as_deref).collect();
            let free = Registering::Free;
            let registered = layout::register_many(client, ids.clone(), of_root, of_parent, free)?;
            if registered.len() != count {
                return Err(Refusal::NotStored);
            }
        }
        let arguments = [
            roots.into(),
            ids.into(),
            parents.into(),
            depths.into(),
            tasks.into(),
            statuses.into(),
            attempts.into(),
            documents.into(),
            created.into(),
            started.into(),
            finished.into(),
            bounds.into(),
            now.into(),
        ];
        INSERT.with(|statement| statement.store(client, &arguments, count))?;
        layout::check_unchanged(is_split)
    })
}
