//! `runmeta serve`: the gateway.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use runmeta_web::{Config, Keys};

use crate::connect::Database;
use crate::error::Error;

/// Serve runs over HTTP: JSON, server-sent events, a dashboard, and what Trigger.dev's packages ask for
#[derive(Args)]
pub(crate) struct Serve {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Secret keys, with commas between them, of at least 24 characters each
    #[arg(
        long = "secret-keys",
        env = "RUNMETA_SECRET_KEYS",
        hide = true,
        hide_env_values = true
    )]
    secret_keys: Option<String>,
    /// File of keys in TOML, read again at SIGHUP: each [[key]] has a name and a secret, and may have role, settings and read_only
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Origin of pages that may use the API from a browser; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,
    #[command(flatten)]
    database: Database,
}

impl Serve {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let keys = match (self.keys, self.secret_keys) {
            (Some(file), _) => Keys::File(file),
            (None, Some(list)) => Keys::List(list),
            (None, None) => {
                return Err(Error::new("there is no secret key").with_hint(
                    "Set RUNMETA_SECRET_KEYS to a secret of at least 24 characters, or name a file with --keys.",
                ));
            }
        };
        let mut config = Config::new(self.database.url()?, keys);
        config.listen = self.listen;
        config.cors_origins = self.cors_origin;
        runmeta_web::serve(config).await?;
        Ok(ExitCode::SUCCESS)
    }
}
