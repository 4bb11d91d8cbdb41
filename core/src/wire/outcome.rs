//! What became of a part of an entry: of a list of operations, a start, a change of the status or a finish.

use std::fmt;

/// What became of a part of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The document or the run changed.
    Applied,
    /// The document or the run stayed as it was.
    Unchanged,
    /// The list waits in the inbox, and every read sees it.
    Queued,
    /// The document would have passed the limit of size.
    TooLarge,
    /// No such run exists, or no such parent, or row-level security hides it.
    NotFound,
    /// The run finished: for a list too long ago.
    Closed,
    /// A newer attempt at the run has begun.
    Stale,
    /// What was asked can be done to no run, or not to this one.
    Invalid,
    /// The batch was applied before.
    Duplicate,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Outcome; 9] = [
        Outcome::Applied,
        Outcome::Unchanged,
        Outcome::Queued,
        Outcome::TooLarge,
        Outcome::NotFound,
        Outcome::Closed,
        Outcome::Stale,
        Outcome::Invalid,
        Outcome::Duplicate,
    ];

    /// Returns the outcome of this name.
    pub fn parse(name: &str) -> Option<Outcome> {
        Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.name() == name)
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Unchanged => "unchanged",
            Outcome::Queued => "queued",
            Outcome::TooLarge => "too_large",
            Outcome::NotFound => "not_found",
            Outcome::Closed => "closed",
            Outcome::Stale => "stale",
            Outcome::Invalid => "invalid",
            Outcome::Duplicate => "duplicate",
        }
    }

    /// Returns true if the part was refused for good: nothing of it had an effect, and sending it again would change
    /// nothing about that.
    pub fn is_refusal(self) -> bool {
        match self {
            Outcome::TooLarge
            | Outcome::NotFound
            | Outcome::Closed
            | Outcome::Stale
            | Outcome::Invalid => true,
            Outcome::Applied | Outcome::Unchanged | Outcome::Queued | Outcome::Duplicate => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_outcomes() {
        assert_eq!(
            Outcome::ALL.map(Outcome::name).join(" "),
            "applied unchanged queued too_large not_found closed stale invalid duplicate"
        );
        assert_eq!(Outcome::TooLarge.to_string(), "too_large");
    }

    #[test]
    fn names_are_read_back_and_no_others() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.name()), Some(outcome));
        }
        assert_eq!(Outcome::parse("Applied"), None);
    }

    #[test]
    fn a_part_is_refused_for_its_run_alone() {
        let refused = Outcome::ALL
            .into_iter()
            .filter(|outcome| outcome.is_refusal());
        let refused: Vec<&str> = refused.map(Outcome::name).collect();
        assert_eq!(
            refused,
            ["too_large", "not_found", "closed", "stale", "invalid"]
        );
    }
}
