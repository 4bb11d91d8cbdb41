//! `runmeta demo`: imports a CSV file with parallel workers.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use indicatif::HumanCount;
use tokio::task::{JoinHandle, JoinSet};

use crate::connect::Database;
use crate::demo::chunk::Chunk;
use crate::demo::csv_file::CsvFile;
use crate::demo::import::Import;
use crate::demo::pace::Pace;
use crate::demo::progress::Display;
use crate::demo::report::report;
use crate::demo::row::Columns;
use crate::demo::stop::{Stop, Stopping, signalled, stop};
use crate::demo::turn::Turn;
use crate::demo::watch::Watcher;
use crate::demo::worker::{Job, work};
use crate::error::Error;
use crate::printable::printable;
use crate::stdout::print;

/// What a shell gives for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Signals that come within this time are one wish to stop.
const ONE_CTRL_C: Duration = Duration::from_secs(1);

/// Import a CSV file with parallel workers and watch their progress
///
/// The rows are checked, not stored: what remains is the run of the file, a child run for each chunk of its rows, and
/// their metadata. An import that was stopped or killed goes on when the command is given again.
#[derive(Args)]
pub(crate) struct Demo {
    /// CSV file with a header; airports of the United States if none is named
    file: Option<PathBuf>,
    /// Workers, each with a connection of its own
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Slow down to so many rows a second, of all workers together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rows_per_second: Option<u32>,
    #[command(flatten)]
    database: Database,
}

impl Demo {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let file = match &self.file {
            None => CsvFile::airports()?,
            Some(path) => CsvFile::load(path)?,
        };
        let mut client = self.database.connect().await?;
        let migrated = runmeta_migrations::migrate(&mut client).await?;
        if !migrated.is_empty() {
            tell(&migrated.to_string());
        }

        let turn = Turn::of(&file.hash);
        turn.take(&client, &file.name).await?;
        let import = Import::open(&mut client, &file, self.workers.into()).await?;
        self.announce(&file, &import);

        let watcher = Watcher::listen(&self.database, &import.run).await?;
        let job = Arc::new(Job {
            columns: Columns::new(&file.header),
            file,
            waiting: Mutex::new(import.chunks.iter().cloned().collect()),
            pace: Pace::new(self.rows_per_second),
            turn,
            database: self.database.clone(),
        });
        let (stop, stopping) = stop();
        let screen = Screen::follow(watcher, stopping.clone());
        let outcome = tokio::select! {
            outcome = work_together(&job, self.workers, &stop, &stopping) => outcome,
            signal = stop_by_signal(&stop) => Err(signal),
        };
        if outcome.is_err() || stopping.asked() {
            stop.ask();
            // What the watcher has met, the workers have met too.
            let _ = screen.end().await;
            outcome.map_err(|error| error.or_hint("The same command goes on with the import."))?;
            let (processed, total) = import.rows(&client).await?;
            tell(&format!(
                "stopped with {} of {} rows done; the same command goes on",
                HumanCount(processed),
                HumanCount(total)
            ));
            return Ok(ExitCode::from(INTERRUPTED));
        }
        import.finish(&client).await?;
        if let Err(error) = screen.end().await {
            tell(&format!(
                "the progress could not be watched to the end\n{error}"
            ));
        }
        print(&report(&client, &import.run).await?)?;
        Ok(ExitCode::SUCCESS)
    }

    fn announce(&self, file: &CsvFile, import: &Import) {
        let remaining: u64 = import.chunks.iter().map(Chunk::remaining).sum();
        let rows = match import.resumed {
            false => format!("importing {}: {} rows", file.name, HumanCount(file.rows)),
            true => format!(
                "going on with {}: {} of {} rows left",
                file.name,
                HumanCount(remaining),
                HumanCount(file.rows)
            ),
        };
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (chunks, workers) = (import.chunks.len(), usize::from(self.workers));
        tell(&format!(
            "{rows} in {chunks} chunk{}, {workers} worker{}\nrun {}",
            plural(chunks),
            plural(workers),
            import.run
        ));
    }
}

/// Says something beside the result.
fn tell(text: &str) {
    let lines: Vec<String> = text.lines().map(printable).collect();
    let _ = writeln!(std::io::stderr(), "{}", lines.join("\n"));
}

/// Runs the workers to their end; the first that fails stops the others.
async fn work_together(
    job: &Arc<Job>,
    workers: u16,
    stop: &Stop,
    stopping: &Stopping,
) -> Result<(), Error> {
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        tasks.spawn(work(Arc::clone(job), stopping.clone()));
    }
    let mut outcome = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|error| {
            Err(Error::new("a worker failed").with_detail(error.to_string()))
        });
        if ended.is_err() && outcome.is_ok() {
            stop.ask();
            outcome = ended;
        }
    }
    outcome
}

/// Asks the workers to stop at the first signal, and ends the program at the second; returns only an error.
async fn stop_by_signal(stop: &Stop) -> Error {
    let failed = |error: &std::io::Error| Error::io("signals cannot be received", error);
    if let Err(error) = signalled().await {
        return failed(&error);
    }
    stop.ask();
    // One Ctrl-C may come twice: from the terminal, and passed on by the program that started this one.
    tokio::time::sleep(ONE_CTRL_C).await;
    if let Err(error) = signalled().await {
        return failed(&error);
    }
    std::process::exit(INTERRUPTED.into());
}

/// The progress on the screen, followed beside the work.
struct Screen(JoinHandle<Result<(), Error>>);

impl Screen {
    /// Follows a run until it has finished, or somebody asks to stop.
    fn follow(mut watcher: Watcher, mut stopping: Stopping) -> Self {
        Self(tokio::spawn(async move {
            let mut display = Display::new();
            let outcome = tokio::select! {
                outcome = watcher.follow(&mut display) => outcome,
                () = stopping.wait() => Ok(()),
            };
            display.end();
            outcome
        }))
    }

    /// Waits until the screen is free for what follows.
    async fn end(self) -> Result<(), Error> {
        match self.0.await {
            Ok(outcome) => outcome,
            Err(error) => Err(Error::new("the watcher failed").with_detail(error.to_string())),
        }
    }
}
