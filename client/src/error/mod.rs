//! The one error of this crate.

mod display;
mod predicates;
#[cfg(test)]
mod tests;
mod unapplied;

use std::error;
use std::sync::Arc;

use runmeta_core::wire::{Outcome, Part};

use crate::wire::sqlstate::{Meaning, code, ends_session};

pub(crate) use unapplied::Recent;
pub use unapplied::Unapplied;

type Source = Box<dyn error::Error + Send + Sync>;

/// An error, which programs distinguish by methods:
///
/// - [`is_retryable`](Error::is_retryable): the same call may succeed later, because the server was not reached or was busy.
///   Recorded operations stay in the buffer and are sent again without your help.
/// - [`is_closed`](Error::is_closed): the run takes no more changes, or the client was shut down.
/// - [`unapplied`](Error::unapplied): operations that had no effect, after `flush` or `shutdown`.
/// - [`code`](Error::code): the SQLSTATE, where there is one.
///
/// The displayed text is one line for logs: of an error of the server, the message and the SQLSTATE. The detail and the hint,
/// which may contain values (such as the row that violates a constraint), are only in the
/// [`source`](std::error::Error::source), a `tokio_postgres::Error`, and in the `{:?}` format.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    source: Option<Source>,
}

/// The reason of what a contract refuses.
pub(crate) const CONTRACT: &str = "contract";

#[derive(Debug)]
enum Kind {
    /// The server answered a statement with an error.
    Statement {
        code: Box<str>,
        message: Box<str>,
    },
    /// There is no connection, or it was lost.
    Connection {
        retryable: bool,
        code: Option<Box<str>>,
        /// A statement was under way, which may have been applied.
        in_doubt: bool,
    },
    TimedOut {
        what: &'static str,
        in_doubt: bool,
    },
    /// The server answered a statement with something else than this version of the client understands.
    Unexpected(String),
    Settings(String),
    ShutDown,
    Unapplied {
        first: Vec<Unapplied>,
        more: u64,
    },
    /// A start, a change of the status or a finish had no effect.
    Part {
        run: Box<str>,
        part: Part,
        outcome: Outcome,
        reason: Option<Box<str>>,
        detail: Option<Box<str>>,
    },
    DoesNotFit {
        path: String,
    },
    NotSerializable(&'static str),
    NoSuchRun(Box<str>),
    Unreadable {
        run: Box<str>,
        why: &'static str,
    },
    /// An argument that the server would reject.
    Invalid(String),
    OutsideRun,
    /// The chunks that a reader wants were deleted with their stream.
    StreamDeleted(Box<str>),
    /// A stream was closed with this error.
    StreamBroken(Box<str>),
    /// There is no memory for the next chunks of a reader.
    NoMemory,
}

/// Errors of the connection and of the server.
impl Error {
    fn new(kind: Kind, source: Option<Source>) -> Error {
        Error(Arc::new(Inner { kind, source }))
    }

    /// For a statement that was sent.
    pub(crate) fn statement(error: tokio_postgres::Error) -> Error {
        let kind = match error.as_db_error() {
            Some(database) if !ends_session(database) => Kind::Statement {
                code: code(database).into(),
                message: database.message().into(),
            },
            // Whatever else happened to it, the same statement can be sent again over a new connection.
            other => Kind::Connection {
                retryable: other.is_none_or(|database| Meaning::of(code(database)).is_retryable()),
                code: other.map(|database| code(database).into()),
                in_doubt: true,
            },
        };
        Error::new(kind, Some(Box::new(error)))
    }

    /// For a connection that was not made.
    pub(crate) fn connect(error: tokio_postgres::Error) -> Error {
        let code: Option<Box<str>> = error.code().map(|code| code.code().into());
        let cause = error::Error::source(&error);
        let io = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>());
        let retryable = match (&code, cause, io) {
            (Some(code), ..) => Meaning::of(code).is_retryable(),
            // An untrusted certificate is reported as invalid data.
            (None, _, Some(io)) => !matches!(
                io.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput
            ),
            (None, Some(_), None) => false,
            (None, None, None) => true,
        };
        Error::not_connected(retryable, code, Some(Box::new(error)))
    }

    #[cfg(feature = "pool")]
    pub(crate) fn pool(error: deadpool_postgres::PoolError) -> Error {
        match error {
            deadpool_postgres::PoolError::Backend(error) => Error::connect(error),
            other => {
                let retryable = matches!(other, deadpool_postgres::PoolError::Timeout(_));
                Error::not_connected(retryable, None, Some(Box::new(other)))
            }
        }
    }

    fn not_connected(retryable: bool, code: Option<Box<str>>, source: Option<Source>) -> Error {
        let kind = Kind::Connection {
            retryable,
            code,
            in_doubt: false,
        };
        Error::new(kind, source)
    }

    /// For a connection that was lost while a statement was under way.
    pub(crate) fn lost() -> Error {
        let kind = Kind::Connection {
            retryable: true,
            code: None,
            in_doubt: true,
        };
        Error::new(kind, None)
    }

    /// For a statement that took too long, and may have been applied.
    pub(crate) fn statement_timed_out() -> Error {
        let kind = Kind::TimedOut {
            what: "a statement",
            in_doubt: true,
        };
        Error::new(kind, None)
    }

    /// For a reader whose chunks have no room.
    pub(crate) fn no_memory() -> Error {
        Error::new(Kind::NoMemory, None)
    }

    /// For something else that took too long.
    pub(crate) fn timed_out(what: &'static str) -> Error {
        let kind = Kind::TimedOut {
            what,
            in_doubt: false,
        };
        Error::new(kind, None)
    }

