//! How far a database is.

use std::fmt;

use tokio_postgres::Client;

use crate::error::Error;
use crate::extension::{Extension, MINIMUM_EXTENSION};
use crate::plan::SAFE_SEARCH_PATH;
use crate::version::Version;
use crate::{embedded, history};

/// Where a database stands, beside what this library knows.
#[derive(Debug, Clone)]
pub struct Status {
    /// The extension in the database and on the server's machine.
    pub extension: Extension,
    /// Every migration that the database has or this library knows, oldest first.
    pub migrations: Vec<MigrationStatus>,
}

/// Where one migration stands.
#[derive(Debug, Clone)]
pub struct MigrationStatus {
    /// Its number.
    pub version: i32,
    /// Its name.
    pub name: String,
    /// When it was applied, as in RFC 3339; `None` while it is pending.
    pub applied_on: Option<String>,
    /// Whether this library knows it: if not, a newer one has migrated the database.
    pub known: bool,
}

/// Reads how far a database is, and changes nothing.
///
/// # Errors
///
/// When the server cannot be asked, when the user may not read `runmeta.schema_history`, or when that is no plain table.
pub async fn status(client: &mut Client) -> Result<Status, Error> {
    let transaction = client.build_transaction().read_only(true).start().await?;
    transaction.batch_execute(SAFE_SEARCH_PATH).await?;
    let extension = Extension::read(&transaction).await?;
    let applied = history::read(&transaction).await?.unwrap_or_default();
    let known = embedded::migrations();

    let mut migrations: Vec<MigrationStatus> = applied
        .iter()
        .map(|entry| MigrationStatus {
            version: entry.version,
            name: entry.name.clone(),
            applied_on: Some(entry.applied_on.clone()),
            known: known
                .iter()
                .any(|migration| migration.version() == entry.version),
        })
        .collect();
    migrations.extend(
        known
            .iter()
            .filter(|migration| {
                applied
                    .iter()
                    .all(|entry| entry.version != migration.version())
            })
            .map(|migration| MigrationStatus {
                version: migration.version(),
                name: migration.name().to_owned(),
                applied_on: None,
                known: true,
            }),
    );
    migrations.sort_by_key(|migration| migration.version);
    Ok(Status {
        extension,
        migrations,
    })
}

impl Status {
    /// Tells that the extension is new enough and every known migration is applied.
    pub fn is_up_to_date(&self) -> bool {
        let needed = Version::new(MINIMUM_EXTENSION);
        self.extension
            .installed
            .as_ref()
            .is_some_and(|installed| *installed >= needed)
            && self
                .migrations
                .iter()
                .all(|migration| migration.applied_on.is_some())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |version: &Option<Version>| {
            version
                .as_ref()
                .map_or_else(|| "none".to_owned(), Version::to_string)
        };
        write!(
            formatter,
            "extension  in the database: {}, on the server: {}, needed: {MINIMUM_EXTENSION}",
            text(&self.extension.installed),
            text(&self.extension.available),
        )?;
        for migration in &self.migrations {
            let state = match (&migration.applied_on, migration.known) {
                (Some(when), true) => format!("applied {when}"),
                (Some(when), false) => format!("applied {when} by a newer version of runmeta"),
                (None, _) => "pending".to_owned(),
            };
            let name = format!("V{}__{}", migration.version, migration.name);
            write!(formatter, "\nmigration  {name:<28} {state}")?;
        }
        Ok(())
    }
}
