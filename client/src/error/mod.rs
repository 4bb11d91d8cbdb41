//! The one error of this crate.

use std::error;
use std::fmt;
use std::sync::Arc;

use tokio_postgres::error::{DbError, SqlState};

use crate::Refusal;
use crate::verdict::{is_fatal, is_passing};

/// What went wrong, told by predicates rather than by variants.
///
/// - [`is_retryable`](Error::is_retryable): the same call may succeed later, as the server could not be reached or was
///   busy. Operations that were said stay in the buffer and are tried again without your help.
/// - [`is_closed`](Error::is_closed): the run takes no more operations.
/// - [`refusals`](Error::refusals): the operations that had no effect, of a `flush`, `finish` or `shutdown`.
/// - [`code`](Error::code): the SQLSTATE, where there is one.
///
/// What is displayed is good for logs: of the server's words, the message and the SQLSTATE. Detail and hint are in the
/// [`source`](std::error::Error::source), a `tokio_postgres::Error`, and in what `{:?}` writes. A detail may have values in it,
/// such as the row that a constraint of yours refused.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

#[derive(Debug)]
enum Kind {
    /// The server answered a statement with an error.
    Statement {
        code: SqlState,
    },
    /// The server misses batches before the one that it was sent.
    Gap {
        known: i64,
    },
    /// There is no connection, or it was lost while a statement ran.
    Connection {
        retryable: bool,
        code: Option<SqlState>,
    },
    Settings(String),
    TimedOut(&'static str),
    ShutDown,
    Refused {
        refusals: Vec<Refusal>,
        more: u64,
    },
    DoesNotFit {
        path: String,
    },
    NotSerializable(&'static str),
    NoSuchRun(String),
    /// The run's document cannot be read by this crate, and why.
    Unreadable {
        run: String,
        why: &'static str,
    },
    /// An argument that the server would refuse.
    Invalid(String),
    OutsideRun,
    Unexpected(String),
}

impl Error {
    fn new(kind: Kind, source: Option<Box<dyn error::Error + Send + Sync>>) -> Error {
        Error(Arc::new(Inner { kind, source }))
    }

    /// For a statement that was sent.
    pub(crate) fn statement(error: tokio_postgres::Error) -> Error {
        let kind = match error.as_db_error() {
            // What ends the session says nothing about the statement.
            Some(database) if !is_fatal(database) => Kind::Statement {
                code: database.code().clone(),
            },
            Some(database) => Kind::Connection {
                retryable: is_passing(database.code()),
                code: Some(database.code().clone()),
            },
            // Whatever else happened to it, the same statement can be sent again over a new connection.
            None => Kind::Connection {
                retryable: true,
                code: None,
            },
        };
        Error::new(kind, Some(Box::new(error)))
    }

    /// For a connection that was not made.
    pub(crate) fn connect(error: tokio_postgres::Error) -> Error {
        let code = error.code().cloned();
        let cause = error::Error::source(&error);
        let retryable = match (
            &code,
            cause,
            cause.and_then(|cause| cause.downcast_ref::<std::io::Error>()),
        ) {
            (Some(code), ..) => is_passing(code),
            // A certificate that is not trusted arrives as this.
            (None, _, Some(io)) => !matches!(
                io.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput
            ),
            (None, Some(_), None) => false,
            (None, None, None) => true,
        };
        Error::new(Kind::Connection { retryable, code }, Some(Box::new(error)))
    }

    #[cfg(feature = "pool")]
    pub(crate) fn pool(error: deadpool_postgres::PoolError) -> Error {
        match error {
            deadpool_postgres::PoolError::Backend(error) => Error::connect(error),
            other => {
                let retryable = matches!(other, deadpool_postgres::PoolError::Timeout(_));
                Error::new(
                    Kind::Connection {
                        retryable,
                        code: None,
                    },
                    Some(Box::new(other)),
                )
            }
        }
    }

    pub(crate) fn settings(
        message: impl Into<String>,
        source: Option<Box<dyn error::Error + Send + Sync>>,
    ) -> Error {
        Error::new(Kind::Settings(message.into()), source)
    }

    pub(crate) fn timed_out(what: &'static str) -> Error {
        Error::new(Kind::TimedOut(what), None)
    }

    pub(crate) fn shut_down() -> Error {
        Error::new(Kind::ShutDown, None)
    }

    pub(crate) fn refused(refusals: Vec<Refusal>, more: u64) -> Error {
        Error::new(Kind::Refused { refusals, more }, None)
    }

    pub(crate) fn does_not_fit(error: serde_path_to_error::Error<serde_json::Error>) -> Error {
        Error::new(
            Kind::DoesNotFit {
                path: error.path().to_string(),
            },
            Some(Box::new(error.into_inner())),
        )
    }

    pub(crate) fn not_serializable(what: &'static str, error: serde_json::Error) -> Error {
        Error::new(Kind::NotSerializable(what), Some(Box::new(error)))
    }

    pub(crate) fn no_such_run(id: &str) -> Error {
        Error::new(Kind::NoSuchRun(id.to_owned()), None)
    }

    pub(crate) fn unreadable(
        run: &str,
        why: &'static str,
        error: Option<serde_json::Error>,
    ) -> Error {
        let run = run.to_owned();
        let source = error.map(|error| Box::new(error).into());
        Error::new(Kind::Unreadable { run, why }, source)
    }

    pub(crate) fn invalid(what: impl Into<String>) -> Error {
        Error::new(Kind::Invalid(what.into()), None)
    }

    pub(crate) fn outside_run() -> Error {
        Error::new(Kind::OutsideRun, None)
    }

    pub(crate) fn unexpected(what: impl Into<String>) -> Error {
        Error::new(Kind::Unexpected(what.into()), None)
    }

    /// Returns the SQLSTATE: of the server's answer, or the one that stands for the first refusal.
    pub fn code(&self) -> Option<&SqlState> {
        match &self.0.kind {
            Kind::Statement { code } => Some(code),
            Kind::Connection { code, .. } => code.as_ref(),
            Kind::NoSuchRun(_) => Some(&SqlState::NO_DATA_FOUND),
            Kind::Invalid(_) => Some(&SqlState::INVALID_PARAMETER_VALUE),
            Kind::Refused { refusals, .. } => match refusals.first()?.reason() {
                "too_large" => Some(&SqlState::PROGRAM_LIMIT_EXCEEDED),
                "closed" => Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE),
                "not_found" => Some(&SqlState::NO_DATA_FOUND),
                "not_an_array" | "not_a_container" | "index_out_of_range" | "bad_path"
                | "bad_value" | "unknown_type" | "unknown_member" => {
                    Some(&SqlState::INVALID_PARAMETER_VALUE)
                }
                "42501" => Some(&SqlState::INSUFFICIENT_PRIVILEGE),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns true if the same call may succeed later: the server was not reached, is starting, is busy, or broke off.
    pub fn is_retryable(&self) -> bool {
        match &self.0.kind {
            Kind::Statement { code } => is_passing(code),
            Kind::Connection { retryable, .. } => *retryable,
            Kind::TimedOut(_) | Kind::Gap { .. } => true,
            _ => false,
        }
    }

    /// Returns true if the run finished and its window for updates is over, or the client was shut down.
    pub fn is_closed(&self) -> bool {
        match &self.0.kind {
            Kind::ShutDown => true,
            Kind::Refused { refusals, .. } => refusals
                .iter()
                .any(|refusal| matches!(refusal.reason(), "closed" | "shut_down")),
            _ => self.code() == Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE),
        }
    }

    /// Returns the operations that were refused, the last twenty of each run.
    pub fn refusals(&self) -> &[Refusal] {
        match &self.0.kind {
            Kind::Refused { refusals, .. } => refusals,
            _ => &[],
        }
    }

    /// Returns true if the statement certainly had no effect. A pooler may report in this way that it lost the server.
    pub(crate) fn is_certain(&self) -> bool {
        match &self.0.kind {
            Kind::Statement { code } => {
                let code = code.code();
                !code.starts_with("08") && !code.starts_with("57P") && code != "40003"
            }
            _ => false,
        }
    }

    /// Returns true if a statement was broken off because somebody holds a lock for long.
    pub(crate) fn is_locked(&self) -> bool {
        match &self.0.kind {
            Kind::Statement { code } => {
                [SqlState::LOCK_NOT_AVAILABLE, SqlState::QUERY_CANCELED].contains(code)
            }
            _ => false,
        }
    }

    /// Returns true if the server was reached and would do no better with the same statement.
    pub(crate) fn is_final_answer(&self) -> bool {
        match &self.0.kind {
            Kind::Statement { code } => !is_passing(code),
            Kind::Unexpected(_) => true,
            _ => false,
        }
    }

    /// Returns true if the server answered the statement, which then had no effect.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self.0.kind, Kind::Statement { .. })
    }

    /// Returns the sequence that the server knows, if it refused a batch because of a gap.
    pub(crate) fn last_sequence_known(&self) -> Option<i64> {
        match self.0.kind {
            Kind::Gap { known } => Some(known),
            _ => None,
        }
    }

    /// For a batch that was refused because the server misses others before it: this is the last one it knows.
    pub(crate) fn gap(known: i64) -> Error {
        Error::new(Kind::Gap { known }, None)
    }

    pub(crate) fn lost() -> Error {
        Error::new(
            Kind::Connection {
                retryable: true,
                code: None,
            },
            None,
        )
    }

    #[cfg(test)]
    pub(crate) fn not_let_in() -> Error {
        let code = Some(SqlState::INVALID_PASSWORD);
        Error::new(
            Kind::Connection {
                retryable: false,
                code,
            },
            None,
        )
    }

    #[cfg(test)]
    pub(crate) fn locked() -> Error {
        let code = SqlState::LOCK_NOT_AVAILABLE;
        Error::new(Kind::Statement { code }, None)
    }

    #[cfg(test)]
    pub(crate) fn denied() -> Error {
        Error::new(
            Kind::Statement {
                code: SqlState::INSUFFICIENT_PRIVILEGE,
            },
            None,
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Gap { known } => write!(f, "the server knows batches up to {known} only"),
            Kind::Statement { .. } => f.write_str("the server refused the statement"),
            Kind::Connection { .. } => f.write_str("no connection to the server"),
            Kind::Settings(message) | Kind::Unexpected(message) | Kind::Invalid(message) => {
                f.write_str(message)
            }
            Kind::TimedOut(what) => write!(f, "{what} took too long"),
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
            Kind::Refused { refusals, more } => {
                let count = refusals.len() as u64 + more;
                write!(
                    f,
                    "{count} operation{} refused: ",
                    if count == 1 { " was" } else { "s were" }
                )?;
                for (position, refusal) in refusals.iter().take(3).enumerate() {
                    write!(f, "{}{refusal}", if position == 0 { "" } else { "; " })?;
                }
                match count.saturating_sub(3) {
                    0 => Ok(()),
                    rest => write!(f, "; and {rest} more"),
                }
            }
        }?;
        // One line that says it all: tokio-postgres keeps the server's words in the source of its error.
        let mut source = error::Error::source(self);
        while let Some(cause) = source {
            if let Some(database) = cause.downcast_ref::<DbError>() {
                write!(
                    f,
                    ": {} (SQLSTATE {})",
                    database.message(),
                    database.code().code()
                )?;
            } else if cause.downcast_ref::<tokio_postgres::Error>().is_none()
                || cause.source().is_none()
            {
                write!(f, ": {cause}")?;
            }
            source = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("source", &self.0.source)
            .finish()
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| &**source as &(dyn error::Error + 'static))
    }
}
