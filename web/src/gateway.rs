//! What all handlers share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runmeta_client::Client;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::auth::{Key, KeyRing, Seen};
use crate::limit::Memory;
use crate::live::Rooms;
use crate::metrics::Metrics;
use crate::session::{Connected, Session, trial};
use crate::trigger::Shapes;
use crate::trouble::Troubles;
use crate::{Config, Error, Limits, Problem};

/// The state of the routes. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    keys: KeyRing,
    config: Config,
    sessions: Mutex<Sessions>,
    tickets: Seen,
    rooms: Rooms,
    shapes: Shapes,
    metrics: Metrics,
    troubles: Troubles,
    memory: Memory,
    stopping: CancellationToken,
}

/// Those of the keys that are valid.
type Sessions = HashMap<Session, Arc<OnceCell<Connected>>>;

impl Gateway {
    /// Reads the keys. Connects when a request comes.
    ///
    /// # Errors
    ///
    /// The keys cannot be read, or there are none.
    pub fn new(config: Config) -> Result<Gateway, Error> {
        let memory = Memory::new(&config.limits);
        let keys = KeyRing::read(config.keys.clone(), config.limits.clone(), memory.clone())?;
        Ok(Gateway(Arc::new(Inner {
            keys,
            memory,
            config,
            sessions: Mutex::default(),
            tickets: Seen::default(),
            rooms: Rooms::default(),
            shapes: Shapes::default(),
            metrics: Metrics::default(),
            troubles: Troubles::default(),
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

    /// What was logged of the database.
    pub(crate) fn troubles(&self) -> &Troubles {
        &self.0.troubles
    }

    /// What all requests may take.
    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// Is cancelled when the gateway begins to stop. Bodies that go on for long end then.
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Reads the keys again, as SIGHUP does. Connections that no key has any more are closed when the requests that use them have
    /// ended, with the last handle of their client.
    ///
    /// # Errors
    ///
    /// The keys cannot be read; then they stay as they were.
    pub fn reload_keys(&self) -> Result<(), Error> {
        self.0.keys.reload()?;
        let keys = self.0.keys.all();
        let sessions = keys
            .iter()
            .flat_map(|key| [Session::of(key, false), Session::of(key, true)]);
        let sessions: HashSet<_> = sessions.collect();
        self.sessions()
            .retain(|session, _| sessions.contains(session));
        Ok(())
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.0
            .sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects once as the gateway's user, and reads: who made the gateway and not the database learns from the log what is missing.
    /// While it is away, tries again until it is back. Returns false if the database refuses it.
    pub async fn try_database(&self) -> bool {
        let keys = self.0.keys.all();
        let trying = trial::of_gateway(&keys, &self.0.config);
        let error = self.0.stopping.run_until_cancelled(trying).await.flatten();
        error.inspect(trial::log_of_gateway).is_none()
    }

    /// Connects once for each role and settings of the keys, and logs which keys the database refuses. While it is away, tries again
    /// until it is back. Returns the names of those keys.
    pub async fn try_keys(&self) -> Vec<String> {
        trial::of_keys(&self.0.keys.all(), &self.0.config, &self.0.stopping).await
    }

    /// Returns the client for a key, or for its tokens, connected when it is first asked for.
    ///
    /// # Errors
    ///
    /// - 401 if the key was taken away.
    /// - 503 if the database is away, or refuses the connections of the key.
    pub(crate) async fn connected(
        &self,
        key: &Key,
        is_of_tokens: bool,
    ) -> Result<Connected, Problem> {
        let session = Session::of(key, is_of_tokens);
        let cell = {
            let mut sessions = self.sessions();
            // It was taken away before its session is taken out: here it would come back, and stay.
            if key.revoked.is_cancelled() {
                return Err(Problem::unauthorized("the key was taken away"));
            }
            sessions.entry(session.clone()).or_default().clone()
        };
        let connected = cell
            .get_or_try_init(|| session.connect(&self.0.config))
            .await;
        match connected {
            Ok(connected) => Ok(connected.clone()),
            Err(error) if error.is_retryable() => Err(error.into()),
            // What it says is for who has the key.
            Err(error) => Err(Problem::unusable_key(
                key.name(),
                session.has_settings(),
                &error,
                !is_of_tokens,
            )),
        }
    }

    /// Ends the clients, after what they have under way.
    pub(crate) async fn shut_down(&self) {
        let sessions: Vec<_> = self.sessions().drain().collect();
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
    pub(crate) fn clients(&self) -> Vec<(Option<String>, Client)> {
        let sessions = self.sessions();
        let connected = sessions.iter().filter_map(|(session, cell)| {
            Some((session.role().cloned(), cell.get()?.client.clone()))
        });
        connected.collect()
    }
}
