//! `runmeta get`: the metadata of a run.

use std::process::ExitCode;

use clap::Args;

use crate::connect::Database;
use crate::error::Error;
use crate::printable::printable_lines;
use crate::stdout::print;

/// Print the metadata of a run, or the value at a key
#[derive(Args)]
pub(crate) struct Get {
    /// Run to read
    run: String,
    /// Key, or a path that begins with "$."
    key: Option<String>,
    #[command(flatten)]
    database: Database,
}

impl Get {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let client = self.database.connect().await?;
        // Postgres writes the JSON: a number of 40 digits stays one.
        let row = match &self.key {
            None => {
                client
                    .query_one("SELECT jsonb_pretty(runmeta.get($1))", &[&self.run])
                    .await?
            }
            Some(key) => {
                client
                    .query_one(
                        "SELECT jsonb_pretty(runmeta.get($1, $2))",
                        &[&self.run, key],
                    )
                    .await?
            }
        };
        match row.try_get::<_, Option<String>>(0)? {
            Some(value) => print(&printable_lines(&value))?,
            None => {
                let key = self.key.unwrap_or_default();
                return Err(Error::new(format!(
                    "run \"{}\" has nothing at key \"{key}\"",
                    self.run
                )));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
