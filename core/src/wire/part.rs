//! The parts of an entry of a batch, each of which has its own outcome.

use std::fmt;

/// What a row of the answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The start of the run, or of another attempt at it.
    Start,
    /// A list of operations.
    Operations,
    /// Chunks that are appended to a stream, or its end.
    Stream,
    /// The change of the status.
    Status,
    /// The end of the attempt.
    Finish,
}

impl Part {
    /// All parts, in the order in which those of an entry take effect.
    pub const ALL: [Part; 5] = [
        Part::Start,
        Part::Operations,
        Part::Stream,
        Part::Status,
        Part::Finish,
    ];

    /// Returns the part of this name.
    pub fn parse(name: &str) -> Option<Part> {
        Part::ALL.into_iter().find(|part| part.name() == name)
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Part::Start => "start",
            Part::Operations => "operations",
            Part::Stream => "stream",
            Part::Status => "status",
            Part::Finish => "finish",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_no_others() {
        assert_eq!(
            Part::ALL.map(Part::name).join(" "),
            "start operations stream status finish"
        );
        for part in Part::ALL {
            assert_eq!(Part::parse(&part.to_string()), Some(part));
        }
        assert_eq!(Part::parse("parentOperations"), None);
    }
}
