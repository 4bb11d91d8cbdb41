//! Whose document a list of operations is for, or whose stream chunks are.

use std::fmt;

/// A member of a run's family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// `self`: the run itself.
    Own,
    /// `parent`: its parent; itself if it has none.
    Parent,
    /// `root`: the first run of its tree.
    Root,
}

impl Target {
    /// All targets, in the order in which the lists of an entry apply.
    pub const ALL: [Target; 3] = [Target::Own, Target::Parent, Target::Root];

    /// Returns the target of this name.
    pub fn parse(name: &str) -> Option<Target> {
        Target::ALL.into_iter().find(|target| target.name() == name)
    }

    /// Returns the name, which is the label of SQL's `runmeta.target`.
    pub fn name(self) -> &'static str {
        match self {
            Target::Own => "self",
            Target::Parent => "parent",
            Target::Root => "root",
        }
    }

    /// Returns the name of the list in an entry of a batch.
    pub fn list(self) -> &'static str {
        match self {
            Target::Own => "operations",
            Target::Parent => "parentOperations",
            Target::Root => "rootOperations",
        }
    }

    /// Returns the name of the object of streams in an entry of a batch.
    pub fn streams(self) -> &'static str {
        match self {
            Target::Own => "streams",
            Target::Parent => "parentStreams",
            Target::Root => "rootStreams",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_targets_and_lists() {
        assert_eq!(Target::ALL.map(Target::name), ["self", "parent", "root"]);
        assert_eq!(
            Target::ALL.map(Target::list),
            ["operations", "parentOperations", "rootOperations"]
        );
        assert_eq!(
            Target::ALL.map(Target::streams),
            ["streams", "parentStreams", "rootStreams"]
        );
        assert_eq!(Target::Root.to_string(), "root");
    }

    #[test]
    fn names_are_read_back_and_no_others() {
        for target in Target::ALL {
            assert_eq!(Target::parse(target.name()), Some(target));
        }
        assert_eq!(Target::parse("operations"), None);
    }
}
