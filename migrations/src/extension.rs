//! The extension `runmeta` in the server and in the database.

use std::fmt;

use tokio_postgres::GenericClient;

use crate::error::{Error, Kind};
use crate::server::Server;
use crate::version::Version;

/// The oldest extension that has the functions these migrations and their clients use.
pub const MINIMUM_EXTENSION: &str = "0.1.0";

/// The versions of the extension that a database and its server have.
#[derive(Debug, Clone)]
pub struct Extension {
    /// What `CREATE EXTENSION` made in this database.
    pub installed: Option<Version>,
    /// What is installed on the server's machine.
    pub available: Option<Version>,
}

/// What has to be done about the extension.
#[derive(Debug, Clone, PartialEq)]
pub enum ExtensionStep {
    /// `CREATE EXTENSION`.
    Create(Version),
    /// `ALTER EXTENSION … UPDATE`.
    Update {
        /// The version now.
        from: Version,
        /// The version afterwards.
        to: Version,
    },
}

impl Extension {
    /// Reads both versions.
    pub(crate) async fn read(client: &impl GenericClient) -> Result<Self, Error> {
        let row = client
            .query_opt(
                "SELECT a.installed_version, a.default_version
                FROM pg_catalog.pg_available_extensions AS a
                WHERE a.name OPERATOR(pg_catalog.=) 'runmeta'",
                &[],
            )
            .await?;
        if let Some(row) = row {
            return Ok(Self {
                installed: row.try_get::<_, Option<String>>(0)?.map(Version::new),
                available: row.try_get::<_, Option<String>>(1)?.map(Version::new),
            });
        }
        // A library that was removed from the machine leaves its extension in the catalog.
        let installed = client
            .query_opt(
                "SELECT e.extversion
                FROM pg_catalog.pg_extension AS e
                WHERE e.extname OPERATOR(pg_catalog.=) 'runmeta'",
                &[],
            )
            .await?
            .map(|row| row.try_get::<_, String>(0))
            .transpose()?;
        Ok(Self {
            installed: installed.map(Version::new),
            available: None,
        })
    }

    /// Decides what has to be done before the migrations can run.
    ///
    /// # Errors
    ///
    /// When the library is missing from the server's machine, or too old.
    pub(crate) fn step(&self, server: &Server) -> Result<Option<ExtensionStep>, Error> {
        let needed = Version::new(MINIMUM_EXTENSION);
        let Some(available) = &self.available else {
            return Err(Error::new(Kind::LibraryMissing {
                server: server.major,
            }));
        };
        match &self.installed {
            Some(installed) if *installed >= needed => Ok(None),
            _ if *available < needed => Err(Error::new(Kind::LibraryTooOld {
                available: available.clone(),
                needed,
            })),
            Some(installed) => Ok(Some(ExtensionStep::Update {
                from: installed.clone(),
                to: available.clone(),
            })),
            None => Ok(Some(ExtensionStep::Create(available.clone()))),
        }
    }
}

impl ExtensionStep {
    /// Returns the statement that does it.
    pub(crate) fn sql(&self) -> &'static str {
        match self {
            Self::Create(_) => "CREATE EXTENSION runmeta;",
            Self::Update { .. } => "ALTER EXTENSION runmeta UPDATE;",
        }
    }
}

impl fmt::Display for ExtensionStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(version) => write!(formatter, "extension runmeta {version} created"),
            Self::Update { from, to } => {
                write!(formatter, "extension runmeta updated from {from} to {to}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(
        installed: Option<&str>,
        available: Option<&str>,
    ) -> Result<Option<ExtensionStep>, Error> {
        Extension {
            installed: installed.map(Version::new),
            available: available.map(Version::new),
        }
        .step(&Server { major: 15 })
    }

    #[test]
    fn toolkit_asks_for_no_extension_newer_than_itself() {
        assert!(Version::new(MINIMUM_EXTENSION) <= Version::new(env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn missing_extension_is_created() {
        let expected = ExtensionStep::Create(Version::new(MINIMUM_EXTENSION));
        assert_eq!(step(None, Some(MINIMUM_EXTENSION)).unwrap(), Some(expected));
    }

    #[test]
    fn extension_that_is_new_enough_stays() {
        assert_eq!(step(Some(MINIMUM_EXTENSION), Some("99.0.0")).unwrap(), None);
    }

    #[test]
    fn old_extension_is_updated_when_the_library_is_newer() {
        assert!(matches!(
            step(Some("0.0.1"), Some("99.0.0")).unwrap(),
            Some(ExtensionStep::Update { .. })
        ));
    }

    #[test]
    fn old_library_is_refused_with_both_versions() {
        let error = step(Some("0.0.1"), Some("0.0.2")).unwrap_err();
        assert!(error.is_library_too_old());
        insta::assert_snapshot!(error, @r#"
        the extension "runmeta" on the server is too old
        DETAIL: The server has 0.0.2, these migrations need 0.1.0 or newer.
        HINT: On the server's machine, in a newer clone of runmeta, run: make install PG_CONFIG=/path/to/bin/pg_config.
        "#);
    }

    #[test]
    fn missing_library_is_refused_with_what_to_install() {
        let error = step(None, None).unwrap_err();
        assert!(error.is_library_missing());
        insta::assert_snapshot!(error, @r#"
        the extension "runmeta" is not installed on the server
        HINT: On the server's machine, in a clone of runmeta, run: make install PG_CONFIG=/path/to/bin/pg_config (that of PostgreSQL 15).
        "#);
    }
}
