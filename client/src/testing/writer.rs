//! What is known of a writer, so that each of its batches takes effect once.

use std::collections::HashMap;

use runmeta_core::wire::{Outcome, Part, Target};

use super::batch::Entry;
use super::run::Effect;
use crate::wire::Row;

/// The last batch of a writer.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer {
    pub(super) sequence: i64,
    /// Parts of which something had no effect.
    unapplied: HashMap<Name, Effect>,
}

/// What a part is known by: its run, its kind, its stream, and how many of the same stand before it in the batch.
type Name = (String, Kind, Option<String>, usize);
type Kind = (Part, Target);

impl Writer {
    /// Returns a writer whose last batch had this answer.
    pub(super) fn new(sequence: i64, rows: &[Row]) -> Writer {
        let names = names(rows.iter().map(|row| {
            let kind = (row.part, row.target);
            (&*row.run, kind, row.stream.as_deref())
        }));
        let unapplied = names.zip(rows).filter_map(|(name, row)| {
            let is_whole = row.unapplied.is_empty() && !row.outcome.is_refusal();
            let effect = Effect {
                outcome: match row.outcome.is_refusal() {
                    true => row.outcome,
                    false => Outcome::Duplicate,
                },
                version: None,
                unapplied: row.unapplied.clone(),
            };
            (!is_whole).then_some((name, effect))
        });
        Writer {
            sequence,
            unapplied: unapplied.collect(),
        }
    }

    /// Returns the answer to a batch that was taken before. What had no effect is known of the last one alone.
    pub(super) fn replay(&self, entries: &[Entry]) -> Vec<Row> {
        let parts = entries.iter().flat_map(|entry| {
            let parts = entry.parts.iter();
            parts.map(|content| (&*entry.run, content.kind(), content.stream()))
        });
        let rows = names(parts).map(|name| {
            let known = self.unapplied.get(&name).cloned();
            let effect = known.unwrap_or_else(|| Effect::bare(Outcome::Duplicate));
            let (run, (part, target), stream, _) = name;
            effect.row(&run, part, target, stream.as_deref())
        });
        rows.collect()
    }
}

fn names<'a>(
    parts: impl Iterator<Item = (&'a str, Kind, Option<&'a str>)>,
) -> impl Iterator<Item = Name> {
    let mut counts: HashMap<(&str, Kind, Option<&str>), usize> = HashMap::new();
    parts.map(move |part| {
        let count = counts.entry(part).or_insert(0);
        *count += 1;
        let (run, kind, stream) = part;
        (run.to_owned(), kind, stream.map(str::to_owned), *count - 1)
    })
}
