//! What a command says when it cannot do its work.

use std::error::Error as StdError;
use std::fmt;

use tokio_postgres::error::{DbError, SqlState};

use crate::printable::printable;

/// An error as the user reads it: what is wrong, the facts behind it, what to do about it.
#[derive(Debug)]
pub(crate) struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    closed_pipe: bool,
    exit_code: u8,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            message: message.into(),
            detail: None,
            hint: None,
            closed_pipe: false,
            exit_code: 1,
        }))
    }

    /// Says that a run which was to be read does not exist, in the words of the extension.
    pub(crate) fn no_such_run(run: &str) -> Self {
        Self::new(format!("no such run: \"{run}\""))
            .with_detail("No run of this id exists, or row-level security hides it.")
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says what to do, unless the error says so already.
    pub(crate) fn or_hint(mut self, hint: &str) -> Self {
        self.0.hint.get_or_insert_with(|| hint.to_owned());
        self
    }

    /// Has the program end with another exit code than 1.
    pub(crate) fn with_exit_code(mut self, exit_code: u8) -> Self {
        self.0.exit_code = exit_code;
        self
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.0.exit_code
    }

    /// Takes an error of a file or stream.
    pub(crate) fn io(message: impl Into<String>, cause: &std::io::Error) -> Self {
        let mut error = Self::new(message).with_detail(sentence(&cause.to_string()));
        error.0.closed_pipe = cause.kind() == std::io::ErrorKind::BrokenPipe;
        error
    }

    /// Tells that whoever read our output has gone, which is no failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.0.closed_pipe
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}", printable(&self.0.message))?;
        if let Some(detail) = &self.0.detail {
            write!(formatter, "\ndetail: {}", printable(detail))?;
        }
        if let Some(hint) = &self.0.hint {
            write!(formatter, "\nhint: {}", printable(hint))?;
        }
        Ok(())
    }
}

impl StdError for Error {}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(db) = error.as_db_error() {
            return Self::from_db(db);
        }
        if error.is_closed() {
            return Self::new("the server has closed the connection");
        }
        match error.source() {
            Some(cause) => Self::new(error.to_string()).with_detail(sentence(&cause.to_string())),
            None => Self::new(error.to_string()),
        }
    }
}

impl Error {
    fn from_db(db: &DbError) -> Self {
        let mut error = Self::new(db.message());
        error.0.detail = db.detail().map(str::to_owned);
        error.0.hint = db.hint().map(str::to_owned);
        let is_missing = [
            SqlState::INVALID_SCHEMA_NAME,
            SqlState::UNDEFINED_TABLE,
            SqlState::UNDEFINED_FUNCTION,
        ];
        match is_missing.contains(db.code()) && db.message().contains("runmeta") {
            true => error.or_hint(
                "Is it another database, or one that is to be migrated first? Run: runmeta migrate",
            ),
            false => error,
        }
    }
}

impl From<runmeta_client::Error> for Error {
    fn from(error: runmeta_client::Error) -> Self {
        let cause = error.source();
        let server = cause.and_then(|cause| cause.downcast_ref::<tokio_postgres::Error>());
        match (server.and_then(|server| server.as_db_error()), cause) {
            (Some(db), _) => Self::from_db(db),
            (None, Some(cause)) => {
                Self::new(error.to_string()).with_detail(sentence(&cause.to_string()))
            }
            (None, None) => Self::new(error.to_string()),
        }
    }
}

impl From<runmeta_migrations::Error> for Error {
    fn from(cause: runmeta_migrations::Error) -> Self {
        let mut error = Self::new(cause.message());
        error.0.detail = cause.detail();
        error.0.hint = cause.hint();
        error
    }
}

impl From<runmeta_web::Error> for Error {
    fn from(error: runmeta_web::Error) -> Self {
        let this = Self::new(error.to_string());
        match error.source() {
            Some(cause) => this.with_detail(sentence(&cause.to_string())),
            None => this,
        }
    }
}

/// Makes a full sentence of what a library says, as details are.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.trim().chars();
    let mut sentence: String = match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => return String::new(),
    };
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_shows_detail_and_hint_on_lines_of_their_own() {
        let error = Error::new("file is empty")
            .with_detail("It has no bytes.")
            .with_hint("Take another.");
        insta::assert_snapshot!(error, @r"
        error: file is empty
        detail: It has no bytes.
        hint: Take another.
        ");
    }

    #[test]
    fn error_cannot_write_control_characters() {
        assert_eq!(
            Error::new("no \u{1b}[31mfile").to_string(),
            "error: no \\u001b[31mfile"
        );
    }

    #[test]
    fn detail_is_made_a_sentence() {
        assert_eq!(sentence("connection refused"), "Connection refused.");
        assert_eq!(sentence("Done."), "Done.");
    }
}
