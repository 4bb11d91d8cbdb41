//! Batches of which some runs do not fit the contract of their task: those are refused, and the others take effect.
//!
//! The batch is tried in a subtransaction. If documents do not fit, it is taken back, the parts to blame are refused, and it is
//! tried again without them. What waits in the inbox for a run may be to blame instead: it is folded first, which finds out the
//! lists that do not fit.

use crate::contract::refused::{Noting, Refused};
use crate::inbox;
use crate::refusal::Refusal;
use crate::subtransaction;

use super::batch::Part;
use super::family::Addressed;
use super::outcome::{Outcome, refuse};

/// Has a batch take effect by `attempt`, which fills in what became of the parts of which that is not known, and returns the
/// runs that these are for.
///
/// # Errors
///
/// Those of `attempt`. [`DoesNotFit`](crate::refusal::ContractRefusal::DoesNotFit) for a run that does not fit for no part of
/// the batch.
pub fn without_refused(
    parts: &[Part<'_>],
    attempt: impl Fn(&mut [Option<Outcome>]) -> Result<Vec<Addressed>, Refusal>,
) -> Result<Vec<Option<Outcome>>, Refusal> {
    let mut decided: Vec<Option<Outcome>> = parts.iter().map(|_| None).collect();
    let mut may_wait = true;
    loop {
        let (refused, runs) = {
            let noting = Noting::begin();
            let (mut refused, mut runs) = (Vec::new(), Vec::new());
            let outcomes = subtransaction::keep_or_repeat(|| {
                let mut outcomes: Vec<Option<Outcome>> = decided.to_vec();
                runs = attempt(&mut outcomes)?;
                refused = noting.take();
                Ok(refused.is_empty().then_some(outcomes))
            })?;
            match outcomes {
                Some(outcomes) => return Ok(outcomes),
                None => (refused, runs),
            }
        };
        if std::mem::take(&mut may_wait) && fold(&refused)? {
            continue;
        }
        decide(parts, &runs, refused, &mut decided)?;
    }
}

/// Folds what waits for these runs, and returns true if something did.
fn fold(refused: &[Refused]) -> Result<bool, Refusal> {
    let runs = refused.iter().filter(|refused| !refused.is_new);
    let runs: Vec<_> = runs
        .map(|refused| (refused.root.clone(), refused.run.clone()))
        .collect();
    let folded = inbox::fold(runs)?;
    Ok(folded.iter().any(inbox::Folded::took_some))
}

/// Refuses the parts to blame: the start of a run that was made, the lists for one that exists, or a start that merges metadata
/// into it.
fn decide(
    parts: &[Part<'_>],
    runs: &[Addressed],
    refused: Vec<Refused>,
    decided: &mut [Option<Outcome>],
) -> Result<(), Refusal> {
    for refused in refused {
        let is_start = |place: &usize| parts[*place].is_start() && parts[*place].run == refused.run;
        let to_blame: Vec<usize> = match refused.is_new {
            true => (0..parts.len()).filter(is_start).collect(),
            false => {
                let found = runs.iter().filter(|run| *run.id == *refused.run);
                let places = found.flat_map(|run| run.parts.iter().map(|place| *place as usize));
                let (lists, others): (Vec<_>, Vec<_>) =
                    places.partition(|place| parts[*place].list().is_some());
                match lists.is_empty() {
                    true => others.into_iter().filter(is_start).collect(),
                    false => lists,
                }
            }
        };
        let left: Vec<usize> = to_blame
            .iter()
            .copied()
            .filter(|place| decided[*place].is_none())
            .collect();
        if to_blame.is_empty() {
            return Err(refused.into_refusal().into());
        }
        for place in left {
            let refusal = refused.clone().into_refusal();
            refuse(parts, place, refusal.into(), None, decided)?;
        }
    }
    Ok(())
}
