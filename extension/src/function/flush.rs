//! `runmeta.flush(batch, writer, sequence)`

use std::collections::HashMap;

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::flush::queue::Queue;
use crate::flush::sequence::Taken;
use crate::flush::{batch, documents, family, replay, sequence};
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;
use crate::run::target;

/// Applies a batch and returns what happened to each of its lists.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn flush(
    batch: Option<Jsonb<'_>>,
    writer: Option<pgrx::Uuid>,
    sequence: Option<i64>,
) -> Answer<
    TableIterator<
        'static,
        (
            name!(run_id, String),
            name!(target, pg_sys::Oid),
            name!(outcome, &'static str),
            name!(version, Option<i64>),
            name!(unapplied, Option<Jsonb<'static>>),
        ),
    >,
> {
    answer(|| {
        let batch = batch.ok_or(Refusal::Null { argument: "batch" })?;
        let lists = batch::read(&batch)?;
        let taken = Spi::connect_mut(|client| sequence::take(client, writer, sequence))?;
        let outcomes = match taken {
            Taken::Before { refused } => replay::outcomes(&lists, refused.as_ref()),
            Taken::Now => {
                let queue = Queue::new(writer);
                let mut outcomes = queue.fill(&lists)?;
                let runs = family::resolve(&lists, &outcomes)?;
                documents::write(&lists, &runs, &queue, &mut outcomes)?;
                if let Some(writer) = writer {
                    Spi::connect_mut(|client| replay::keep(client, writer, &lists, &outcomes))?;
                }
                outcomes
            }
        };
        let mut values = HashMap::new();
        let rows: Vec<_> = lists
            .iter()
            .zip(outcomes)
            .map(|(list, outcome)| {
                let target = *values
                    .entry(list.target)
                    .or_insert_with(|| target::value(list.target));
                (
                    list.run.to_owned(),
                    target,
                    outcome.word.name(),
                    outcome.version,
                    outcome.unapplied,
                )
            })
            .collect();
        Ok(TableIterator::new(rows))
    })
}
