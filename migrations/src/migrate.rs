//! Bringing a database up to date.

use std::fmt;

use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::embedded;
use crate::error::Error;
use crate::extension::ExtensionStep;
use crate::plan::{LOCK, Plan, SAFE_SEARCH_PATH};
use crate::transaction::OuterTransaction;

/// What a call of [`migrate`] has done.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was done about the extension, if anything.
    pub extension: Option<ExtensionStep>,
    /// The migrations that were applied, as `V1__run_and_writer`, oldest first.
    pub applied: Vec<String>,
}

/// Brings the database up to date, in one transaction. Where the tables are distributed, the rights on the other nodes follow it.
///
/// Waits while another program migrates the same database. Safe to call at each
/// start of a program: an up-to-date database is only read.
///
/// # Errors
///
/// When the server is no primary of Postgres 15 or newer with UTF-8, when the
/// library of the extension is missing from it or too old, when the schema
/// `runmeta` is somebody else's, when a newer version of this library has migrated
/// the database, when the user lacks a right, and whatever else the server refuses.
/// The database is then as it was before.
pub async fn migrate(client: &mut Client) -> Result<Report, Error> {
    // A standby refuses to begin a transaction that may write, in words that help nobody.
    crate::server::check(client).await?;
    let transaction = begin(client).await?;
    let plan = Plan::make(&transaction).await?;
    if let Some(step) = &plan.extension {
        transaction.batch_execute(step.sql()).await?;
    }
    if plan.history_missing {
        transaction.batch_execute(embedded::SCHEMA_HISTORY).await?;
    }
    let applied = embedded::runner()
        .run_async(&mut OuterTransaction(&transaction))
        .await?
        .applied_migrations()
        .iter()
        .map(ToString::to_string)
        .collect();
    for script in embedded::BESIDE {
        transaction.batch_execute(script).await?;
    }
    transaction.commit().await?;
    if plan.is_distributed {
        // Each node commits this by itself, and sees the functions only now.
        client.batch_execute(&embedded::citus_nodes()).await?;
    }
    Ok(Report {
        extension: plan.extension,
        applied,
    })
}

/// Begins a transaction that changes the schema, behind any other program that does.
pub(crate) async fn begin(client: &mut Client) -> Result<Transaction<'_>, Error> {
    let transaction = client
        .build_transaction()
        // What the program that we waited for has done must be seen after the wait.
        .isolation_level(IsolationLevel::ReadCommitted)
        .read_only(false)
        .start()
        .await?;
    transaction.batch_execute(SAFE_SEARCH_PATH).await?;
    transaction.batch_execute(LOCK).await?;
    Ok(transaction)
}

impl Report {
    /// Tells that there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.extension.is_none() && self.applied.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("the database is up to date");
        }
        if let Some(step) = &self.extension {
            write!(formatter, "{step}")?;
        }
        for (index, migration) in self.applied.iter().enumerate() {
            if index > 0 || self.extension.is_some() {
                formatter.write_str("\n")?;
            }
            write!(formatter, "migration {migration} applied")?;
        }
        Ok(())
    }
}
