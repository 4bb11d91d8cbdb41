//! Samples of a pass over many runs, which are stored when the runs are.

use std::rc::Rc;

use pgrx::prelude::*;

use super::look::{Change, Run, look_at, number_in};
use super::tracked::{self, Number};
use super::{due, instead};
use crate::jsonb::{Jsonb, check_for_interrupts};
use crate::one_pass::visit::Row;
use crate::process;
use crate::refusal::Refusal;

/// Samples that are to be taken.
#[derive(Default)]
pub struct Pending {
    /// Runs that were looked at.
    runs: usize,
    /// When the first one was.
    began: Option<i64>,
    samples: Vec<Sample>,
}

/// A sample of one number of one run.
struct Sample {
    root: Box<str>,
    id: Box<str>,
    created_at: TimestampWithTimeZone,
    written_before: i64,
    numbers: Rc<[Number]>,
    position: usize,
    change: Change,
}

impl Pending {
    /// Looks at a run whose document changes to this one, unless nothing is tracked.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn look_at(&mut self, row: Row<'_>, document: &Jsonb<'_>) -> Result<(), Refusal> {
        if !instead::is_in_place() {
            return Ok(());
        }
        self.runs += 1;
        let Some(numbers) = row.task.map_or(Ok(None), tracked::of_task)? else {
            return Ok(());
        };
        let now = *self.began.get_or_insert_with(process::now);
        for (position, number) in numbers.iter().enumerate() {
            if due::is_due(number.hash(row.id, row.created_at), number.every, now) {
                self.samples.push(Sample {
                    root: row.root.into(),
                    id: row.id.into(),
                    created_at: row.created_at,
                    written_before: pg_sys::TimestampTz::from(row.updated_at),
                    numbers: Rc::clone(&numbers),
                    position,
                    change: Change {
                        before: number_in(row.metadata.view(), number),
                        after: number_in(document.view(), number),
                    },
                });
            }
        }
        Ok(())
    }

    /// Stores the samples, now that so many runs are stored. If these are others than were looked at (a run was deleted
    /// meanwhile, or changed and looked at again), none is: the next write takes them.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn store(self, stored: usize) -> Result<(), Refusal> {
        if self.samples.is_empty() || self.runs != stored {
            return Ok(());
        }
        // Not when it began: it may have waited for a run that another session has taken a sample of since.
        let now = process::now();
        for sample in &self.samples {
            check_for_interrupts();
            let run = Run {
                root: &sample.root,
                id: &sample.id,
                created_at: sample.created_at,
                written_before: sample.written_before,
                is_turn: false,
            };
            look_at(run, &sample.numbers[sample.position], sample.change, now)?;
        }
        Ok(())
    }
}
