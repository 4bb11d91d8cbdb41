//! What all handlers share.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use runmeta_client::{Builder, Client};
use tokio::sync::{Mutex, OnceCell};
use tokio_util::sync::CancellationToken;

use crate::auth::{Key, KeyRing, Seen};
use crate::budget::Budget;
use crate::live::Rooms;
use crate::metrics::Metrics;
use crate::trigger::Shapes;
use crate::write::Writers;
use crate::{Config, Error, Limits, Problem};

/// Somebody waits for each answer: a database that is back is noticed within a second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The state of the routes. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    keys: KeyRing,
    config: Config,
    sessions: Mutex<HashMap<Session, Arc<OnceCell<Connected>>>>,
    tickets: Seen,
    rooms: Rooms,
    shapes: Shapes,
    metrics: Metrics,
    bodies: Budget,
    stopping: CancellationToken,
}

/// A client, and the writers of the batches that go over it.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) writers: Writers,
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
        let rooms = Rooms::new(config.limits.event_memory);
        let bodies = Budget::new(config.limits.body_memory);
        Ok(Gateway(Arc::new(Inner {
            keys,
            bodies,
            config,
            sessions: Mutex::default(),
            tickets: Seen::default(),
            rooms,
            shapes: Shapes::default(),
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

    /// What polls of subscriptions go on with.
    pub(crate) fn shapes(&self) -> &Shapes {
        &self.0.shapes
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// What the bodies of all requests may hold.
    pub(crate) fn bodies(&self) -> &Budget {
        &self.0.bodies
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
    pub(crate) async fn connected(&self, key: &Key) -> Result<Connected, Problem> {
        let session = Session {
            role: key.role.clone(),
            settings: key.settings.clone(),
        };
        let mut sessions = self.0.sessions.lock().await;
        let cell = sessions.entry(session.clone()).or_default().clone();
        drop(sessions);
        let connected = cell.get_or_try_init(|| self.connect(session)).await?;
        Ok(connected.clone())
    }

    async fn connect(&self, session: Session) -> Result<Connected, runmeta_client::Error> {
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
        let pauses = FIRST_PAUSE..=LONGEST_PAUSE;
        let client = builder.backoff(pauses).connect().await?;
        let writers = Writers::default();
        Ok(Connected { client, writers })
    }

    /// Ends the clients, after what they have under way.
    pub(crate) async fn shut_down(&self) {
        let sessions: Vec<_> = self.0.sessions.lock().await.drain().collect();
        for (_, cell) in sessions {
            if let Some(connected) = cell.get()
                && let Err(error) = connected.client.shutdown(self.limits().stop_timeout).await
            {
                tracing::warn!(error = %error, "a client did not end as it should");
            }
        }
    }

    /// Returns the tickets that were used here.
    pub(crate) fn tickets(&self) -> &Seen {
        &self.0.tickets
    }

    /// Returns the clients that are connected, each with its role.
    pub(crate) async fn clients(&self) -> Vec<(Option<String>, Client)> {
        let sessions = self.0.sessions.lock().await;
        let connected = sessions
            .iter()
            .filter_map(|(session, cell)| Some((session.role.clone(), cell.get()?.client.clone())));
        connected.collect()
    }
}
