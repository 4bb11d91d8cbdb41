//! The members of an entry of a batch.

use super::Target;

/// A member that an entry may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryMember {
    /// The id of the run.
    Run,
    /// The operations that the run records for this member of its family.
    Operations(Target),
}

impl EntryMember {
    /// All members.
    pub const ALL: [EntryMember; 4] = [
        EntryMember::Run,
        EntryMember::Operations(Target::Own),
        EntryMember::Operations(Target::Parent),
        EntryMember::Operations(Target::Root),
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
            EntryMember::Operations(target) => target.list(),
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
            "run operations parentOperations rootOperations"
        );
        for member in EntryMember::ALL {
            assert_eq!(EntryMember::parse(member.name()), Some(member));
        }
        assert_eq!(EntryMember::parse("self"), None);
    }
}
