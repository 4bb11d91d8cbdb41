//! `runmeta watch`: a run as it changes, until it finishes.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use runmeta_client::{Snapshots, Watch as Watched};

use crate::connect::{Database, Others};
use crate::error::Error;
use crate::live::follow::Follow;
use crate::live::plain::{plain, plain_log};
use crate::live::run::Run;
use crate::live::screen::Screen;
use crate::live::view::{Now, view};
use crate::printable::printable;
use crate::stdout::print;

const UNFINISHED_CHILDREN: &str = include_str!("sql/unfinished_children.sql");

/// Rate and time are drawn anew at least so often.
pub(super) const REDRAW: Duration = Duration::from_secs(1);

/// Watch a run until it finishes: its status, bars for its progress, and its last log lines
///
/// A bar is drawn for a number named "progress", and for pairs such as processedRows and totalRows, or done and total. Log lines are
/// the array "logs" or "log". Where output is no terminal, each change is a line. A run that does not exist yet is waited for. Children
/// that have not finished with it are named at the end: `runmeta tree RUN --watch` shows them.
#[derive(Args)]
pub(crate) struct Watch {
    /// Run to watch
    run: String,
    /// Print each state as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    others: Others,
    #[command(flatten)]
    database: Database,
}

impl Watch {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let client = self
            .database
            .runs("runmeta watch".to_owned(), &self.others)
            .await?;
        if client.snapshot(&self.run).await?.is_none() {
            let _ = writeln!(
                std::io::stderr(),
                "waiting for run \"{}\", which does not exist yet",
                printable(&self.run)
            );
        }
        let snapshots = client.watch(Watched::run(&self.run)).await?;
        match Screen::stdout().filter(|_| !self.json) {
            Some(screen) => draw(snapshots, screen).await?,
            None if self.json => print_json(snapshots).await?,
            None => print_lines(snapshots).await?,
        }
        if !self.json {
            self.point_to_children().await?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The job of a parent often completes as soon as it has enqueued the others.
    async fn point_to_children(&self) -> Result<(), Error> {
        let client = self.database.connect().await?;
        let row = client.query_one(UNFINISHED_CHILDREN, &[&self.run]).await?;
        let children = match row.try_get::<_, i64>(0)? {
            0 => return Ok(()),
            1 => "1 child has".to_owned(),
            children => format!("{children} children have"),
        };
        let _ = writeln!(
            std::io::stderr(),
            "{children} not finished: runmeta tree {} --watch",
            printable(&word(&self.run))
        );
        Ok(())
    }
}

/// Returns a word as a shell takes it.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+,=".contains(c);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Draws each state over the one before.
async fn draw(mut snapshots: Snapshots, mut screen: Screen) -> Result<(), Error> {
    let mut state: Option<(Run, Follow)> = None;
    let mut ticks = tokio::time::interval(REDRAW);
    loop {
        tokio::select! {
            snapshot = snapshots.next() => {
                let Some(snapshot) = snapshot else {
                    return Ok(());
                };
                let (run, follow) = state.get_or_insert_default();
                *run = Run::of(&snapshot);
                follow.see(run, Now::get().instant);
            }
            _ = ticks.tick() => {}
        }
        if let Some((run, follow)) = &state {
            let (columns, rows) = screen.size();
            screen.draw(&view(run, follow, Now::get(), columns, rows))?;
        }
    }
}

/// Prints each change as a line, and new log lines below it.
async fn print_lines(mut snapshots: Snapshots) -> Result<(), Error> {
    let mut follow = Follow::default();
    let mut before: Option<Run> = None;
    while let Some(snapshot) = snapshots.next().await {
        let (run, now) = (Run::of(&snapshot), Now::get());
        follow.see(&run, now.instant);
        print(&plain(&run, &follow, now))?;
        for line in plain_log(before.as_ref(), &run) {
            print(&line)?;
        }
        before = Some(run);
    }
    Ok(())
}

async fn print_json(mut snapshots: Snapshots) -> Result<(), Error> {
    while let Some(snapshot) = snapshots.next().await {
        print(&printable(&snapshot.to_json().to_string()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_means_anything_to_a_shell() {
        assert_eq!(word("pg-boss:7"), "pg-boss:7");
        assert_eq!(word("$(a) it's"), r"'$(a) it'\''s'");
    }
}
