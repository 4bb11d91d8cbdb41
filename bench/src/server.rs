//! The server that `make bench` starts, and a migrated database on it.

use std::env;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio_postgres::Config;

use crate::Result;
use crate::figures::Figures;
use crate::session::Session;

const NAME: &str = "runmeta_bench";

const COMMITS: usize = 50;

/// How long anything may take that happens in the background.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database for measurements.
pub struct Server {
    url: String,
    config: Config,
    session: Session,
    has_inbox: bool,
}

impl Server {
    /// Creates the database, and waits until our worker lives there.
    pub fn create() -> Result<Server> {
        let url = env::var("RUNMETA_TEST_URL")
            .map_err(|_| "RUNMETA_TEST_URL is not set: run `make bench`")?;
        let mut config: Config = url.parse()?;
        let server = Session::open(&config)?;
        server.run(&format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"))?;
        server.run(&format!("CREATE DATABASE {NAME}"))?;
        let mut session = Session::open(config.dbname(NAME))?;
        session.with(async |client| runmeta_migrations::migrate(client).await)?;
        let has_inbox = session.value(include_str!("sql/has_inbox.sql"), &[])?;
        let url = url
            .rsplit_once('/')
            .map_or_else(|| url.clone(), |(server, _)| format!("{server}/{NAME}"));
        let server = Server {
            url,
            config,
            session,
            has_inbox,
        };
        server.await_worker()?;
        Ok(server)
    }

    /// Returns the URL of the database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns how to connect to the database.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the connection of who measures.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns whether operations can wait to be folded.
    pub fn has_inbox(&self) -> bool {
        self.has_inbox
    }

    /// Returns what server this is and how it is set.
    pub fn description(&self) -> Result<String> {
        self.session.value(include_str!("sql/settings.sql"), &[])
    }

    /// Returns the milliseconds that a transaction takes which writes nothing but a few bytes of WAL: mostly the disk's time,
    /// which bounds every figure of few sessions, and of sessions that commit one after the other.
    pub fn commit(&self) -> Result<Figures> {
        let mut figures = Figures::default();
        for _ in 0..COMMITS {
            let start = Instant::now();
            self.session.run(include_str!("sql/commit.sql"))?;
            figures.push(start.elapsed().as_secs_f64() * 1e3);
        }
        Ok(figures)
    }

    /// Empties all tables and makes those of a user without runmeta anew, each with 1,000 runs: `run 1`, `run 2` …
    pub fn start_over(&self) -> Result<()> {
        self.until_folded()?;
        self.session.run(include_str!("sql/start_over.sql"))?;
        self.session.run("CHECKPOINT")
    }

    /// Removes what the last turn left behind: operations that wait to be folded, and dead rows, as autovacuum would do.
    pub fn settle(&self) -> Result<()> {
        self.until_folded()?;
        let tables: String = self.session.value(include_str!("sql/tables.sql"), &[])?;
        // Without `TRUNCATE off`, it would lock the tables to give back a few pages.
        self.session.run(&format!("VACUUM (TRUNCATE off) {tables}"))
    }

    /// Returns the number of lists that wait to be folded.
    pub fn waiting(&self) -> Result<i64> {
        match self.has_inbox {
            true => self.session.value(include_str!("sql/waiting.sql"), &[]),
            false => Ok(0),
        }
    }

    /// Waits until no list waits to be folded, and returns how long that took.
    pub fn until_folded(&self) -> Result<Duration> {
        let start = Instant::now();
        while self.waiting()? > 0 {
            if start.elapsed() > PATIENCE {
                return Err("lists wait in the inbox, and the worker does not fold them".into());
            }
            sleep(Duration::from_millis(1));
        }
        Ok(start.elapsed())
    }

    /// Returns how many bytes of WAL the server has written since it was made.
    pub fn wal_bytes(&self) -> Result<f64> {
        self.session.value(include_str!("sql/wal_bytes.sql"), &[])
    }

    /// Uses runmeta for the first time, which starts the worker, and waits until it runs.
    fn await_worker(&self) -> Result<()> {
        self.session.run(include_str!("sql/first_use.sql"))?;
        if !self
            .session
            .value::<bool>(include_str!("sql/has_activity.sql"), &[])?
        {
            return Ok(());
        }
        let start = Instant::now();
        while !self
            .session
            .value::<bool>(include_str!("sql/worker_runs.sql"), &[])?
        {
            if start.elapsed() > PATIENCE {
                return Err("the worker does not start".into());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Drops the database.
    pub fn drop(self) -> Result<()> {
        drop(self.session);
        let mut config = self.config;
        let server = Session::open(config.dbname("postgres"))?;
        server.run(&format!("DROP DATABASE {NAME} WITH (FORCE)"))
    }
}
