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

/// One statement and so one snapshot: whether there is a run, and the value in it.
const GET: &str = "SELECT runmeta.get($1) IS NOT NULL, jsonb_pretty(runmeta.get($1))";

const GET_KEY: &str = "SELECT runmeta.get($1) IS NOT NULL, jsonb_pretty(runmeta.get($1, $2))";

impl Get {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let client = self.database.connect().await?;
        // Postgres writes the JSON: a number of 40 digits stays one.
        let row = match &self.key {
            None => client.query_one(GET, &[&self.run]).await?,
            Some(key) => client.query_one(GET_KEY, &[&self.run, key]).await?,
        };
        if !row.try_get::<_, bool>(0)? {
            return Err(Error::no_such_run(&self.run));
        }
        match row.try_get::<_, Option<String>>(1)? {
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
