//! `runmeta serve`: the gateway.

mod log;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use runmeta_web::{Config, Keys, Limits};

use self::log::Log;
use crate::connect::{Database, Others};
use crate::error::Error;
use crate::stdout::print;

/// Serve runs over HTTP: JSON, server-sent events, a dashboard, and what Trigger.dev's packages ask for
#[derive(Args)]
pub(crate) struct Serve {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// File of keys in TOML, read again at SIGHUP: each [[key]] has a name and a secret, and may have role, settings,
    /// read_only and metrics. Without it, RUNMETA_SECRET_KEYS has secrets of at least 24 characters, with commas between them
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Listen on the loopback address only, and print a link with a key that is valid for this start
    #[arg(long, conflicts_with = "keys")]
    dev: bool,
    /// Direct connection to the same database for watching, where the other goes through a pooler
    #[arg(
        long,
        value_name = "URL",
        env = "RUNMETA_LISTEN_URL",
        hide_env_values = true
    )]
    listen_url: Option<String>,
    #[command(flatten)]
    others: Others,
    /// Origin of pages that may use the gateway from a browser, such as https://app.example.com, or "*"; may be given several
    /// times. Without it, no other page may use paths below /v1, and any may use those of Trigger.dev's packages, with a token
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,
    /// Requests of a key in a second, on average; twice as many at once
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().requests_per_second)]
    requests_per_second: u32,
    /// Open event streams and held polls of a key
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().connections_per_key)]
    connections_per_key: usize,
    /// Bytes of the body of a request
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body_bytes)]
    body_bytes: usize,
    /// Bytes of memory for the heads and bodies of all requests, half of it for those of one key. A body takes three times its size
    /// until it is answered
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body_memory)]
    body_memory: usize,
    /// Bytes of memory for events that are not sent yet, and for what is kept for the next ones, half of it for those of one key
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().event_memory)]
    event_memory: usize,
    /// Bytes of memory for answers that are not sent yet, half of it for those to one key
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().answer_memory)]
    answer_memory: usize,
    /// Seconds that requests may take once the gateway is told to stop
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().stop_timeout.as_secs())]
    stop_timeout: u64,
    /// Form of the log on stderr
    #[arg(long, value_name = "FORM", default_value = "json")]
    log: Log,
    #[command(flatten)]
    database: Database,
}

impl Serve {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let mut config = Config::new(self.database.url()?, self.keys()?);
        config.listen = self.listen;
        config.listen_url = self.listen_url;
        config.also_listen_urls = self.others.also_listen_url;
        config.cors_origins = self.cors_origin;
        let limits = &mut config.limits;
        limits.requests_per_second = self.requests_per_second;
        limits.burst = self.requests_per_second.saturating_mul(2);
        limits.connections_per_key = self.connections_per_key;
        limits.body_bytes = self.body_bytes;
        limits.body_memory = self.body_memory;
        limits.event_memory = self.event_memory;
        limits.answer_memory = self.answer_memory;
        limits.stop_timeout = Duration::from_secs(self.stop_timeout);
        log::start(if self.dev { Log::Quiet } else { self.log });
        if self.dev {
            let server = runmeta_web::Server::bind(config).await?;
            print(&server.link().unwrap_or_default())?;
            runmeta_web::run(server).await?;
        } else {
            runmeta_web::serve(config).await?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn keys(&self) -> Result<Keys, Error> {
        if self.dev {
            if !self.listen.ip().is_loopback() {
                return Err(Error::new(
                    "with --dev, the gateway listens on the loopback address only",
                ));
            }
            return Ok(Keys::random());
        }
        if let Some(file) = &self.keys {
            return Ok(Keys::File(file.clone()));
        }
        // Not an argument, which all users of the machine could read.
        match std::env::var("RUNMETA_SECRET_KEYS") {
            Ok(list) => Ok(Keys::List(list)),
            Err(_) => Err(Error::new("there is no secret key").with_hint(
                "Set RUNMETA_SECRET_KEYS to a secret of at least 24 characters, name a file with --keys, or try it with --dev.",
            )),
        }
    }
}
