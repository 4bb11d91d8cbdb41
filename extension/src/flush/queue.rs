//! The lists of a flush that wait in the inbox: those for parents and roots, and a run's own where lists wait for it already
//! or its document is large.

use std::collections::HashSet;

use pgrx::prelude::*;
use runmeta_core::wire::{self, Target};

use super::batch;
use super::outcome::Outcome;
use crate::document::{list, unapplied_list};
use crate::inbox::{self, Incoming, Way, waiting};
use crate::one_pass::visit::Row;
use crate::owner;
use crate::refusal::Refusal;
use crate::run::unreadable;

/// Queues the lists of a flush, as far as they may wait.
pub struct Queue {
    writer: Option<pgrx::Uuid>,
    is_used: bool,
}

impl Queue {
    /// Looks whether lists of this writer may wait at all.
    pub fn new(writer: Option<pgrx::Uuid>) -> Self {
        let is_used = inbox::is_used() && owner::may_write_any_run();
        Queue { writer, is_used }
    }

    /// Returns true if these lists for a run are to be queued because its document is large. They will be admitted, unless
    /// others fill the inbox at this moment: then the run is locked behind those that follow it.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for a list that cannot be read.
    pub fn is_for<'a>(
        &self,
        row: &Row<'_>,
        lists: impl Iterator<Item = &'a batch::List<'a>>,
    ) -> Result<bool, Refusal> {
        if !self.is_used || !inbox::is_large(row.size_bound) || row.finished_at.is_some() {
            return Ok(false);
        }
        let mut weights = Vec::new();
        for list in lists {
            let operations = list::read(list.operations)?;
            if !operations.iter().any(Result::is_ok) {
                return Ok(false);
            }
            let readable = list::readable(list.operations, &operations)?;
            weights.push(inbox::List::new(readable, &operations).weight);
        }
        Ok(inbox::has_room(row.id, row.size_bound, &weights))
    }

    /// Queues lists for parents and roots, and own ones of runs for which lists wait, and returns what became of each list:
    /// those that take the direct way are not found as yet.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn fill(&self, lists: &[batch::List<'_>]) -> Result<Vec<Outcome>, Refusal> {
        let mut outcomes: Vec<Outcome> = lists
            .iter()
            .map(|_| Outcome::bare(wire::Outcome::NotFound))
            .collect();
        let waits =
            |list: &batch::List<'_>| waiting::now(list.run).is_some_and(|(lists, _)| lists > 0);
        let may_wait = |list: &batch::List<'_>| list.target != Target::Own || waits(list);
        if self.is_used {
            let places = (0..lists.len()).filter(|place| may_wait(&lists[*place]));
            let places: Vec<usize> = places.collect();
            let own = lists.iter().filter(|list| !may_wait(list));
            let own: HashSet<&str> = own.map(|list| list.run).collect();
            self.add(lists, &places, &own, &mut outcomes)?;
        }
        Ok(outcomes)
    }

    /// Queues the lists at these places, as far as they may wait, and fills in what became of those. None of them goes to a
    /// run in `own`.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn add(
        &self,
        lists: &[batch::List<'_>],
        places: &[usize],
        own: &HashSet<&str>,
        outcomes: &mut [Outcome],
    ) -> Result<(), Refusal> {
        let (mut incoming, mut queued) = (Vec::new(), Vec::new());
        for place in places {
            let list = &lists[*place];
            let operations = list::read(list.operations)?;
            if operations.iter().any(Result::is_ok) {
                incoming.push(Incoming {
                    run: list.run,
                    target: list.target,
                    list: inbox::List::new(
                        list::readable(list.operations, &operations)?,
                        &operations,
                    ),
                });
                queued.push((*place, unreadable(&operations)));
            }
        }
        let ways =
            Spi::connect_mut(|client| inbox::queue_many(client, self.writer, &incoming, own))?;
        for ((place, unapplied), way) in queued.into_iter().zip(ways) {
            if way == Way::Queued {
                outcomes[place] = Outcome {
                    word: wire::Outcome::Queued,
                    version: None,
                    unapplied: (!unapplied.is_empty()).then(|| unapplied_list(&unapplied)),
                };
            }
        }
        Ok(())
    }
}
