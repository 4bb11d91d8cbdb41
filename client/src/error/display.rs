//! The text of an error: one line, without values.

use std::error::Error as _;
use std::fmt;

use runmeta_core::wire::{Outcome, Part};
use tokio_postgres::error::DbError;

use super::{CONTRACT, Error, Kind};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Statement { code, message } => {
                write!(
                    f,
                    "the server rejected the statement: {message} (SQLSTATE {code})"
                )?;
                // A schema, a table or a function that does not exist.
                return match &**code {
                    "3F000" | "42P01" | "42883" => {
                        f.write_str("; `runmeta migrate` creates what the client needs")
                    }
                    _ => Ok(()),
                };
            }
            Kind::Connection { .. } => f.write_str("no connection to the server"),
            Kind::TimedOut { what, .. } => write!(f, "{what} took too long"),
            Kind::Settings(message) | Kind::Unexpected(message) | Kind::Invalid(message) => {
                f.write_str(message)
            }
            Kind::ShutDown => f.write_str("the client was shut down"),
            Kind::DoesNotFit { path } => write!(f, "the metadata does not fit at \"{path}\""),
            Kind::NotSerializable(what) => write!(f, "{what} cannot be serialised"),
            Kind::NoSuchRun(id) => write!(f, "no such run: \"{}\"", id.escape_debug()),
            Kind::Unreadable { run, why } => write!(
                f,
                "the metadata of run \"{}\" cannot be read: {why}",
                run.escape_debug()
            ),
            Kind::OutsideRun => {
                f.write_str("there is no run here: this was called outside a run's scope")
            }
            Kind::StreamDeleted(name) => write!(
                f,
                "stream \"{}\" was deleted; chunks of a new one are numbered from 0",
                name.escape_debug()
            ),
            Kind::StreamBroken(text) => write!(f, "the stream ended with an error: {text}"),
            Kind::Part {
                run,
                part,
                outcome,
                reason,
                detail,
            } => {
                explain(f, run, *part, *outcome, reason.as_deref())?;
                match (reason.as_deref(), detail) {
                    // Names places and no values.
                    (Some(CONTRACT), Some(detail)) => write!(f, ": {detail}"),
                    _ => Ok(()),
                }
            }
            Kind::Unapplied { first, more } => {
                let count = first.len() as u64 + more;
                let plural = if count == 1 { "" } else { "s" };
                write!(f, "{count} operation{plural} had no effect: ")?;
                for (position, unapplied) in first.iter().take(3).enumerate() {
                    write!(f, "{}{unapplied}", if position == 0 { "" } else { "; " })?;
                }
                match count.saturating_sub(3) {
                    0 => Ok(()),
                    more => write!(f, "; and {more} more"),
                }
            }
        }?;
        // The line includes the causes: tokio-postgres keeps the server's message in the source of its error.
        let mut source = self.source();
        while let Some(cause) = source {
            if let Some(database) = cause.downcast_ref::<DbError>() {
                let (message, code) = (database.message(), database.code().code());
                write!(f, ": {message} (SQLSTATE {code})")?;
            } else if !cause.is::<tokio_postgres::Error>() || cause.source().is_none() {
                write!(f, ": {cause}")?;
            }
            source = cause.source();
        }
        Ok(())
    }
}

/// Says that metadata was refused by a contract.
pub(super) fn does_not_fit(run: &impl fmt::Display) -> String {
    format!("the metadata of run \"{run}\" does not fit the contract of its task")
}

/// Explains why a start, a change of the status or a finish had no effect, and what to do.
fn explain(
    f: &mut fmt::Formatter<'_>,
    run: &str,
    part: Part,
    outcome: Outcome,
    reason: Option<&str>,
) -> fmt::Result {
    let run = run.escape_debug();
    match (part, outcome) {
        (Part::Start, Outcome::Closed) => write!(
            f,
            "run \"{run}\" has finished; a start with a higher attempt begins another attempt"
        ),
        (Part::Finish, Outcome::Closed) => {
            write!(f, "run \"{run}\" has already finished with another status")
        }
        (_, Outcome::Closed) => write!(f, "run \"{run}\" has finished"),
        (_, Outcome::Stale) => write!(
            f,
            "a newer attempt at run \"{run}\" has begun; the worker of this one must stop"
        ),
        (Part::Start, Outcome::NotFound) => write!(
            f,
            "the parent of run \"{run}\" does not exist; start the parent first"
        ),
        (_, Outcome::NotFound) => write!(f, "no such run: \"{run}\""),
        (_, Outcome::TooLarge) => write!(
            f,
            "the metadata of run \"{run}\" would exceed the server's limit"
        ),
        _ if reason == Some(CONTRACT) => f.write_str(&does_not_fit(&run)),
        _ => {
            write!(f, "the {part} of run \"{run}\" is {outcome}")?;
            reason.map_or(Ok(()), |reason| write!(f, ": {reason}"))
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `fn main() -> Result<(), Error>` and `unwrap` print this: the line that helps comes first.
        write!(f, "Error({:?}", self.to_string())?;
        match &self.0.source {
            Some(source) => write!(f, ", {source:?})"),
            None => f.write_str(")"),
        }
    }
}
