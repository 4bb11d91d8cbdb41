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
    /// Print one line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: Database,
}

impl Get {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let client = self.database.connect().await?;
        // Postgres writes the JSON: a number of 40 digits stays one.
        let row = client
            .query_one(include_str!("sql/get.sql"), &[&self.run, &self.key])
            .await?;
        if !row.try_get::<_, bool>(2)? {
            return Err(Error::no_such_run(&self.run));
        }
        let form = if self.json { 1 } else { 0 };
        match row.try_get::<_, Option<String>>(form)? {
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
