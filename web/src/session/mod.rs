//! Connections to the database: what those of a key are given.

pub(crate) mod trial;

use std::collections::BTreeMap;
use std::time::Duration;

use runmeta_client::{Builder, Client, Error};

use crate::Config;
use crate::auth::Key;
use crate::write::Writers;

/// Somebody waits for each answer: a database that is back is noticed within a second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How many questions of tokens may be under way at once, and how many of their batches: half as many as of the keys themselves.
const TOKENS_AT_ONCE: usize = 2;

/// How long a batch of a token may take. Pages change little at a time; 25,000 operations that each search an array of 60,000
/// elements took minutes.
const TOKENS_TIMEOUT: Duration = Duration::from_secs(5);

/// A client, and the writers of the batches that go over it.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) writers: Writers,
}

/// What a client's connections are given. Keys that have the same share a client, and their tokens another one: what tokens ask
/// for must not hold up the programs that use the key itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    role: Option<String>,
    settings: BTreeMap<String, String>,
    is_of_tokens: bool,
}

impl Session {
    /// Returns that of a key, or of its tokens.
    pub(crate) fn of(key: &Key, is_of_tokens: bool) -> Session {
        Session {
            role: key.role.clone(),
            settings: key.settings.clone(),
            is_of_tokens,
        }
    }

    /// Returns the role, if the connections have another than the gateway's user.
    pub(crate) fn role(&self) -> Option<&String> {
        self.role.as_ref()
    }

    /// Returns true if the connections are not simply those of the gateway's user.
    pub(crate) fn has_settings(&self) -> bool {
        self.role.is_some() || !self.settings.is_empty()
    }

    /// Makes its client.
    ///
    /// # Errors
    ///
    /// The database is away, or refuses the connection.
    pub(crate) async fn connect(&self, config: &Config) -> Result<Connected, Error> {
        let mut builder = Builder::url(&config.database_url)
            .application_name("runmeta serve")
            .runtime(tokio::runtime::Handle::current())
            .call_timeout(config.limits.call_timeout)
            .write_only(true);
        if let Some(url) = &config.listen_url {
            builder = builder.listen_url(url);
        }
        for url in &config.also_listen_urls {
            builder = builder.also_listen_url(url);
        }
        if let Some(role) = &self.role {
            builder = builder.role(role);
        }
        for (name, value) in &self.settings {
            builder = builder.setting(name, value);
        }
        if self.is_of_tokens {
            builder = builder
                .calls_at_once(TOKENS_AT_ONCE)
                .send_timeout(TOKENS_TIMEOUT);
        }
        let pauses = FIRST_PAUSE..=LONGEST_PAUSE;
        let client = builder.backoff(pauses).connect().await?;
        let writers = Writers::default();
        Ok(Connected { client, writers })
    }
}