    pub(crate) fn unexpected(what: impl Into<String>) -> Error {
        Error::new(Kind::Unexpected(what.into()), None)
    }

    pub(crate) fn settings(message: impl Into<String>, source: Option<Source>) -> Error {
        Error::new(Kind::Settings(message.into()), source)
    }

    /// For a server that is not Postgres: it answers a statement with this error.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn answered(code: &str, message: &str) -> Error {
        let kind = Kind::Statement {
            code: code.into(),
            message: message.into(),
        };
        Error::new(kind, None)
    }

    /// For a server that is not Postgres: it accepts no connection from this client.
    #[cfg(test)]
    pub(crate) fn not_let_in(code: &str) -> Error {
        let retryable = Meaning::of(code).is_retryable();
        Error::not_connected(retryable, Some(code.into()), None)
    }

    /// For a client that gets no thread or runtime to send on.
    pub(crate) fn no_runtime(error: std::io::Error) -> Error {
        Error::settings(
            "the client cannot run in the background",
            Some(error.into()),
        )
    }

    /// Returns true if the same statement may succeed later.
    pub(crate) fn passes(&self) -> bool {
        matches!(self.meaning(), Meaning::InDoubt | Meaning::Passes)
    }

    /// Returns what the error means for a batch that was being sent.
    pub(crate) fn meaning(&self) -> Meaning {
        match &self.0.kind {
            Kind::Statement { code, .. } => Meaning::of(code),
            Kind::Connection { in_doubt: true, .. }
            | Kind::TimedOut { in_doubt: true, .. }
            | Kind::Unexpected(_) => Meaning::InDoubt,
            // Even if nothing but an administrator can mend the connection, the batch itself is not at fault.
            Kind::Connection { .. } | Kind::TimedOut { .. } => Meaning::Passes,
            _ => Meaning::Final,
        }
    }

    /// Returns true if the role lacks rights, or the schema is missing: it concerns any statement, and not what one run holds.
    pub(crate) fn concerns_rights(&self) -> bool {
        self.code()
            .is_some_and(|code| code.starts_with("42") || code.starts_with("3F"))
    }

    /// Returns true if the server cannot view something that one of the runs holds, and trying again does not help.
    pub(crate) fn concerns_what_is_viewed(&self) -> bool {
        self.keeps_connection() && !self.is_retryable() && !self.concerns_rights()
    }

    /// Returns true if the server answered the statement with this error, so that the connection can be used again.
    pub(crate) fn keeps_connection(&self) -> bool {
        match &self.0.kind {
            // A server that only reads for now goes on doing so as long as the connection lives.
            Kind::Statement { code, .. } => {
                &**code != "25006" && Meaning::of(code) != Meaning::InDoubt
            }
            _ => false,
        }
    }
}

/// Errors of a call.
impl Error {
    pub(crate) fn shut_down() -> Error {
        Error::new(Kind::ShutDown, None)
    }

    /// For operations that had no effect: the first of them, and how many more there were.
    pub(crate) fn unapplied_operations(first: Vec<Unapplied>, more: u64) -> Error {
        Error::new(Kind::Unapplied { first, more }, None)
    }

    /// For a start, a change of the status or a finish that had no effect, by its outcome; `reason` and `detail` as the server
    /// gives them with the outcome `invalid`.
    pub(crate) fn unapplied_part(
        run: &str,
        part: Part,
        outcome: Outcome,
        reason: Option<&str>,
        detail: Option<&str>,
    ) -> Error {
        let kind = Kind::Part {
            run: run.into(),
            part,
            outcome,
            reason: reason.map(Into::into),
            detail: detail.map(Into::into),
        };
        Error::new(kind, None)
    }

    /// For a value at this key, or the whole document with an empty key, that is not of the caller's type.
    pub(crate) fn does_not_fit(
        key: &str,
        error: serde_path_to_error::Error<serde_json::Error>,
    ) -> Error {
        let inside = error.path().to_string();
        let path = match (key, inside.as_str()) {
            ("", _) => inside,
            (key, ".") => key.to_owned(),
            (key, inside) if inside.starts_with('[') => format!("{key}{inside}"),
            (key, inside) => format!("{key}.{inside}"),
        };
        Error::new(
            Kind::DoesNotFit { path },
            Some(Box::new(error.into_inner())),
        )
    }

    pub(crate) fn not_serializable(what: &'static str, error: impl Into<Source>) -> Error {
        Error::new(Kind::NotSerializable(what), Some(error.into()))
    }

    pub(crate) fn no_such_run(id: &str) -> Error {
        Error::new(Kind::NoSuchRun(id.into()), None)
    }

    /// For a run whose document cannot be read by this crate.
    pub(crate) fn unreadable(run: &str, why: &'static str, source: Option<Source>) -> Error {
        let run = run.into();
        Error::new(Kind::Unreadable { run, why }, source)
    }

    pub(crate) fn invalid(what: impl Into<String>) -> Error {
        Error::new(Kind::Invalid(what.into()), None)
    }

    pub(crate) fn stream_deleted(name: &str) -> Error {
        Error::new(Kind::StreamDeleted(name.into()), None)
    }

    pub(crate) fn stream_broken(text: &str) -> Error {
        Error::new(Kind::StreamBroken(text.into()), None)
    }

    /// Returns the text with which a stream is closed after this error.
    pub(crate) fn cause_of_stream(&self) -> String {
        match &self.0.kind {
            Kind::StreamBroken(text) => text.to_string(),
            _ => self.to_string(),
        }
    }

    pub(crate) fn outside_run() -> Error {
        Error::new(Kind::OutsideRun, None)
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
