//! The members of an entry of a batch.

use super::{Part, Target};

/// A member that an entry may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryMember {
    /// The id of the run.
    Run,
    /// The id of the run's root, if that is known: only a hint by which a run is found sooner where the layout is split.
    Root,
    /// The run is started, or another attempt at it begins.
    Start,
    /// The operations that the run records for this member of its family.
    Operations(Target),
    /// The chunks that the run appends to streams of this member of its family, and which of those it closes.
    Streams(Target),
    /// The status that the run gets.
    Status,
    /// The status with which the run's attempt finishes.
    Finish,
}

impl EntryMember {
    /// All members. Behind the first two they stand in the order in which they take effect.
    pub const ALL: [EntryMember; 11] = [
        EntryMember::Run,
        EntryMember::Root,
        EntryMember::Start,
        EntryMember::Operations(Target::Own),
        EntryMember::Operations(Target::Parent),
        EntryMember::Operations(Target::Root),
        EntryMember::Streams(Target::Own),
        EntryMember::Streams(Target::Parent),
        EntryMember::Streams(Target::Root),
        EntryMember::Status,
        EntryMember::Finish,
    ];

    /// Returns the member of this name.
    pub fn parse(name: &str) -> Option<EntryMember> {
        EntryMember::ALL
            .into_iter()
            .find(|member| member.name() == name)
    }

    /// Returns the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            EntryMember::Run => "run",
            EntryMember::Root => "root",
            EntryMember::Start => "start",
            EntryMember::Operations(target) => target.list(),
            EntryMember::Streams(target) => target.streams(),
            EntryMember::Status => "status",
            EntryMember::Finish => "finish",
        }
    }

    /// Returns the part of the answer that has a row for this member, and for streams one for each; `None` for the ids.
    pub fn part(self) -> Option<Part> {
        match self {
            EntryMember::Run | EntryMember::Root => None,
            EntryMember::Start => Some(Part::Start),
            EntryMember::Operations(_) => Some(Part::Operations),
            EntryMember::Streams(_) => Some(Part::Stream),
            EntryMember::Status => Some(Part::Status),
            EntryMember::Finish => Some(Part::Finish),
        }
    }

    /// Returns whose document or state the member changes.
    pub fn target(self) -> Target {
        match self {
            EntryMember::Operations(target) | EntryMember::Streams(target) => target,
            _ => Target::Own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_no_others() {
        assert_eq!(
            EntryMember::ALL.map(EntryMember::name).join(" "),
            "run root start operations parentOperations rootOperations streams parentStreams rootStreams status finish"
        );
        for member in EntryMember::ALL {
            assert_eq!(EntryMember::parse(member.name()), Some(member));
        }
        assert_eq!(EntryMember::parse("self"), None);
    }

    #[test]
    fn each_member_but_the_ids_is_a_part_of_the_answer() {
        let parts = EntryMember::ALL.map(|member| member.part().map_or("", Part::name));
        assert_eq!(
            parts.join(" "),
            "  start operations operations operations stream stream stream status finish"
        );
        let targets = EntryMember::ALL.map(|member| member.target().name());
        assert_eq!(
            targets.join(" "),
            "self self self self parent root self parent root self self"
        );
    }
}
