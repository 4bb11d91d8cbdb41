//! What can go wrong on the way to a migrated database.

use std::error::Error as StdError;
use std::fmt;

use tokio_postgres::error::{DbError, SqlState};

use crate::version::Version;

/// A migration that was refused or failed; the database is as it was before.
///
/// Displayed as Postgres does: the message, then `DETAIL` and `HINT` where there is more to say.
pub struct Error(Box<Kind>);

#[derive(Debug)]
pub(crate) enum Kind {
    Postgres(tokio_postgres::Error),
    Refinery(refinery::Error),
    ServerTooOld { found: String },
    Encoding { found: String },
    Standby,
    LibraryMissing { server: i32 },
    LibraryTooOld { available: Version, needed: Version },
    SchemaTaken { owner: String },
    SchemaOccupied { objects: Vec<String> },
    Newer { database: i32, known: i32 },
    Divergent { migration: String },
    HistoryDamaged { version: i32 },
    NotMigrated,
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Box::new(kind))
    }

    /// Tells that the extension is not installed on the server's machine.
    pub fn is_library_missing(&self) -> bool {
        matches!(*self.0, Kind::LibraryMissing { .. })
    }

    /// Tells that the extension on the server's machine is older than these migrations need.
    pub fn is_library_too_old(&self) -> bool {
        matches!(*self.0, Kind::LibraryTooOld { .. })
    }

    /// Tells that the server is a standby, older than Postgres 15, or does not keep text as UTF-8.
    pub fn is_server_unsuitable(&self) -> bool {
        matches!(
            *self.0,
            Kind::ServerTooOld { .. } | Kind::Encoding { .. } | Kind::Standby
        )
    }

    /// Tells that the schema `runmeta` belongs to somebody else, or holds what somebody else made.
    pub fn is_schema_taken(&self) -> bool {
        matches!(
            *self.0,
            Kind::SchemaTaken { .. } | Kind::SchemaOccupied { .. }
        )
    }

    /// Tells that a newer version of this library has migrated the database.
    pub fn is_newer(&self) -> bool {
        matches!(*self.0, Kind::Newer { .. })
    }

    /// Tells that an applied migration has another text than the one this library knows.
    pub fn is_divergent(&self) -> bool {
        matches!(*self.0, Kind::Divergent { .. })
    }

    /// Returns the SQLSTATE, where the server gave one.
    pub fn code(&self) -> Option<&SqlState> {
        self.db().map(DbError::code)
    }

    /// Returns what went wrong, in one line.
    pub fn message(&self) -> String {
        match &*self.0 {
            Kind::Postgres(_) | Kind::Refinery(_) => self.message_of_source(),
            Kind::ServerTooOld { found } => format!("PostgreSQL {found} is too old"),
            Kind::Encoding { found } => {
                format!("the encoding of the database is {found}, not UTF8")
            }
            Kind::Standby => "the server is a standby and cannot be written to".to_owned(),
            Kind::LibraryMissing { .. } => {
                "the extension \"runmeta\" is not installed on the server".to_owned()
            }
            Kind::LibraryTooOld { .. } => {
                "the extension \"runmeta\" on the server is too old".to_owned()
            }
            Kind::SchemaTaken { owner } => {
                format!("schema \"runmeta\" belongs to role \"{owner}\"")
            }
            Kind::SchemaOccupied { .. } => "schema runmeta holds objects of others".to_owned(),
            Kind::Newer { .. } => {
                "the database was migrated by a newer version of runmeta".to_owned()
            }
            Kind::Divergent { migration } => {
                format!("migration {migration} was applied with another text")
            }
            Kind::HistoryDamaged { version } => {
                format!("row {version} of runmeta.schema_history is damaged")
            }
            Kind::NotMigrated => "migrations are missing".to_owned(),
        }
    }

    /// Returns the facts behind the message, in full sentences.
    pub fn detail(&self) -> Option<String> {
        match &*self.0 {
            Kind::LibraryTooOld { available, needed } => Some(format!(
                "The server has {available}, these migrations need {needed} or newer."
            )),
            Kind::SchemaOccupied { objects } => {
                Some(format!("Among them: {}.", objects.join(", ")))
            }
            Kind::Newer { database, known } => Some(format!(
                "The database is at migration {database}, this program knows {known}."
            )),
            _ => self.db().and_then(DbError::detail).map(str::to_owned),
        }
    }

    /// Returns what to do about it, in full sentences.
    pub fn hint(&self) -> Option<String> {
        let text = match &*self.0 {
            Kind::ServerTooOld { .. } => "Use PostgreSQL 15 or newer.".to_owned(),
            Kind::Encoding { .. } => {
                "Create the database with: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'."
                    .to_owned()
            }
            Kind::Standby => "Connect to the primary.".to_owned(),
            Kind::LibraryMissing { server } => format!(
                "On the server's machine, in a clone of runmeta, run: \
                 make install PG_CONFIG=/path/to/bin/pg_config (that of PostgreSQL {server})."
            ),
            Kind::LibraryTooOld { .. } => {
                "On the server's machine, in a newer clone of runmeta, run: \
                 make install PG_CONFIG=/path/to/bin/pg_config."
                    .to_owned()
            }
            Kind::SchemaTaken { owner } => format!(
                "Migrate as role \"{owner}\". Roles that only read or write runs need no migration of their own. If the schema is not runmeta's, find out who made it."
            ),
            Kind::SchemaOccupied { .. } => {
                "Find out who made them, and move or drop them.".to_owned()
            }
            Kind::Newer { .. } => "Use that version of this program, or a newer one.".to_owned(),
            Kind::Divergent { .. } => {
                "Use the version of runmeta that migrated the database.".to_owned()
            }
            Kind::NotMigrated => "Run: runmeta migrate.".to_owned(),
            Kind::Postgres(_) | Kind::Refinery(_) | Kind::HistoryDamaged { .. } => {
                return self.hint_of_source();
            }
        };
        Some(text)
    }

    fn hint_of_source(&self) -> Option<String> {
        let db = self.db()?;
        match db.hint() {
            Some(hint) => Some(hint.to_owned()),
            None if *db.code() == SqlState::INSUFFICIENT_PRIVILEGE => {
                Some("Migrate as the owner of the database, or of schema \"runmeta\" where it exists.".to_owned())
            }
            None if *db.code() == SqlState::UNDEFINED_FILE => Some(
                "Install the extension on the server's machine: make install PG_CONFIG=/path/to/bin/pg_config."
                    .to_owned(),
            ),
            None => None,
        }
    }

    /// Returns the words of whatever is at the bottom; what lies above says only that something failed.
    fn message_of_source(&self) -> String {
        if let Some(db) = self.db() {
            return db.message().to_owned();
        }
        let mut deepest: &dyn StdError = match &*self.0 {
            Kind::Postgres(error) => error,
            Kind::Refinery(error) => error,
            _ => return String::new(),
        };
        while let Some(source) = deepest.source() {
            deepest = source;
        }
        deepest.to_string()
    }

    fn db(&self) -> Option<&DbError> {
        let mut cause: Option<&(dyn StdError + 'static)> = self.source();
        while let Some(error) = cause {
            if let Some(db) = error.downcast_ref::<DbError>() {
                return Some(db);
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Error").field(&self.0).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message())?;
        if let Some(detail) = self.detail() {
            write!(formatter, "\nDETAIL: {detail}")?;
        }
        if let Some(hint) = self.hint() {
            write!(formatter, "\nHINT: {hint}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.0 {
            Kind::Postgres(error) => Some(error),
            Kind::Refinery(error) => Some(error),
            _ => None,
        }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::new(Kind::Postgres(error))
    }
}

impl From<refinery::Error> for Error {
    fn from(error: refinery::Error) -> Self {
        Self::new(Kind::Refinery(error))
    }
}
