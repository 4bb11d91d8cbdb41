//! What can be set of a gateway.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use uuid::Uuid;

use crate::Limits;

/// A gateway to be started with [`serve`](crate::serve()) or [`Server::bind`](crate::Server::bind).
#[derive(Clone)]
pub struct Config {
    /// Where it listens. Port 0 takes any that is free.
    pub listen: SocketAddr,
    /// The database, as `runmeta_client::Builder::url` takes it.
    pub database_url: String,
    /// A direct connection to the same database for watching, where `database_url` goes through a pooler.
    pub listen_url: Option<String>,
    /// Other servers on which runs of the same database are written, to listen to for watching too.
    pub also_listen_urls: Vec<String>,
    /// Who may use it.
    pub keys: Keys,
    /// Origins of pages that may use `/v1` from a browser, such as `https://app.example.com`, or `*`. None by default.
    pub cors_origins: Vec<String>,
    /// What one request and one key may use.
    pub limits: Limits,
}

/// Where the secret keys come from.
#[derive(Clone)]
pub enum Keys {
    /// These, with commas between them, as in `RUNMETA_SECRET_KEYS`.
    List(String),
    /// A file in TOML, read again at SIGHUP.
    File(PathBuf),
}

impl Keys {
    /// Returns a key that nobody knows yet, for one start: 244 random bits.
    pub fn random() -> Keys {
        let half = || Uuid::new_v4().simple();
        Keys::List(format!("start-{}{}", half(), half()))
    }
}

impl Config {
    /// Returns a gateway on any free port of the loopback address, with these keys and the limits by default.
    pub fn new(database_url: impl Into<String>, keys: Keys) -> Config {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database_url: database_url.into(),
            listen_url: None,
            also_listen_urls: Vec::new(),
            keys,
            cors_origins: Vec::new(),
            limits: Limits::default(),
        }
    }
}

impl fmt::Debug for Config {
    /// Without the URL, which may hold a password, and the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("cors_origins", &self.cors_origins)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
