//! What the trigger on runs does: takes samples of the numbers that are due, and deletes those of runs that are deleted.
//!
//! For nearly every write that is a look at the task and at [`due`](super::due).

use pgrx::pg_sys;

use super::row::{self, Event, Row};
use super::tracked::{self, Number};
use super::{due, store};
use crate::document::value_at_key;
use crate::jsonb::{Decimal, Jsonb, View};
use crate::process;
use crate::refusal::Refusal;

/// Runs the trigger.
///
/// # Errors
///
/// [`Refusal::NotATrigger`], [`Refusal::HistoryNotStored`]; errors of Postgres are raised.
pub fn keep_histories(call: pg_sys::FunctionCallInfo) -> Result<(), Refusal> {
    match row::event(call)? {
        Event::Changed(old, new) => on_change(&old, &new),
        Event::Deleted(old) => store::delete(old.root(), old.id()),
    }
}

fn on_change(old: &Row<'_>, new: &Row<'_>) -> Result<(), Refusal> {
    let Some(task) = new.task() else {
        return Ok(());
    };
    let Some(numbers) = tracked::of_task(task)? else {
        return Ok(());
    };
    let now = process::now();
    let is_turn = old.attempt() != new.attempt()
        || (new.finished_at().is_some() && new.finished_at() != old.finished_at());
    let is_due = |number: &&Number| {
        is_turn || due::is_due(number.hash(new.id()), number.every, now)
    };
    let mut numbers = numbers.iter().filter(is_due).peekable();
    if numbers.peek().is_none() || (!is_turn && old.stored_metadata() == new.stored_metadata()) {
        return Ok(());
    }
    let documents = (old.metadata(), new.metadata());
    numbers.try_for_each(|number| look_at(number, old, new, &documents, now, is_turn))
}

/// Looks at a number that is due, and takes a sample if it has changed.
fn look_at(
    number: &Number,
    old: &Row<'_>,
    new: &Row<'_>,
    documents: &(Option<Jsonb<'_>>, Option<Jsonb<'_>>),
    now: i64,
    is_turn: bool,
) -> Result<(), Refusal> {
    let hash = number.hash(new.id());
    let (before, Some(value)) = (value_of(&documents.0, number), value_of(&documents.1, number)) else {
        due::set_looked_at(hash, now);
        return Ok(());
    };
    let Some(created_at) = new.created_at() else {
        return Ok(());
    };
    let mut samples = store::read(new, number, created_at)?;
    samples.spacing = samples.spacing.max(number.every);
    let last_at = samples.last_at();
    let since_last = last_at.map_or(i64::MAX, |last| now.saturating_sub(last));
    // It is only forgotten when it was looked at.
    if !is_turn && (0..number.every).contains(&since_last) {
        due::set_looked_at(hash, now - since_last);
        return Ok(());
    }
    let mut changed = false;
    if let (Some(before), Some(at)) = (before, old.updated_at()) {
        // What the run was left with before a pause, at the latest when it was last written to, or what it began with.
        let is_pause = last_at.is_none_or(|last| last < at && at <= now - number.every);
        if is_pause && at > 0 && at < now {
            changed |= samples.add(at, before);
        }
    }
    changed |= samples.add(now, value);
    if changed {
        samples.bound(number.keep);
        store::store(new, number, created_at, &samples)?;
    }
    due::set_looked_at(hash, now);
    Ok(())
}

fn value_of(document: &Option<Jsonb<'_>>, number: &Number) -> Option<f64> {
    match value_at_key(document.as_ref()?.view(), &number.key)? {
        View::Number(bytes) => Decimal::of(bytes).nearest_double(),
        _ => None,
    }
}
