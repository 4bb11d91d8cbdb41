//! What programs ask of an error.

use super::display;
use super::{CONTRACT, Error, Kind, Unapplied};
use crate::wire::Outcome;
use crate::wire::sqlstate::Meaning;

impl Error {
    /// Returns the SQLSTATE: that of the server's error, or the one with which the corresponding SQL function fails.
    ///
    /// `55000`: the run has finished, or a newer attempt has begun. `P0002`: the run or its parent does not exist. `54000`:
    /// the document is too large. `23514`: it does not fit the contract of the task. `22023`: an argument or operation is invalid. `docs/errors.md` lists them all.
    pub fn code(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::Statement { code, .. } => Some(code),
            Kind::Connection { code, .. } => code.as_deref(),
            Kind::NoSuchRun(_) | Kind::StreamDeleted(_) => Some("P0002"),
            Kind::Invalid(_) => Some("22023"),
            Kind::Part { .. } if self.is_contract_violation() => code_of(CONTRACT),
            Kind::Part { outcome, .. } => code_of(outcome.name()),
            Kind::Unapplied { first, .. } => code_of(first.first()?.reason()),
            _ => None,
        }
    }

    /// Returns true if the same call may succeed later: the server was not reached, was busy, or ended the session.
    pub fn is_retryable(&self) -> bool {
        match &self.0.kind {
            Kind::Statement { code, .. } => Meaning::of(code).is_retryable(),
            Kind::Connection { retryable, .. } => *retryable,
            Kind::TimedOut { .. } => true,
            _ => false,
        }
    }

    /// Returns true if the run takes no more changes from this worker, because it has finished or a newer attempt has begun,
    /// or if the client was shut down.
    pub fn is_closed(&self) -> bool {
        match &self.0.kind {
            Kind::ShutDown => true,
            Kind::Unapplied { first, .. } => first
                .iter()
                .any(|unapplied| matches!(unapplied.reason(), "closed" | "stale" | "shut_down")),
            _ => self.code() == Some("55000"),
        }
    }

    /// Returns true if a lock was not available in time, or might not have been.
    pub(crate) fn is_of_a_lock(&self) -> bool {
        match &self.0.kind {
            Kind::Statement { code, .. } => Meaning::of(code) == Meaning::Locked,
            _ => false,
        }
    }

    /// Returns true if metadata was refused because it does not fit the contract of the run's task. [`detail`](Self::detail) has
    /// the places that do not fit, and what the contract asks for there.
    pub fn is_contract_violation(&self) -> bool {
        match &self.0.kind {
            Kind::Part { reason, .. } => reason.as_deref() == Some(CONTRACT),
            Kind::Unapplied { first, .. } => {
                first.iter().any(|unapplied| unapplied.reason() == CONTRACT)
            }
            _ => false,
        }
    }

    /// Returns true if a newer attempt has begun.
    pub(crate) fn is_stale(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Part {
                outcome: Outcome::Stale,
                ..
            }
        )
    }

    /// Returns why a part of an entry had no effect, as one word.
    pub(crate) fn reason(&self) -> String {
        match &self.0.kind {
            Kind::Part { .. } if self.is_contract_violation() => CONTRACT.to_owned(),
            Kind::Part { outcome, .. } => outcome.name().to_owned(),
            _ => self.code().unwrap_or("error").to_owned(),
        }
    }

    /// Returns the text with which a stream was closed, if a reader got this error because its stream was closed with one.
    pub fn stream_error(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::StreamBroken(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the detail of the server's error, a sentence, which may contain values. Of operations that had no effect, that of
    /// the first that has one.
    pub fn detail(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::Part { detail, .. } => detail.as_deref(),
            Kind::Unapplied { first, .. } => first.iter().find_map(Unapplied::detail),
            _ => self.of_server()?.detail(),
        }
    }

    /// Returns the server's hint of what to do.
    pub fn hint(&self) -> Option<&str> {
        self.of_server()?.hint()
    }

    /// Returns the text of the error without the causes and the SQLSTATE: of the server's error, its message.
    pub fn message(&self) -> String {
        match self.of_server() {
            Some(database) => database.message().to_owned(),
            None => match &self.0.kind {
                Kind::Part { run, .. } if self.is_contract_violation() => {
                    display::does_not_fit(&run.escape_debug())
                }
                _ => self.to_string(),
            },
        }
    }

    fn of_server(&self) -> Option<&tokio_postgres::error::DbError> {
        let source = self.0.source.as_ref()?;
        source
            .downcast_ref::<tokio_postgres::Error>()?
            .as_db_error()
    }

    /// Returns the operations that had no effect, the last twenty of each run.
    pub fn unapplied(&self) -> &[Unapplied] {
        match &self.0.kind {
            Kind::Unapplied { first, .. } => first,
            _ => &[],
        }
    }
}

/// Returns the SQLSTATE with which a single call in SQL fails for this reason.
fn code_of(reason: &str) -> Option<&str> {
    let is_code = |reason: &str| {
        reason.len() == 5
            && reason
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    };
    match reason {
        "closed" | "stale" => Some("55000"),
        "not_found" => Some("P0002"),
        "too_large" => Some("54000"),
        CONTRACT => Some("23514"),
        "invalid" | "not_an_array" | "not_a_container" | "index_out_of_range" | "bad_path"
        | "bad_value" | "unknown_type" | "unknown_member" => Some("22023"),
        code if is_code(code) => Some(code),
        _ => None,
    }
}
