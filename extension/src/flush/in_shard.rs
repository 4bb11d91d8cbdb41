//! The lists of a flush where Citus has distributed the tables: one statement for each shard locks its runs, applies the lists on the
//! server that has the shard, and stores what changed. The documents stay there.
//!
//! Of 1,000 trees in 8 shards on two servers, a flush took 16.2 ms of the coordinator's processor with one statement that fetched the
//! rows and another that sent them back, where a plain server takes 5.4 for all of it.

use pgrx::pg_sys;
use pgrx::pg_sys::BuiltinOid::{INT4OID, JSONBARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID};
use pgrx::prelude::*;
use runmeta_core::wire::{self, Target};

use super::batch::{Content, List, Part};
use super::documents::{self, Stored, lists, locked_first, set_version};
use super::family::Addressed;
use super::outcome::Outcome;
use crate::announce;
use crate::document::{Changed, Draft};
use crate::jsonb::{Jsonb, Node, View, check_for_interrupts, encode_array, size};
use crate::refusal::Refusal;
use crate::settings;
use crate::statement::Statement;

thread_local! {
    static WRITE: Statement = const { Statement::split(
        include_str!("sql/in_shard.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID],
    ) };
}

/// Bytes of text of the lists that one statement sends: Citus holds several copies of it. A guess. Where those for one run have more,
/// they are applied here, as a document has less: 40 bytes of JSONB can be a number with 131,000 digits.
const BYTES: usize = 2 * 1024 * 1024;

/// Applies the lists to the documents of runs of one shard, which come in the order of their ids, and fills in what became of each.
///
/// # Errors
///
/// [`Refusal::NotStored`]. Errors of Postgres are raised.
pub fn write(
    runs: &[&Addressed],
    parts: &[Part<'_>],
    outcomes: &mut [Option<Outcome>],
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    let mut sent = Vec::with_capacity(runs.len());
    let (mut begin, mut bytes) = (0, 0);
    for (at, run) in runs.iter().enumerate() {
        check_for_interrupts();
        let lists: Vec<View<'_>> = lists(parts, &run.parts)
            .map(|list| list.operations)
            .collect();
        let more: usize = lists.iter().map(|list| size(*list)).sum();
        if bytes + more > BYTES {
            send(&runs[begin..at], std::mem::take(&mut sent), outcomes, now)?;
            (begin, bytes) = (at, 0);
        }
        if more > BYTES {
            Spi::connect_mut(|client| locked_first(client, &[run], parts, None, outcomes, now))?;
            begin = at + 1;
            continue;
        }
        bytes += more;
        let lists: Vec<Node<'_>> = lists.into_iter().map(Node::View).collect();
        sent.push(encode_array(lists.into_iter()).map_err(|_| Refusal::TooManyBytes)?);
    }
    send(&runs[begin..], sent, outcomes, now)
}

fn send(
    runs: &[&Addressed],
    lists: Vec<Jsonb<'static>>,
    outcomes: &mut [Option<Outcome>],
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    if runs.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = runs.iter().map(|run| &*run.id).collect();
    let roots: Vec<&str> = runs
        .iter()
        .map(|run| run.root.as_deref().unwrap_or(&run.id))
        .collect();
    // A connection of its own, in which the arguments are made: they are freed with it.
    Spi::connect_mut(|client| {
        let arguments = [
            ids.into(),
            roots.into(),
            lists.into(),
            now.into(),
            closes_before(now).into(),
            i32::try_from(settings::maximum_size())
                .unwrap_or(i32::MAX)
                .into(),
        ];
        for row in WRITE.with(|statement| statement.run(client, &arguments))? {
            check_for_interrupts();
            let required = || Refusal::NotStored;
            let id: &str = row.get(1)?.ok_or_else(required)?;
            let Ok(at) = runs.binary_search_by(|run| (*run.id).cmp(id)) else {
                continue;
            };
            let run = runs[at];
            let version = row.get::<i64>(2)?.ok_or_else(required)?;
            let words: &str = row.get(3)?.ok_or_else(required)?;
            let unapplied = row.get::<Jsonb<'_>>(4)?;
            let is_changed = row.get::<bool>(5)?.unwrap_or(false);
            if is_changed != row.get::<bool>(6)?.unwrap_or(false) {
                return Err(Refusal::NotStored);
            }
            fill_in(run, words, unapplied.as_ref(), outcomes)?;
            set_version(&run.parts, version, outcomes);
            if is_changed {
                announce::changed(run.root.as_deref().unwrap_or(id), id, version);
            }
        }
        Ok(())
    })
}

/// Returns the time before which a run must have finished to take no writes any more. `None` if all runs take some.
fn closes_before(now: TimestampWithTimeZone) -> Option<TimestampWithTimeZone> {
    let window = i64::from(settings::update_window()?) * 1_000_000;
    TimestampWithTimeZone::try_from(pg_sys::TimestampTz::from(now).saturating_sub(window)).ok()
}

/// Fills in what became of the lists for a run.
fn fill_in(
    run: &Addressed,
    words: &str,
    unapplied: Option<&Jsonb<'_>>,
    outcomes: &mut [Option<Outcome>],
) -> Result<(), Refusal> {
    let mut words = words.split(' ');
    for (at, place) in run.parts.iter().enumerate() {
        let word = words.next().and_then(wire::Outcome::parse);
        let unapplied = match unapplied.map(Jsonb::view) {
            Some(View::Array(lists)) => lists.element(at),
            _ => None,
        };
        let unapplied = match unapplied {
            Some(View::Array(list)) => {
                let elements: Vec<Node<'_>> = list.elements().map(Node::View).collect();
                Some(encode_array(elements.into_iter()).map_err(|_| Refusal::TooManyBytes)?)
            }
            _ => None,
        };
        outcomes[*place as usize] = Some(Outcome {
            unapplied,
            ..Outcome::bare(word.ok_or(Refusal::NotStored)?)
        });
    }
    Ok(())
}

/// What became of lists for a document.
pub struct Done {
    /// The document, if it changed.
    pub changed: Option<Changed>,
    /// The version of the run behind them.
    pub version: i64,
    /// A word for each list.
    pub outcomes: String,
    /// Of each list, what was skipped, or null. `None` if nothing was.
    pub unapplied: Option<Jsonb<'static>>,
}

/// Applies an array of lists to a document, on the server that has it.
///
/// # Errors
///
/// As [`documents::apply`].
pub fn apply(
    stored: &Stored<'_>,
    document: &Jsonb<'_>,
    size_bound: Option<i32>,
    lists: &Jsonb<'_>,
    limit: usize,
) -> Result<Done, Refusal> {
    let View::Array(lists) = lists.view() else {
        return Err(runmeta_core::NotAList::NotAnArray.into());
    };
    let part = |operations| Part {
        entry: 0,
        run: stored.id,
        root: None,
        content: Content::Operations(List {
            target: Target::Own,
            operations,
            count: 0,
        }),
    };
    let parts: Vec<Part<'_>> = lists.elements().map(part).collect();
    let places: Vec<u32> = (0..).take(parts.len()).collect();
    let mut outcomes: Vec<Option<Outcome>> = parts.iter().map(|_| None).collect();
    let draft = Draft::new(document, limit, size_bound);
    let (changed, version) = documents::apply(stored, draft, 0, &places, &parts, &mut outcomes)?;
    let outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
    let words: Vec<&str> = outcomes.iter().map(|outcome| outcome.word.name()).collect();
    let unapplied = match outcomes.iter().any(|outcome| outcome.unapplied.is_some()) {
        true => {
            let lists: Vec<Node<'_>> = outcomes
                .iter()
                .map(|outcome| match &outcome.unapplied {
                    Some(list) => Node::View(list.view()),
                    None => Node::View(View::Null),
                })
                .collect();
            Some(encode_array(lists.into_iter()).map_err(|_| Refusal::TooManyBytes)?)
        }
        false => None,
    };
    Ok(Done {
        changed,
        version,
        outcomes: words.join(" "),
        unapplied,
    })
}
