//! `runmeta.flush(batch, writer, sequence)`

use std::collections::HashMap;

use pgrx::prelude::*;
use runmeta_core::wire::Part;

use crate::call::{Answer, answer};
use crate::flush::sequence::Taken;
use crate::flush::{batch, replay, sequence, write};
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;
use crate::run::target;

/// Has a batch take effect and returns what became of each of its parts.
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
            name!(part, &'static str),
            name!(stream, Option<String>),
        ),
    >,
> {
    answer(|| {
        let batch = batch.ok_or(Refusal::Null { argument: "batch" })?;
        let parts = batch::read(&batch)?;
        let taken = Spi::connect_mut(|client| sequence::take(client, writer, sequence))?;
        let outcomes = match taken {
            Taken::Before { refused } => replay::outcomes(&parts, refused.as_ref()),
            Taken::Now => {
                let outcomes = write::write(&parts, writer)?;
                if let Some(writer) = writer {
                    Spi::connect_mut(|client| replay::keep(client, writer, &parts, &outcomes))?;
                }
                outcomes
            }
        };
        let mut values = HashMap::new();
        let rows: Vec<_> = parts
            .iter()
            .zip(outcomes)
            .map(|(part, outcome)| {
                let target = part.member().target();
                let target = *values
                    .entry(target)
                    .or_insert_with(|| target::value(target));
                (
                    part.run.to_owned(),
                    target,
                    outcome.word.name(),
                    outcome.version,
                    outcome.unapplied,
                    part.member().part().map_or("", Part::name),
                    part.stream().map(|stream| stream.name.to_owned()),
                )
            })
            .collect();
        Ok(TableIterator::new(rows))
    })
}
