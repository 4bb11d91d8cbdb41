//! Reading a batch: `[{"run":"run_1","operations":[…],"parentOperations":[…],"rootOperations":[…]}]`.

use runmeta_core::NotAList;
use runmeta_core::wire::{EntryMember, MAXIMUM_OPERATIONS, MAXIMUM_TEXT_BYTES, Target, fits_text};

use crate::document::list;
use crate::jsonb::{Jsonb, View, check_for_interrupts};
use crate::refusal::Refusal;

/// Operations that a run brings for one member of its family.
pub struct List<'a> {
    /// The run that brings them.
    pub run: &'a str,
    /// Whose document they are for.
    pub target: Target,
    /// The operations: an array of objects. They are read when they are applied, so that those of a whole batch need
    /// not be in memory at once.
    pub operations: View<'a>,
    /// How many there are.
    pub count: usize,
}

/// Reads the lists of a batch in order: entry by entry, a run's own first, then its parent's and its root's.
///
/// # Errors
///
/// [`Refusal::BadBatch`] with the place of the first fault.
pub fn read<'a>(batch: &'a Jsonb<'a>) -> Result<Vec<List<'a>>, Refusal> {
    let View::Array(entries) = batch.view() else {
        return Err(bad("the top".to_owned(), "there is no array"));
    };
    if entries.count() > MAXIMUM_OPERATIONS {
        return Err(Refusal::TooManyOperations {
            limit: MAXIMUM_OPERATIONS,
        });
    }
    let mut lists = Vec::with_capacity(entries.count());
    let mut count = 0;
    for (index, entry) in entries.elements().enumerate() {
        check_for_interrupts();
        let known = lists.len();
        read_entry(index, entry, &mut lists)?;
        count += lists[known..].iter().map(|list| list.count).sum::<usize>();
        if count > MAXIMUM_OPERATIONS {
            return Err(Refusal::TooManyOperations {
                limit: MAXIMUM_OPERATIONS,
            });
        }
    }
    Ok(lists)
}

fn read_entry<'a>(index: usize, entry: View<'a>, lists: &mut Vec<List<'a>>) -> Result<(), Refusal> {
    let View::Object(members) = entry else {
        return Err(bad(format!("[{index}]"), "there is no object"));
    };
    let run = match members.member(EntryMember::Run.name().as_bytes()) {
        Some(run) => run.as_str(),
        None => return Err(bad(format!("[{index}]"), "run is missing")),
    };
    let run = run.filter(|run| fits_text(run)).ok_or_else(|| {
        bad(
            format!("[{index}].run"),
            &format!("there is no text of 1 to {MAXIMUM_TEXT_BYTES} bytes"),
        )
    })?;
    for (name, _) in members.members() {
        let name = String::from_utf8_lossy(name);
        if EntryMember::parse(&name).is_none() {
            let name: String = name.chars().take(80).collect();
            return Err(bad(
                format!("[{index}]"),
                &format!("the member \"{name}\" is unknown"),
            ));
        }
    }
    for target in Target::ALL {
        let name = target.list();
        let Some(list) = members.member(name.as_bytes()) else {
            continue;
        };
        let place = || format!("[{index}].{name}");
        let count = list::count(list).map_err(|error| match error {
            Refusal::NotAList(NotAList::NotAnArray) => bad(place(), "there is no array"),
            Refusal::NotAList(NotAList::NotAnObject(at)) => {
                bad(format!("{}[{at}]", place()), "there is no object")
            }
            other => other,
        })?;
        lists.push(List {
            run,
            target,
            operations: list,
            count,
        });
    }
    Ok(())
}

fn bad(place: String, problem: &str) -> Refusal {
    Refusal::BadBatch {
        place,
        problem: problem.to_owned(),
    }
}
