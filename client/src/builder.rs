//! Settings of a client.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio_postgres::Config;

use crate::buffer::Buffer;
use crate::connection::Source;
use crate::postgres::Postgres;
use crate::settings::Settings;
use crate::tls::{self, Encryption};
use crate::{Client, Error};

/// Longer than anybody means to wait, and short enough to be added to a point in time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Builds a [`Client`].
///
/// ```no_run
/// # async fn example() -> Result<(), runmeta_client::Error> {
/// use std::time::Duration;
///
/// let client = runmeta_client::Builder::url("postgres://localhost/app")
///     .application_name("import-worker")
///     .interval(Duration::from_millis(100))
///     .buffer_bytes(8 * 1024 * 1024)
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Builder {
    origin: Origin,
    application_name: Option<String>,
    tls: Option<ClientConfig>,
    settings: Settings,
}

enum Origin {
    Url(String),
    Config(Box<Config>),
    #[cfg(feature = "pool")]
    Pool(deadpool_postgres::Pool),
}

impl Builder {
    fn new(origin: Origin) -> Builder {
        Builder {
            origin,
            application_name: None,
            tls: None,
            settings: Settings::default(),
        }
    }

    /// Connects to the database of this URL, or of a string such as `host=/run/postgresql dbname=app`.
    ///
    /// `sslmode` means what it means in libpq: `prefer`, the default, encrypts where the server can, `require` always, and
    /// neither asks who the server is. `verify-ca` wants a certificate that a root signed, `verify-full` one for this host.
    /// The roots are the system's, or those of the file that `sslrootcert` names. [`tls`](crate::tls) has all of it.
    pub fn url(url: &str) -> Builder {
        Builder::new(Origin::Url(url.to_owned()))
    }

    /// Connects with this configuration. Its modes `Prefer` and `Require` do not check the server's certificate;
    /// [`tls`](Builder::tls) does.
    pub fn config(config: Config) -> Builder {
        Builder::new(Origin::Config(Box::new(config)))
    }

    /// Takes connections from this pool, one for the batches and others while calls are made. Encryption and application
    /// name are the pool's.
    #[cfg(feature = "pool")]
    pub fn pool(pool: deadpool_postgres::Pool) -> Builder {
        Builder::new(Origin::Pool(pool))
    }

    /// Names the program in `pg_stat_activity`; `runmeta` if neither this nor the URL says.
    pub fn application_name(mut self, name: impl Into<String>) -> Builder {
        self.application_name = Some(name.into());
        self
    }

    /// Encrypts with this configuration, which alone decides what is checked, instead of the one that the URL asks for.
    /// `sslmode` still says whether there is encryption at all: `prefer`, the default, does without where the server has none.
    pub fn tls(mut self, config: ClientConfig) -> Builder {
        self.tls = Some(config);
        self
    }

    /// Sets the time in which there is at most one flush, 250 ms by default. The first operation after a pause goes at
    /// once, and so does a batch that is full.
    pub fn interval(mut self, interval: Duration) -> Builder {
        self.settings.interval = interval.min(LONGEST);
        self
    }

    /// Sets how many operations go into one batch, 10,000 by default.
    pub fn batch_operations(mut self, operations: usize) -> Builder {
        self.settings.batch_operations = operations.max(1);
        self
    }

    /// Bounds the memory for operations, 32 MiB by default: half of it for those that wait or are under way, the rest for
    /// the text of batches and those kept back. Beyond it operations are refused with the reason `buffer_full`. A single
    /// operation may take an eighth of it.
    pub fn buffer_bytes(mut self, bytes: usize) -> Builder {
        self.settings.buffer_bytes = bytes;
        self
    }

    /// Sets the pauses between retries, from the first to the longest; 50 ms to 10 s by default.
    pub fn backoff(mut self, pauses: RangeInclusive<Duration>) -> Builder {
        self.settings.first_pause = (*pauses.start()).min(LONGEST);
        self.settings.longest_pause = (*pauses.end()).min(LONGEST);
        self
    }

    /// Sets how long a statement may take before it is cancelled (unless its connection is a pool's), its connection given up,
    /// and it is sent again; 60 s by default. It waits for the lock of a row no longer than a second at first, and never
    /// longer than half of this.
    pub fn statement_timeout(mut self, timeout: Duration) -> Builder {
        self.settings.statement_timeout = timeout.min(LONGEST);
        self
    }

    /// Sets how long `start`, `run`, `finish` and `refresh` go on trying; 30 s by default.
    pub fn call_timeout(mut self, timeout: Duration) -> Builder {
        self.settings.call_timeout = timeout.min(LONGEST);
        self
    }

    /// Sets how long leaving a [scope](crate::Run::scope) waits for its flush; 5 s by default. What could not be sent by
    /// then stays in the buffer.
    pub fn scope_timeout(mut self, timeout: Duration) -> Builder {
        self.settings.scope_timeout = timeout.min(LONGEST);
        self
    }

    /// Connects, and begins to send in the background on the current runtime.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    pub async fn connect(self) -> Result<Client, Error> {
        let source = match self.origin {
            Origin::Url(url) => {
                let (config, encryption) = tls::parse(&url)?;
                own(config, encryption, self.application_name, self.tls)?
            }
            Origin::Config(config) => {
                let encryption = Encryption::default();
                own(*config, encryption, self.application_name, self.tls)?
            }
            #[cfg(feature = "pool")]
            Origin::Pool(pool) => Source::Pool(pool),
        };
        let buffer = Arc::new(Buffer::new(self.settings));
        let postgres = Postgres::new(source, buffer.clone());
        postgres.connect().await?;
        Ok(Client::over(buffer, Arc::new(postgres)))
    }
}

fn own(
    mut config: Config,
    encryption: Encryption,
    name: Option<String>,
    tls: Option<ClientConfig>,
) -> Result<Source, Error> {
    match name {
        Some(name) => {
            config.application_name(name);
        }
        None if config.get_application_name().is_none() => {
            config.application_name("runmeta");
        }
        None => {}
    }
    tls::without_sockets(&mut config);
    let connector = match tls {
        Some(tls) => tls.into(),
        None => encryption.connector(config.get_ssl_mode())?,
    };
    Ok(Source::own(config, connector))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[test]
    fn no_time_is_too_long_to_be_added_to_now() {
        let most = Duration::MAX;
        let builder = Builder::url("").interval(most).statement_timeout(most);
        let builder = builder
            .call_timeout(most)
            .scope_timeout(most)
            .backoff(most..=most);
        let set = builder.settings;
        for time in [
            set.interval,
            set.statement_timeout,
            set.call_timeout,
            set.scope_timeout,
            2 * set.longest_pause,
        ] {
            assert!(Instant::now().checked_add(time).is_some());
        }
    }
}
