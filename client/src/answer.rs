//! What the server says about a batch: a row for each run and target.

use std::fmt;

use crate::Error;

/// Whose document an operation changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Target {
    /// The run's own.
    SelfRun,
    /// That of the run which started it.
    Parent,
    /// That of the first run of its tree.
    Root,
}

impl Target {
    /// Returns the name of the list in a batch.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Target::SelfRun => "operations",
            Target::Parent => "parentOperations",
            Target::Root => "rootOperations",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Target, Error> {
        match text {
            "self" => Ok(Target::SelfRun),
            "parent" => Ok(Target::Parent),
            "root" => Ok(Target::Root),
            other => Err(Error::unexpected(format!(
                "the server answered with an unknown target \"{other}\""
            ))),
        }
    }
}

/// What became of the operations on one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Applied,
    Unchanged,
    Queued,
    TooLarge,
    NotFound,
    Closed,
    Duplicate,
}

impl Outcome {
    const ALL: [Outcome; 7] = [
        Outcome::Applied,
        Outcome::Unchanged,
        Outcome::Queued,
        Outcome::TooLarge,
        Outcome::NotFound,
        Outcome::Closed,
        Outcome::Duplicate,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Unchanged => "unchanged",
            Outcome::Queued => "queued",
            Outcome::TooLarge => "too_large",
            Outcome::NotFound => "not_found",
            Outcome::Closed => "closed",
            Outcome::Duplicate => "duplicate",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Outcome, Error> {
        let outcome = Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.word() == text);
        outcome.ok_or_else(|| {
            Error::unexpected(format!(
                "the server answered with an unknown outcome \"{text}\""
            ))
        })
    }

    /// Returns true if none of the operations had an effect.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(
            self,
            Outcome::TooLarge | Outcome::NotFound | Outcome::Closed
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One row of the answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) run: String,
    pub(crate) target: Target,
    pub(crate) outcome: Outcome,
    pub(crate) version: Option<i64>,
    /// Positions of operations that did not fit the document, and why.
    pub(crate) unapplied: Vec<(usize, String)>,
}

/// A run as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) id: String,
    pub(crate) root: String,
    pub(crate) parent: Option<String>,
    pub(crate) version: i64,
    /// Or why it cannot be read: that concerns this run alone.
    pub(crate) document: Result<serde_json::Value, Error>,
}
