//! What has to be done to a database, found out without changing it.

use std::fmt;

use refinery::Migration;
use tokio_postgres::{Client, GenericClient};

use crate::distribute::is_distributed;
use crate::embedded;
use crate::error::Error;
use crate::extension::{Extension, ExtensionStep};
use crate::{history, schema, server};

/// Makes names mean what Postgres ships, and nothing that somebody put in front of it.
pub(crate) const SAFE_SEARCH_PATH: &str = "SET LOCAL search_path TO pg_catalog, pg_temp;";

/// Waits until no other program migrates this database; released at the end of the transaction. The number is the text "runmeta" in ASCII.
pub(crate) const LOCK: &str =
    "SELECT pg_catalog.pg_advisory_xact_lock(x'72756e6d657461'::pg_catalog.int8);";

/// The steps that bring a database up to date.
///
/// Displayed, it is a script that `psql -v ON_ERROR_STOP=1` runs with the same
/// effect as [`migrate`](crate::migrate()), for those who want to read before, or
/// have somebody else do it.
#[derive(Debug)]
pub struct Plan {
    pub(crate) extension: Option<ExtensionStep>,
    pub(crate) history_missing: bool,
    pub(crate) pending: Vec<Migration>,
    pub(crate) is_distributed: bool,
}

/// Finds out what [`migrate`](crate::migrate()) would do, and changes nothing.
///
/// # Errors
///
/// Those of [`migrate`](crate::migrate()) that can be known before.
pub async fn plan(client: &mut Client) -> Result<Plan, Error> {
    let transaction = client.build_transaction().read_only(true).start().await?;
    transaction.batch_execute(SAFE_SEARCH_PATH).await?;
    Plan::make(&transaction).await
}

impl Plan {
    /// Looks at the database; the caller has set the search_path.
    pub(crate) async fn make(client: &impl GenericClient) -> Result<Self, Error> {
        let server = server::check(client).await?;
        let extension = Extension::read(client).await?;
        let step = extension.step(&server)?;
        let known = extension.installed.is_some() || history::exists(client).await?;
        // Before anything of the schema is read: what lies in a stranger's could run as the one who migrates.
        schema::check(client, known).await?;
        let applied = history::read(client).await?;
        Ok(Self {
            extension: step,
            history_missing: applied.is_none(),
            pending: history::pending(&applied.unwrap_or_default())?,
            is_distributed: is_distributed(client).await?,
        })
    }

    /// Tells that nothing is left to do but to look at roles and grants.
    pub fn is_up_to_date(&self) -> bool {
        self.extension.is_none() && !self.history_missing && self.pending.is_empty()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "BEGIN;\n{SAFE_SEARCH_PATH}\n{LOCK}")?;
        if let Some(step) = &self.extension {
            writeln!(formatter, "\n{}", step.sql())?;
        }
        if self.history_missing {
            writeln!(formatter, "\n{}", embedded::SCHEMA_HISTORY.trim_end())?;
        }
        for migration in &self.pending {
            writeln!(
                formatter,
                "\n-- {migration}\n{}\n",
                migration.sql().unwrap_or_default().trim_end()
            )?;
            writeln!(
                formatter,
                "INSERT INTO {} (version, name, applied_on, checksum) VALUES ({}, '{}', {}, '{}');",
                embedded::HISTORY_TABLE,
                migration.version(),
                migration.name(),
                NOW_AS_RFC_3339,
                migration.checksum(),
            )?;
        }
        for script in embedded::BESIDE {
            writeln!(formatter, "\n{}", script.trim_end())?;
        }
        formatter.write_str("\nCOMMIT;")?;
        if self.is_distributed {
            write!(formatter, "\n\n{}", embedded::citus_nodes().trim_end())?;
        }
        Ok(())
    }
}

/// The form in which refinery keeps times.
const NOW_AS_RFC_3339: &str = "pg_catalog.to_char(pg_catalog.timezone('UTC', pg_catalog.now()), 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version;

    fn plan_for_new_database() -> Plan {
        Plan {
            extension: Some(ExtensionStep::Create(Version::new("0.1.0"))),
            history_missing: true,
            pending: history::pending(&[]).unwrap(),
            is_distributed: false,
        }
    }

    #[test]
    fn plan_is_one_transaction() {
        let script = plan_for_new_database().to_string();
        assert!(script.starts_with("BEGIN;\nSET LOCAL search_path TO pg_catalog, pg_temp;\n"));
        assert!(script.ends_with("\nCOMMIT;"));
        assert!(!script[1..].contains("BEGIN;"));
    }

    #[test]
    fn plan_makes_extension_and_history_before_the_first_migration() {
        let script = plan_for_new_database().to_string();
        let position = |text: &str| {
            script
                .find(text)
                .unwrap_or_else(|| panic!("{text} is missing"))
        };
        assert!(
            position("CREATE EXTENSION runmeta;") < position("CREATE TABLE runmeta.schema_history")
        );
        assert!(
            position("CREATE TABLE runmeta.schema_history") < position("-- V1__run_and_writer")
        );
        assert!(position("-- V1__run_and_writer") < position("VALUES (1, 'run_and_writer'"));
        assert!(position("VALUES (1, 'run_and_writer'") < position("DO $grants$"));
    }

    #[test]
    fn plan_with_nothing_pending_still_looks_at_grants() {
        let plan = Plan {
            extension: None,
            history_missing: false,
            pending: Vec::new(),
            is_distributed: false,
        };
        assert!(plan.is_up_to_date());
        assert!(plan.to_string().contains("DO $grants$"));
        assert!(!plan.to_string().contains("CREATE TABLE"));
    }
}
