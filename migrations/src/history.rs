//! What a database remembers of its migrations.

use refinery::Migration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_postgres::{GenericClient, Row};

use crate::embedded;
use crate::error::{Error, Kind};

/// A migration that a database has.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Its number.
    pub version: i32,
    /// Its name.
    pub name: String,
    /// When it was applied, as in RFC 3339.
    pub applied_on: String,
    pub(crate) checksum: String,
}

impl Applied {
    /// Reads a row of refinery's own query: version, name, applied_on, checksum.
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            version: row.try_get(0)?,
            name: row.try_get(1)?,
            applied_on: row.try_get(2)?,
            checksum: row.try_get(3)?,
        })
    }

    /// Turns it into what refinery compares; an error if somebody has written nonsense into the table.
    pub(crate) fn into_migration(self) -> Result<Migration, Error> {
        let damaged = || {
            Error::new(Kind::HistoryDamaged {
                version: self.version,
            })
        };
        let applied_on =
            OffsetDateTime::parse(&self.applied_on, &Rfc3339).map_err(|_| damaged())?;
        let checksum = self.checksum.parse().map_err(|_| damaged())?;
        Ok(Migration::applied(
            self.version,
            self.name,
            applied_on,
            checksum,
        ))
    }
}

/// Tells whether there is a history, without reading it.
pub(crate) async fn exists(client: &impl GenericClient) -> Result<bool, Error> {
    let query = "SELECT pg_catalog.to_regclass('runmeta.schema_history') IS NOT NULL";
    Ok(client.query_one(query, &[]).await?.try_get(0)?)
}

/// Tells what kind of relation bears the history's name, and whether reading it can run anybody's code.
const KIND: &str = "
    SELECT c.relkind OPERATOR(pg_catalog.=) 'r' AND NOT c.relrowsecurity,
        pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0)
    FROM pg_catalog.pg_class AS c
    WHERE c.oid OPERATOR(pg_catalog.=) 'runmeta.schema_history'::pg_catalog.regclass";

/// Reads what is applied, oldest first; `None` when there is no history yet.
///
/// To be called in a transaction. A view and a table with policies would run functions of whoever made them as the
/// user who migrates, perhaps a superuser. So it must be a plain table, and the lock keeps it the one that was looked at.
pub(crate) async fn read(client: &impl GenericClient) -> Result<Option<Vec<Applied>>, Error> {
    if !exists(client).await? {
        return Ok(None);
    }
    client
        .batch_execute("LOCK TABLE ONLY runmeta.schema_history IN ACCESS SHARE MODE")
        .await?;
    let row = client.query_one(KIND, &[]).await?;
    let plain: bool = row.try_get(0)?;
    if !plain {
        return Err(Error::new(Kind::SchemaOccupied {
            objects: vec![row.try_get(1)?],
        }));
    }
    let rows = client
        .query(
            "SELECT version, name, applied_on, checksum FROM ONLY runmeta.schema_history ORDER BY version USING OPERATOR(pg_catalog.<)",
            &[],
        )
        .await?;
    rows.iter()
        .map(Applied::from_row)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Returns the migrations that are not applied yet.
///
/// # Errors
///
/// When the database has migrations that this program does not know, or knows otherwise.
pub(crate) fn pending(applied: &[Applied]) -> Result<Vec<Migration>, Error> {
    let known = embedded::migrations();
    let newest = known.last().map_or(0, Migration::version);
    for entry in applied {
        match known
            .iter()
            .find(|migration| migration.version() == entry.version)
        {
            None => {
                return Err(Error::new(Kind::Newer {
                    database: applied.last().map_or(entry.version, |last| last.version),
                    known: newest,
                }));
            }
            Some(migration) if migration.checksum().to_string() != entry.checksum => {
                return Err(Error::new(Kind::Divergent {
                    migration: migration.to_string(),
                }));
            }
            Some(_) => {}
        }
    }
    Ok(known
        .into_iter()
        .filter(|migration| {
            applied
                .iter()
                .all(|entry| entry.version != migration.version())
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied_now() -> Vec<Applied> {
        embedded::migrations()
            .iter()
            .map(|migration| Applied {
                version: migration.version(),
                name: migration.name().to_owned(),
                applied_on: "2026-01-01T00:00:00Z".to_owned(),
                checksum: migration.checksum().to_string(),
            })
            .collect()
    }

    #[test]
    fn new_database_lacks_every_migration() {
        assert_eq!(pending(&[]).unwrap().len(), embedded::migrations().len());
    }

    #[test]
    fn migrated_database_lacks_none() {
        assert!(pending(&applied_now()).unwrap().is_empty());
    }

    #[test]
    fn unknown_migration_means_that_the_database_is_newer() {
        let mut applied = applied_now();
        let mut future = applied.last().unwrap().clone();
        future.version = 99;
        applied.push(future);
        let error = pending(&applied).unwrap_err();
        assert!(error.is_newer(), "{error}");
    }

    #[test]
    fn changed_migration_is_refused() {
        let mut applied = applied_now();
        applied[0].checksum = "1".to_owned();
        let error = pending(&applied).unwrap_err();
        assert!(error.is_divergent(), "{error}");
    }

    #[test]
    fn damaged_history_is_an_error_and_no_panic() {
        let mut entry = applied_now().remove(0);
        entry.applied_on = "yesterday".to_owned();
        assert!(entry.into_migration().is_err());
    }
}
