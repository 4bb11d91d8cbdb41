//! `runmeta distribute`: lays out the tables otherwise, and back.

use std::process::ExitCode;

use clap::{ArgGroup, Args};
use runmeta_migrations::{Layout, distribute, distribution};

use crate::connect::Database;
use crate::error::Error;
use crate::stdout::print;

/// Lay out the tables for runs that outgrow one table, and back
///
/// Waits until no transaction uses the table of runs, and writers wait until it is done. Run again, it makes the tables agree
/// where somebody has inserted or deleted runs by hand.
#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true)))]
pub(crate) struct Distribute {
    /// Have runs found through a table of their roots; partitions stay as they are
    #[arg(long, group = "what")]
    split: bool,
    /// Have so many hash partitions of runs, streams and histories, by the root of each tree, which includes --split
    #[arg(long, value_name = "NUMBER", group = "what", value_parser = clap::value_parser!(u16).range(1..=1000))]
    partitions: Option<u16>,
    /// Distribute runs, and all that belongs to them, over the nodes of a Citus cluster, by the root of each tree
    #[arg(long, group = "what")]
    citus: bool,
    /// In so many shards, instead of as many as citus.shard_count says
    #[arg(long, value_name = "NUMBER", requires = "citus", value_parser = clap::value_parser!(u16).range(1..=1000))]
    shards: Option<u16>,
    /// Go back to the layout that runmeta migrate makes
    #[arg(long, group = "what")]
    undo: bool,
    /// Only print how the tables are laid out, and whether they and the nodes of a cluster agree: this reads all runs
    #[arg(long, group = "what", conflicts_with = "dry_run")]
    status: bool,
    /// Only print the SQL that would run, as a script for psql
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: Database,
}

impl Distribute {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let to = match self.partitions {
            _ if self.undo => Layout::Plain,
            _ if self.citus => Layout::Citus(self.shards.unwrap_or(0)),
            Some(number) => Layout::Partitions(number),
            None => Layout::Split,
        };
        if self.dry_run {
            print(&to.script())?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut client = self.database.connect().await?;
        if !self.status {
            let layout = distribute(&mut client, to).await?;
            print(&format!("layout  {layout}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        let found = distribution(&mut client).await?;
        print(&found.to_string())?;
        Ok(match found.is_consistent() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}
