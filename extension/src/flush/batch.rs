//! Reading a batch: `[{"run":"run_1","operations":[…],"parentOperations":[…],"rootOperations":[…]}]`, and with `start`,
//! `status` and `finish`: see [`change`](super::change). With `streams`, `parentStreams` and `rootStreams`: see
//! [`stream`](super::stream).

use runmeta_core::NotAList;
use runmeta_core::wire::{EntryMember, MAXIMUM_OPERATIONS, MAXIMUM_TEXT_BYTES, Target, fits_text};

use super::change;
use super::stream::{self, Stream};
use crate::document::list;
use crate::jsonb::{Container, Jsonb, View, check_for_interrupts};
use crate::refusal::Refusal;
use crate::run::NewRun;

/// A part of an entry: what gets a row of the answer.
pub struct Part<'a> {
    /// The position of its entry in the batch.
    pub entry: u32,
    /// The run of its entry.
    pub run: &'a str,
    /// The root of that run, as the entry has it.
    pub root: Option<&'a str>,
    /// What is to be done.
    pub content: Content<'a>,
}

/// What a part is to do.
pub enum Content<'a> {
    /// Start the run, or begin another attempt at it.
    Start(Box<NewRun<'a>>),
    /// Apply a list.
    Operations(List<'a>),
    /// Append to a stream, or close it.
    Stream(Box<Stream<'a>>),
    /// Set the status of the run.
    Status(Change<'a>),
    /// Finish the attempt at the run.
    Finish(Change<'a>),
}

/// Operations that a run brings for one member of its family.
#[derive(Clone, Copy)]
pub struct List<'a> {
    /// Whose document they are for.
    pub target: Target,
    /// The operations: an array of objects. They are read when they are applied, so that those of a whole batch need
    /// not be in memory at once.
    pub operations: View<'a>,
    /// How many there are.
    pub count: usize,
}

/// A status that a run is to get.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// The status.
    pub status: &'a str,
    /// The attempt that the run is to be at, if that matters.
    pub attempt: Option<i32>,
}

impl<'a> Part<'a> {
    /// Returns the list, if it is one.
    pub fn list(&self) -> Option<&List<'a>> {
        match &self.content {
            Content::Operations(list) => Some(list),
            _ => None,
        }
    }

    /// Returns the stream, if it is for one.
    pub fn stream(&self) -> Option<&Stream<'a>> {
        match &self.content {
            Content::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    /// Returns true if it starts the run, sets its status or finishes it.
    pub fn changes_state(&self) -> bool {
        matches!(
            self.content,
            Content::Start(_) | Content::Status(_) | Content::Finish(_)
        )
    }

    /// Returns true if it starts the run.
    pub fn is_start(&self) -> bool {
        matches!(self.content, Content::Start(_))
    }

    /// Returns true if it concerns the run of its entry and not a parent or a root.
    pub fn is_own(&self) -> bool {
        self.member().target() == Target::Own
    }

    /// Returns the member of the entry.
    pub fn member(&self) -> EntryMember {
        match &self.content {
            Content::Start(_) => EntryMember::Start,
            Content::Operations(list) => EntryMember::Operations(list.target),
            Content::Stream(stream) => EntryMember::Streams(stream.target),
            Content::Status(_) => EntryMember::Status,
            Content::Finish(_) => EntryMember::Finish,
        }
    }
}

/// Reads the parts of a batch in order: entry by entry, its start, a run's own list, its parent's and its root's, its own
/// streams, its parent's and its root's, its status and its finish.
///
/// # Errors
///
/// [`Refusal::BadBatch`] with the place of the first fault.
pub fn read<'a>(batch: &'a Jsonb<'a>) -> Result<Vec<Part<'a>>, Refusal> {
    let View::Array(entries) = batch.view() else {
        return Err(bad("the top".to_owned(), "there is no array"));
    };
    if entries.count() > MAXIMUM_OPERATIONS {
        return Err(Refusal::TooManyOperations {
            limit: MAXIMUM_OPERATIONS,
        });
    }
    let mut parts = Vec::with_capacity(entries.count());
    let mut count = 0;
    for (index, entry) in (0u32..).zip(entries.elements()) {
        check_for_interrupts();
        let known = parts.len();
        read_entry(index, entry, &mut parts)?;
        let new = &parts[known..];
        let lists = new.iter().filter_map(Part::list);
        count += lists.map(|list| list.count).sum::<usize>();
        count += new.iter().filter_map(Part::stream).count();
        if count > MAXIMUM_OPERATIONS {
            return Err(Refusal::TooManyOperations {
                limit: MAXIMUM_OPERATIONS,
            });
        }
    }
    Ok(parts)
}

fn read_entry<'a>(index: u32, entry: View<'a>, parts: &mut Vec<Part<'a>>) -> Result<(), Refusal> {
    let View::Object(members) = entry else {
        return Err(bad(format!("[{index}]"), "there is no object"));
    };
    let run = read_id(index, &members, EntryMember::Run)?
        .ok_or_else(|| bad(format!("[{index}]"), "run is missing"))?;
    for (name, _) in members.members() {
        let name = String::from_utf8_lossy(name);
        if EntryMember::parse(&name).is_none() {
            return Err(unknown(format!("[{index}]"), &name));
        }
    }
    // Most entries have nothing but their run and its own list.
    let root = read_id(index, &members, EntryMember::Root)?;
    let mut left = members.count() - 1 - usize::from(root.is_some());
    for member in &EntryMember::ALL[2..] {
        if left == 0 {
            break;
        }
        let Some(value) = members.member(member.name().as_bytes()) else {
            continue;
        };
        left -= 1;
        let place = || format!("[{index}].{}", member.name());
        let content = match member {
            EntryMember::Run | EntryMember::Root => continue,
            EntryMember::Start => Content::Start(Box::new(change::read_start(run, value, &place)?)),
            EntryMember::Operations(target) => {
                Content::Operations(read_list(*target, value, &place)?)
            }
            EntryMember::Streams(target) => {
                for stream in stream::read(*target, value, &place)? {
                    parts.push(Part {
                        entry: index,
                        run,
                        root,
                        content: Content::Stream(Box::new(stream)),
                    });
                }
                continue;
            }
            EntryMember::Status => Content::Status(change::read_status(value, &place)?),
            EntryMember::Finish => Content::Finish(change::read_finish(value, &place)?),
        };
        parts.push(Part {
            entry: index,
            run,
            root,
            content,
        });
    }
    Ok(())
}

/// Reads a member that is an id. `None` if there is no such member.
fn read_id<'a>(
    index: u32,
    members: &Container<'a>,
    member: EntryMember,
) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = members.member(member.name().as_bytes()) else {
        return Ok(None);
    };
    let id = value.as_str().filter(|id| fits_text(id));
    id.map(Some).ok_or_else(|| {
        bad(
            format!("[{index}].{}", member.name()),
            &format!("there is no text of 1 to {MAXIMUM_TEXT_BYTES} bytes"),
        )
    })
}

fn read_list<'a>(
    target: Target,
    list: View<'a>,
    place: &impl Fn() -> String,
) -> Result<List<'a>, Refusal> {
    let count = list::count(list).map_err(|error| match error {
        Refusal::NotAList(NotAList::NotAnArray) => bad(place(), "there is no array"),
        Refusal::NotAList(NotAList::NotAnObject(at)) => {
            bad(format!("{}[{at}]", place()), "there is no object")
        }
        other => other,
    })?;
    Ok(List {
        target,
        operations: list,
        count,
    })
}

/// Returns the refusal of a batch that is malformed at this place.
pub fn bad(place: String, problem: &str) -> Refusal {
    Refusal::BadBatch {
        place,
        problem: problem.to_owned(),
    }
}

/// Returns the refusal of a batch that has an unknown member at this place.
pub fn unknown(place: String, name: &str) -> Refusal {
    let name: String = name.chars().take(80).collect();
    bad(place, &format!("the member \"{name}\" is unknown"))
}
