//! `runmeta tree`: a run and its descendants.

use std::process::ExitCode;

use clap::Args;

use crate::connect::Database;
use crate::error::Error;
use crate::printable::printable;
use crate::stdout::print;

/// Print a run and its descendants, with their status and attempt
#[derive(Args)]
pub(crate) struct Tree {
    /// Run to begin with
    run: String,
    #[command(flatten)]
    database: Database,
}

const TREE: &str = "
    SELECT t.depth, t.id, t.status, t.attempt
    FROM runmeta.tree($1) WITH ORDINALITY AS t
    ORDER BY t.ordinality";

impl Tree {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let client = self.database.connect().await?;
        let rows = client.query(TREE, &[&self.run]).await?;
        if rows.is_empty() {
            return Err(Error::no_such_run(&self.run));
        }
        let mut first_depth = None;
        for row in rows {
            let depth: i32 = row.try_get(0)?;
            let first_depth = *first_depth.get_or_insert(depth);
            let indent = usize::try_from(depth - first_depth).unwrap_or_default();
            let (id, status): (String, String) = (row.try_get(1)?, row.try_get(2)?);
            let attempt = match row.try_get::<_, i32>(3)? {
                1 => String::new(),
                attempt => format!(" (attempt {attempt})"),
            };
            print(&format!(
                "{}{}  {}{attempt}",
                "  ".repeat(indent),
                printable(&id),
                printable(&status)
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
