//! `runmeta demo`: imports a CSV file with parallel workers.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use indicatif::HumanCount;
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::connect::{Database, Lost, Others};
use crate::demo::chunk::Chunk;
use crate::demo::csv_file::CsvFile;
use crate::demo::dashboard::Dashboard;
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

/// How long to try to send what was said, at the end.
const LAST_WORDS: Duration = Duration::from_secs(5);

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
    /// Workers, all of which speak over one connection
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Slow down to so many rows a second, of all workers together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rows_per_second: Option<u32>,
    /// Serve no dashboard
    #[arg(long)]
    no_web: bool,
    #[command(flatten)]
    database: Database,
}

impl Demo {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let file = match &self.file {
            None => CsvFile::airports()?,
            Some(path) => CsvFile::load(path)?,
        };
        let mut database = self.database.connect().await?;
        let migrated = runmeta_migrations::migrate(&mut database).await?;
        if !migrated.is_empty() {
            tell(&migrated.to_string());
        }
        let (database, lost) = self.database.connect_to_hold().await?;
        let turn = Turn::of(&file.hash);
        turn.take(&database, &file.name).await?;
        let runs = self
            .database
            .runs(turn.application_name(), &Others::default())
            .await?;
        let dashboard = match self.no_web {
            true => None,
            false => Some(Dashboard::start(self.database.url()?).await?),
        };
        if let Some(dashboard) = &dashboard {
            tell(&format!("dashboard {}", dashboard.link()));
        }
        let outcome = self.import(file, &database, lost, &runs).await;
        // What was said is counted, whatever ended the import.
        let said = runs.shutdown(LAST_WORDS).await;
        let code = outcome?;
        said?;
        // A person may want to look around; a script wants to go on.
        if let Some(dashboard) = &dashboard
            && code == ExitCode::SUCCESS
            && std::io::stdin().is_terminal()
            && std::io::stderr().is_terminal()
        {
            tell(&format!(
                "\nThe dashboard stays until Ctrl-C: {}",
                dashboard.link()
            ));
            signalled()
                .await
                .map_err(|error| Error::io("signals cannot be received", &error))?;
        }
        Ok(code)
    }

    /// Works on the file to its end, or until a signal asks to stop.
    async fn import(
        &self,
        file: CsvFile,
        database: &Client,
        mut lost: Lost,
        runs: &runmeta_client::Client,
    ) -> Result<ExitCode, Error> {
        let mut import = Import::open(database, runs, &file, self.workers.into()).await?;
        self.announce(&file, &import);
        let job = Arc::new(Job {
            columns: Columns::new(&file.header),
            file,
            waiting: Mutex::new(std::mem::take(&mut import.chunks).into()),
            pace: Pace::new(self.rows_per_second),
        });
        let mut watcher = Watcher::new(runs, import.run.id()).await?;
        let mut display = Display::new();
        let (stop, stopping) = stop();
        let outcome = tokio::select! {
            outcome = work_together(&job, self.workers, &stop, &stopping) => outcome,
            // That session held our turn.
            lost = lost.wait() => Err(lost),
            never = watcher.follow(&mut display) => match never {},
            signals = stop_by_signal(&stop) => Err(signals),
        };
        if outcome.is_err() || stopping.asked() {
            display.end();
            outcome.map_err(|error| error.or_hint("The same command goes on with the import."))?;
            let (processed, total) = import.rows();
            tell(&format!(
                "stopped with {} of {} rows done; the same command goes on",
                HumanCount(processed),
                HumanCount(total)
            ));
            return Ok(ExitCode::from(INTERRUPTED));
        }
        import.run.finish().await?;
        let watched = watcher.show(&mut display).await;
        display.end();
        watched?;
        print(&report(database, import.run.id()).await?)?;
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
            import.run.id()
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
