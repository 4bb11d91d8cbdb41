//! What was refused of a writer's last batch, kept with the writer until its next one.
//!
//! A client whose answer was lost sends the batch again. It gets the answer that it would have got the first time: parts
//! that were refused have their outcome of then, the others are duplicates with the operations that were skipped.
//!
//! Kept as `[{"run":"run_1","target":"self","outcome":"closed"},{"run":"run_2","target":"parent","unapplied":[…]}]`:
//! an element for each part of which something had no effect. NULL after a batch that was taken whole, as nearly all
//! are: it costs no second write. A part is known by its run, its target, `part` if it is no list, and `earlier`: how many
//! parts of the same three stand before it in the batch, left out if none does.
//!
//! What is kept is read with care: who may write batches may write the table, and a batch that comes again need not be
//! the one that came first.

use std::collections::HashMap;

use pgrx::pg_sys::BuiltinOid::{JSONBOID, UUIDOID};
use pgrx::spi::SpiClient;
use runmeta_core::Tree;
use runmeta_core::wire::{self, EntryMember, Part as Kind, Target};

use super::batch::Part;
use super::outcome::Outcome;
use crate::jsonb::{Jsonb, Node, View, check_for_interrupts, encode_array, from_index};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static KEEP: Statement = const { Statement::new(
        include_str!("sql/keep.sql"),
        &[UUIDOID, JSONBOID],
    ) };
}

/// What a part is known by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Name<'a> {
    run: &'a str,
    member: EntryMember,
    earlier: usize,
}

