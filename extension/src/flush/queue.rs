//! The lists of a flush that wait in the inbox: those for parents and roots, and a run's own where lists wait for it already
//! or its document is large.

use std::collections::HashSet;

use pgrx::prelude::*;
use runmeta_core::{Unapplied, wire};

use super::batch::{List, Part};
use super::outcome::Outcome;
use crate::document::{list, unapplied_list};
use crate::inbox::{self, Admitted, Incoming, waiting};
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
        id: &str,
        size_bound: Option<i32>,
        finished_at: Option<TimestampWithTimeZone>,
        lists: impl Iterator<Item = &'a List<'a>>,
    ) -> Result<bool, Refusal> {
        if !self.is_used || !inbox::is_large(size_bound) || finished_at.is_some() {
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
        Ok(inbox::has_room(id, size_bound, &weights))
    }

    /// Queues lists for parents and roots, and own ones of runs for which lists wait, and fills in what became of those:
    /// the others take the direct way.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn fill(
        &self,
        parts: &[Part<'_>],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), Refusal> {
        let left: Vec<usize> = (0..parts.len())
            .filter(|place| outcomes[*place].is_none())
            .collect();
        let (places, own) = self.candidates(parts, &left);
        self.add(parts, &places, &own, outcomes)
    }

    /// Returns the places of lists that may wait, and the runs of which the batch has parts that may not. All among these.
    fn candidates<'a>(
        &self,
        parts: &[Part<'a>],
        among: &[usize],
    ) -> (Vec<usize>, HashSet<&'a str>) {
        if !self.is_used {
            return (Vec::new(), HashSet::new());
        }
        let waits = |run| waiting::now(run).is_some_and(|(lists, _)| lists > 0);
        let may_wait = |place: &&usize| {
            let part = &parts[**place];
            part.list().is_some() && (!part.is_own() || waits(part.run))
        };
        // Chunks are for no document, so that it does not matter whether they come before or behind a list.
        let among = among
            .iter()
            .filter(|place| parts[**place].stream().is_none());
        let (places, own): (Vec<&usize>, Vec<&usize>) = among.partition(may_wait);
        let own = own.into_iter().map(|place| parts[*place].run).collect();
        (places.into_iter().copied().collect(), own)
    }

    /// Queues the lists at these places, as far as they may wait, and fills in what became of those. None of them goes to a
    /// run in `own`.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn add(
        &self,
        parts: &[Part<'_>],
        places: &[usize],
        own: &HashSet<&str>,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), Refusal> {
        let (admitted, _) = self.admit(parts, places, own)?;
        self.insert(admitted, outcomes)
    }

    /// Decides which of the lists that are left wait, without putting them into the inbox. All lists for a run do, or none,
    /// so that those that wait may be put there after all others were applied.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn admit_left<'a>(
        &self,
        parts: &[Part<'a>],
        outcomes: &[Option<Outcome>],
    ) -> Result<Vec<Waiting<'a>>, Refusal> {
        let left: Vec<usize> = (0..parts.len())
            .filter(|place| outcomes[*place].is_none())
            .collect();
        let (mut places, own) = self.candidates(parts, &left);
        places.retain(|place| !parts[*place].is_own() || !own.contains(parts[*place].run));
        let (admitted, direct) = self.admit(parts, &places, &own)?;
        let (kept, mixed) = admitted
            .into_iter()
            .partition::<Vec<_>, _>(|waiting| !direct.contains(waiting.list.run()));
        mixed
            .into_iter()
            .for_each(|waiting| waiting.list.withdraw());
        Ok(kept)
    }

    /// Puts lists that were admitted into the inbox, and fills in what became of those. One whose outcome is known was refused
    /// meanwhile, and does not wait.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn insert(
        &self,
        admitted: Vec<Waiting<'_>>,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), Refusal> {
        let mut lists = Vec::with_capacity(admitted.len());
        for waiting in admitted {
            let outcome = &mut outcomes[waiting.place];
            if outcome.is_some() {
                waiting.list.withdraw();
                continue;
            }
            *outcome = Some(Outcome {
                word: wire::Outcome::Queued,
                version: None,
                unapplied: (!waiting.unapplied.is_empty())
                    .then(|| unapplied_list(&waiting.unapplied)),
            });
            lists.push(waiting.list);
        }
        match lists.is_empty() {
            true => Ok(()),
            false => {
                Spi::connect_mut(|client| inbox::insert(client, self.writer, lists.into_iter()))
            }
        }
    }

    /// Decides which of the lists at these places wait, and returns the runs of those that do not.
    fn admit<'a>(
        &self,
        parts: &[Part<'a>],
        places: &[usize],
        own: &HashSet<&str>,
    ) -> Result<(Vec<Waiting<'a>>, HashSet<String>), Refusal> {
        let (mut incoming, mut read) = (Vec::new(), Vec::new());
        for place in places {
            let part = &parts[*place];
            let Some(list) = part.list() else {
                continue;
            };
            let operations = list::read(list.operations)?;
            if operations.iter().any(Result::is_ok) {
                let readable = list::readable(list.operations, &operations)?;
                incoming.push(Incoming {
                    run: part.run,
                    target: list.target,
                    list: inbox::List::new(readable, &operations),
                });
                read.push((*place, unreadable(&operations)));
            }
        }
        if incoming.is_empty() {
            return Ok((Vec::new(), HashSet::new()));
        }
        let ways = Spi::connect_mut(|client| inbox::admit_many(client, incoming, own))?;
        let waiting = |((place, unapplied), list): (_, Option<Admitted<'a>>)| {
            Some(Waiting {
                place,
                unapplied,
                list: list?,
            })
        };
        let admitted = read.into_iter().zip(ways.admitted).filter_map(waiting);
        Ok((admitted.collect(), ways.direct))
    }
}

/// A list that is to wait.
pub struct Waiting<'a> {
    /// Its position in the batch.
    pub place: usize,
    unapplied: Vec<Unapplied>,
    list: Admitted<'a>,
}
