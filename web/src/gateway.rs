//! What all handlers share.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use runmeta_client::{Builder, Client};
use tokio::sync::{Mutex, OnceCell};
use tokio_util::sync::CancellationToken;

use crate::auth::{Key, KeyRing};
use crate::live::Rooms;
use crate::metrics::Metrics;
use crate::{Config, Error, Limits, Problem};

/// The state of the routes. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    keys: KeyRing,
    config: Config,
    clients: Mutex<HashMap<Session, Arc<OnceCell<Client>>>>,
    rooms: Rooms,
    metrics: Metrics,
    stopping: CancellationToken,
}

/// What a client's connections are given. Keys that have the same share a client.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Session {
    role: Option<String>,
    settings: BTreeMap<String, String>,
}

impl Gateway {
    /// Reads the keys. Connects when a request comes.
    ///
    /// # Errors
    ///
    /// The keys cannot be read, or there are none.
    pub fn new(config: Config) -> Result<Gateway, Error> {
        let keys = KeyRing::read(config.keys.clone(), config.limits.clone())?;
        Ok(Gateway(Arc::new(Inner {
            keys,
            config,
            clients: Mutex::default(),
            rooms: Rooms::default(),
            metrics: Metrics::default(),
            stopping: CancellationToken::new(),
        })))
    }

    pub(crate) fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.config.limits
    }

    /// What event streams share.
    pub(crate) fn rooms(&self) -> &Rooms {
        &self.0.rooms
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Is cancelled when the gateway begins to stop. Bodies that go on for long end then.
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Reads the keys again, as SIGHUP does.
    ///
    /// # Errors
    ///
    /// The keys cannot be read; then they stay as they were.
    pub fn reload_keys(&self) -> Result<(), Error> {
        self.0.keys.reload()
    }

    /// Returns the client for a key, connected when it is first asked for.
    pub(crate) async fn client(&self, key: &Key) -> Result<Client, Problem> {
        let session = Session {
            role: key.role.clone(),
            settings: key.settings.clone(),
        };
        let cell = self
            .0
            .clients
            .lock()
            .await
            .entry(session.clone())
            .or_default()
            .clone();
        let client = cell.get_or_try_init(|| self.connect(session)).await?;
        Ok(client.clone())
    }

    async fn connect(&self, session: Session) -> Result<Client, runmeta_client::Error> {
        let config = &self.0.config;
        let mut builder = Builder::url(&config.database_url)
            .application_name("runmeta serve")
            .runtime(tokio::runtime::Handle::current())
            .call_timeout(config.limits.call_timeout)
            .write_only(true);
        if let Some(url) = &config.listen_url {
            builder = builder.listen_url(url);
        }
        if let Some(role) = &session.role {
            builder = builder.role(role);
        }
        for (name, value) in &session.settings {
            builder = builder.setting(name, value);
        }
        builder.connect().await
    }
}
