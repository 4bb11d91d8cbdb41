//! What the trigger on runs does: takes samples of the numbers that are due, and deletes those of runs that are deleted.
//!
//! For nearly every write that is a look at the task and at [`due`](super::due): some 1 µs for each row, of 12 that a batch with
//! statuses takes for it and 20 of a fold. Processor time of the backend with tracking beside without, medians of pairs on a busy
//! machine: a fold 1.03, a batch with statuses 1.03 to 1.06; where [`pending`](super::pending) does it instead, an increment 1.01,
//! a flush of 1,000 runs 1.03.

use pgrx::pg_sys;

use super::look::{Change, Run, look_at, number_in};
use super::row::{self, Event, Row};
use super::tracked::{self, Number};
use super::{due, store};
use crate::process;
use crate::refusal::Refusal;

/// Runs the trigger.
///
/// # Errors
///
/// [`Refusal::NotATrigger`]; errors of Postgres are raised.
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
    let Some(created_at) = new.created_at() else {
        return Ok(());
    };
    let run = Run {
        root: new.root(),
        id: new.id(),
        created_at,
        written_before: old.updated_at().unwrap_or_default(),
        is_turn: old.finished_at() != new.finished_at(),
    };
    let now = process::now();
    let is_due = |number: &&Number| {
        run.is_turn || due::is_due(number.hash(run.id, created_at), number.every, now)
    };
    let mut numbers = numbers.iter().filter(is_due).peekable();
    if numbers.peek().is_none() || (!run.is_turn && old.stored_metadata() == new.stored_metadata())
    {
        return Ok(());
    }
    let (Some(before), Some(after)) = (old.metadata(), new.metadata()) else {
        return Ok(());
    };
    numbers.try_for_each(|number| {
        let change = Change {
            before: number_in(before.view(), number),
            after: number_in(after.view(), number),
        };
        look_at(run, number, change, now)
    })
}