/// Keeps what was refused, if something was, with the writer whose batch was just applied.
///
/// # Errors
///
/// [`Refusal::WriterNotStored`] if a trigger or a policy left out the writer's row.
pub fn keep(
    client: &mut SpiClient<'_>,
    writer: pgrx::Uuid,
    parts: &[Part<'_>],
    outcomes: &[Outcome],
) -> Result<(), Refusal> {
    let taken_whole = |outcome: &Outcome| outcome.unapplied.is_none() && !outcome.word.is_refusal();
    if outcomes.iter().all(taken_whole) {
        return Ok(());
    }
    let refused: Vec<_> = names(parts)
        .zip(outcomes)
        .filter(|(_, outcome)| !taken_whole(outcome))
        .collect();
    let elements = refused
        .iter()
        .map(|(name, outcome)| element(*name, outcome));
    // At most 300,000 lists with ids of 255 bytes, some 100 MB, and 100,000 operations, 20 MB: JSONB holds 268. As it is
    // stored, 100,000 skipped operations were 0.4 MB, and took 60 ms beside the 100 of the flush.
    let refused = encode_array(elements).map_err(|_| Refusal::TooManyBytes)?;
    let arguments = [writer.into(), refused.into()];
    match KEEP
        .with(|statement| statement.run(client, &arguments))?
        .len()
    {
        1 => Ok(()),
        _ => Err(Refusal::WriterNotStored),
    }
}

/// Returns the outcomes of a batch that came before, when this was `refused` of it.
pub fn outcomes(parts: &[Part<'_>], refused: Option<&Jsonb<'_>>) -> Vec<Outcome> {
    let mut kept = HashMap::new();
    if let Some(View::Array(elements)) = refused.map(Jsonb::view) {
        for element in elements.elements() {
            check_for_interrupts();
            if let Some(name) = name(element) {
                kept.insert(name, element);
            }
        }
    }
    if kept.is_empty() {
        return parts
            .iter()
            .map(|_| Outcome::bare(wire::Outcome::Duplicate))
            .collect();
    }
    names(parts)
        .zip(parts)
        .map(|(name, part)| match kept.get(&name) {
            Some(element) => outcome(*element, part),
            None => Outcome::bare(wire::Outcome::Duplicate),
        })
        .collect()
}

fn names<'a>(parts: &'a [Part<'_>]) -> impl Iterator<Item = Name<'a>> {
    let mut counts = HashMap::new();
    parts.iter().map(move |part| {
        check_for_interrupts();
        let (run, member) = (part.run, part.member());
        let count = counts.entry((run, member)).or_insert(0);
        *count += 1;
        Name {
            run,
            member,
            earlier: *count - 1,
        }
    })
}

/// Writes what is kept of a part, members in the order of JSONB.
fn element<'a>(name: Name<'a>, outcome: &'a Outcome) -> Node<'a> {
    let earlier = || Node::Sum(from_index(name.earlier).into());
    let refusal = Some(outcome.word).filter(|word| word.is_refusal());
    let unapplied = outcome.unapplied.as_ref();
    let part = name.member.part().filter(|part| *part != Kind::Operations);
    Node::of_members([
        Some(("run", Node::text(name.run))),
        part.map(|part| ("part", Node::text(part.name()))),
        Some(("target", Node::text(name.member.target().name()))),
        (name.earlier > 0).then(|| ("earlier", earlier())),
        refusal.map(|word| ("outcome", Node::text(word.name()))),
        unapplied.map(|list| ("unapplied", Node::View(list.view()))),
    ])
}

/// Reads what a kept part is known by.
fn name(element: View<'_>) -> Option<Name<'_>> {
    let View::Object(members) = element else {
        return None;
    };
    let earlier = match members.member(b"earlier") {
        Some(count) => usize::try_from(Node::View(count).as_u64()?).ok()?,
        None => 0,
    };
    let target = Target::parse(members.member(b"target")?.as_str()?)?;
    let part = match members.member(b"part") {
        Some(part) => Kind::parse(part.as_str()?)?,
        None => Kind::Operations,
    };
    let of_both = |member: &EntryMember| member.part() == Some(part) && member.target() == target;
    Some(Name {
        run: members.member(b"run")?.as_str()?,
        member: EntryMember::ALL.into_iter().find(of_both)?,
        earlier,
    })
}

/// Reads what is kept of a part.
fn outcome(element: View<'_>, part: &Part<'_>) -> Outcome {
    let mut outcome = Outcome::bare(wire::Outcome::Duplicate);
    let View::Object(members) = element else {
        return outcome;
    };
    let word = members.member(b"outcome").and_then(|word| word.as_str());
    let word = word.and_then(wire::Outcome::parse);
    outcome.word = word
        .filter(|word| word.is_refusal())
        .unwrap_or(outcome.word);
    let Some(View::Array(unapplied)) = members.member(b"unapplied") else {
        return outcome;
    };
    let count = match (part.list(), part.stream()) {
        (Some(list), _) => Some(list.count),
        (None, stream) => stream.map(|stream| stream.chunks.given()),
    };
    let is_told = |element: &View<'_>| match (count, outcome.word) {
        (Some(count), wire::Outcome::Duplicate) => is_skipped(*element, count),
        (_, wire::Outcome::Invalid) => is_reason(*element),
        _ => false,
    };
    let unapplied: Vec<_> = unapplied.elements().filter(is_told).collect();
    if !unapplied.is_empty() {
        // No more bytes than are kept.
        outcome.unapplied = encode_array(unapplied.into_iter().map(Node::View)).ok();
    }
    outcome
}

/// Returns true for `{"reason":"…"}`.
fn is_reason(element: View<'_>) -> bool {
    match element {
        View::Object(members) => members
            .member(b"reason")
            .is_some_and(|reason| reason.as_str().is_some()),
        _ => false,
    }
}

/// Returns true for `{"index":…,"reason":"…"}` of one of so many operations or chunks.
fn is_skipped(element: View<'_>, count: usize) -> bool {
    check_for_interrupts();
    let View::Object(members) = element else {
        return false;
    };
    let index = members
        .member(b"index")
        .and_then(|index| Node::View(index).as_u64());
    let reason = members.member(b"reason").and_then(|reason| reason.as_str());
    reason.is_some() && index.is_some_and(|index| index < count as u64)
}
