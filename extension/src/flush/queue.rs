//! The lists of a flush for parents and roots, which wait in the inbox where they may.

use std::collections::HashSet;

use pgrx::prelude::*;
use runmeta_core::wire::{self, Target};

use super::batch;
use super::outcome::Outcome;
use crate::document::{list, unapplied_list};
use crate::inbox::{self, Incoming, Way};
use crate::owner;
use crate::refusal::Refusal;
use crate::run::unreadable;

/// Queues lists, and returns what became of each: those that take the direct way are not found as yet.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn queue(
    lists: &[batch::List<'_>],
    writer: Option<pgrx::Uuid>,
) -> Result<Vec<Outcome>, Refusal> {
    let mut outcomes: Vec<Outcome> = lists
        .iter()
        .map(|_| Outcome::bare(wire::Outcome::NotFound))
        .collect();
    let for_others = lists.iter().any(|list| list.target != Target::Own);
    if !for_others || !inbox::is_used() || !owner::may_write_any_run() {
        return Ok(outcomes);
    }
    let own: HashSet<&str> = lists
        .iter()
        .filter(|list| list.target == Target::Own)
        .map(|list| list.run)
        .collect();
    let (mut incoming, mut places, mut unapplied) = (Vec::new(), Vec::new(), Vec::new());
    for (place, list) in lists.iter().enumerate() {
        let operations = list::read(list.operations)?;
        if list.target == Target::Own || !operations.iter().any(Result::is_ok) {
            continue;
        }
        incoming.push(Incoming {
            run: list.run,
            target: list.target,
            list: inbox::List::new(list::readable(list.operations, &operations)?, &operations),
        });
        places.push(place);
        unapplied.push(unreadable(&operations));
    }
    let ways = Spi::connect_mut(|client| inbox::queue_many(client, writer, &incoming, &own))?;
    for ((place, unapplied), way) in places.into_iter().zip(unapplied).zip(ways) {
        if way == Way::Queued {
            outcomes[place] = Outcome {
                word: wire::Outcome::Queued,
                version: None,
                unapplied: (!unapplied.is_empty()).then(|| unapplied_list(&unapplied)),
            };
        }
    }
    Ok(outcomes)
}
