//! `runmeta migrate`: brings a database up to date.

use std::process::ExitCode;

use clap::Args;

use crate::connect::Database;
use crate::error::Error;
use crate::stdout::print;

/// Bring a database up to date: extension, tables, roles and rights
#[derive(Args)]
pub(crate) struct Migrate {
    /// Only print how far the database is
    #[arg(long, conflicts_with = "dry_run")]
    status: bool,
    /// Only print the SQL that would run, as a script for psql
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: Database,
}

impl Migrate {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let mut client = self.database.connect().await?;
        let text = if self.status {
            runmeta_migrations::status(&mut client).await?.to_string()
        } else if self.dry_run {
            runmeta_migrations::plan(&mut client).await?.to_string()
        } else {
            runmeta_migrations::migrate(&mut client).await?.to_string()
        };
        print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
