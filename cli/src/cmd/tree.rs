//! `runmeta tree`: a run and its descendants, once or as they change.

use std::process::ExitCode;

use clap::Args;
use futures_util::FutureExt;
use runmeta_client::{Snapshot, Watch as Watched};

use super::watch::REDRAW;
use crate::connect::{Database, Others};
use crate::error::Error;
use crate::live::family::family;
use crate::live::plain::plain;
use crate::live::screen::Screen;
use crate::live::tree::Tree as Runs;
use crate::live::view::Now;
use crate::printable::printable;
use crate::stdout::print;

/// States that are taken before the tree is drawn.
const AT_ONCE: usize = 1_000;

/// Print a run and its descendants, with their status and attempt
#[derive(Args)]
pub(crate) struct Tree {
    /// Run to begin with
    run: String,
    /// Watch them until all have finished, with a bar for the progress of each
    #[arg(long)]
    watch: bool,
    /// Print each run, or with --watch each of its states, as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    others: Others,
    #[command(flatten)]
    database: Database,
}

impl Tree {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        match self.watch {
            true => self.follow().await?,
            false if self.json => self.print_json().await?,
            false => self.print().await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn print(&self) -> Result<(), Error> {
        let client = self.database.connect().await?;
        let rows = client
            .query(include_str!("sql/tree.sql"), &[&self.run])
            .await?;
        if rows.is_empty() {
            return Err(Error::no_such_run(&self.run));
        }
        for row in rows {
            let indent = usize::try_from(row.try_get::<_, i32>(0)?).unwrap_or_default();
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
        Ok(())
    }

    async fn print_json(&self) -> Result<(), Error> {
        let client = self.database.connect().await?;
        let rows = client
            .query(include_str!("sql/tree_json.sql"), &[&self.run])
            .await?;
        if rows.is_empty() {
            return Err(Error::no_such_run(&self.run));
        }
        for row in rows {
            print(&printable(row.try_get(0)?))?;
        }
        Ok(())
    }

    async fn follow(&self) -> Result<(), Error> {
        let client = self
            .database
            .runs("runmeta tree".to_owned(), &self.others)
            .await?;
        let Some(first) = client.snapshot(&self.run).await? else {
            return Err(Error::no_such_run(&self.run));
        };
        let mut snapshots = client.watch(Watched::tree(first.root_id())).await?;
        let mut screen = Screen::stdout().filter(|_| !self.json);
        let mut runs = Runs::new(&self.run);
        let mut ticks = tokio::time::interval(REDRAW);
        // The first states come one by one: a tree that is over ends the command when no more of them come.
        let (mut was_over, mut is_quiet) = (true, false);
        loop {
            tokio::select! {
                snapshot = snapshots.next() => {
                    let Some(snapshot) = snapshot else {
                        return Ok(());
                    };
                    is_quiet = false;
                    self.take(&mut runs, snapshot, screen.is_none())?;
                    // What has come with it is drawn with it: a tree may have thousands of runs.
                    for _ in 0..AT_ONCE {
                        match snapshots.next().now_or_never() {
                            Some(Some(snapshot)) => self.take(&mut runs, snapshot, screen.is_none())?,
                            _ => break,
                        }
                    }
                }
                _ = ticks.tick() => {
                    if runs.is_over() && is_quiet {
                        return Ok(());
                    }
                    is_quiet = true;
                }
            }
            if let Some(screen) = &mut screen {
                let (columns, rows) = screen.size();
                screen.draw(&family(&runs.members(), Now::get(), columns, rows))?;
            }
            if runs.is_over() && !was_over {
                return Ok(());
            }
            was_over &= runs.is_over() || !runs.has_begun();
        }
    }

    /// Takes the state of a run of the tree, and prints it if nothing is drawn.
    fn take(&self, runs: &mut Runs, snapshot: Snapshot, prints: bool) -> Result<(), Error> {
        for snapshot in runs.see(snapshot, Now::get().instant) {
            if self.json {
                print(&printable(&snapshot.to_json().to_string()))?;
            } else if prints && let Some((run, follow)) = runs.get(snapshot.id()) {
                print(&plain(run, follow, Now::get()))?;
            }
        }
        Ok(())
    }
}
