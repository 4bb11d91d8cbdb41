//! `runmeta doctor`: what is wrong, and what to do about it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::connect::Database;
use crate::doctor::{Facts, Severity, as_json, as_text, findings, metrics, read};
use crate::error::Error;
use crate::stdout::print;

/// Looking takes some milliseconds, unless somebody has locked a table or the server has no time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Exit code where nothing could be found out: 1 means that something is wrong.
const FAILED: u8 = 2;

/// Look at the database, and say what is wrong and what to do
///
/// Changes nothing, and reads a few pages of each table however large they are. The role needs runmeta_reader, and sees more
/// with pg_read_all_stats. The exit code is 0 if there is no problem, 1 if there is one, and 2 if that could not be found out.
#[derive(Args)]
pub(crate) struct Doctor {
    /// Print findings and figures as JSON
    #[arg(long, conflicts_with = "metrics")]
    json: bool,
    /// Print the figures in the text format of Prometheus; the exit code is 0 whatever is found
    #[arg(long)]
    metrics: bool,
    #[command(flatten)]
    database: Database,
}

impl Doctor {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let facts = self
            .look()
            .await
            .map_err(|error| error.with_exit_code(FAILED))?;
        let findings = findings(&facts);
        if self.metrics {
            print(metrics(&facts, &findings).trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        match self.json {
            true => print(&as_json(&facts, &findings))?,
            false => print(&as_text(&findings))?,
        }
        Ok(
            match findings
                .iter()
                .any(|finding| finding.severity == Severity::Problem)
            {
                true => ExitCode::FAILURE,
                false => ExitCode::SUCCESS,
            },
        )
    }

    async fn look(&self) -> Result<Facts, Error> {
        match tokio::time::timeout(PATIENCE, read(&self.database)).await {
            Ok(facts) => facts,
            Err(_) => Err(Error::new(format!("the server did not answer within {} s", PATIENCE.as_secs()))
                .with_hint("Look for a session that has locked a table of runmeta: SELECT * FROM pg_locks WHERE mode = 'AccessExclusiveLock';")),
        }
    }
}
