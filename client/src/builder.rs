//! Settings of a client.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::buffer::Buffer;
use crate::client::answered;
use crate::engine::driver;
use crate::settings::{Settings, statement_timeout};
use crate::wire::address::Address;
use crate::wire::connect::Source;
use crate::wire::elsewhere::Elsewhere;
use crate::wire::postgres::Postgres;
use crate::wire::session::Session;
use crate::wire::{Call, Transport};
use crate::{Client, Error};

/// Longer than anybody means to wait, and short enough to be added to a point in time.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A buffer that takes less takes not even one operation of some size.
const LEAST_BUFFER: usize = 64 * 1024;

/// A server that is gone is not asked more often.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

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
#[must_use = "nothing is connected until `connect` is called"]
pub struct Builder {
    origin: Origin,
    application_name: Option<String>,
    #[cfg(feature = "_tls")]
    tls: Option<rustls::ClientConfig>,
    runtime: Option<Handle>,
    listen_url: Option<String>,
    also_listen_urls: Vec<String>,
    session: Session,
    /// By default it depends on the number of hosts.
    statement_timeout: Option<Duration>,
    settings: Settings,
}

enum Origin {
    Url(String),
    #[cfg(feature = "tokio-postgres")]
    Config(Box<tokio_postgres::Config>),
    #[cfg(feature = "pool")]
    Pool(deadpool_postgres::Pool),
    #[cfg(any(test, feature = "testing"))]
    Transport(Arc<dyn Transport>),
}

impl Builder {
    fn new(origin: Origin) -> Builder {
        Builder {
            origin,
            application_name: None,
            #[cfg(feature = "_tls")]
            tls: None,
            runtime: None,
            listen_url: None,
            also_listen_urls: Vec::new(),
            session: Session::default(),
            statement_timeout: None,
            settings: Settings::default(),
        }
    }

    /// Connects to the database of this URL, or of a string such as `host=/run/postgresql dbname=app`.
    ///
    /// `sslmode` means what it means in libpq: `prefer`, the default, encrypts if the server can, and `require` always; neither
    /// checks the server's certificate. `verify-ca` requires one that a root signed, `verify-full` one for this host. The roots
    /// are the system's, or those of the file that `sslrootcert` names. The module `tls` describes all parameters.
    pub fn url(url: &str) -> Builder {
        Builder::new(Origin::Url(url.to_owned()))
    }

    /// Connects with this configuration. Its modes `Prefer` and `Require` do not check the server's certificate; the method
    /// `tls` does.
    #[cfg(feature = "tokio-postgres")]
    pub fn config(config: tokio_postgres::Config) -> Builder {
        Builder::new(Origin::Config(Box::new(config)))
    }

    /// Takes connections from this pool: one for batches and one for reads, each while statements are under way. Encryption and
    /// application name are the pool's.
    #[cfg(feature = "pool")]
    pub fn pool(pool: deadpool_postgres::Pool) -> Builder {
        Builder::new(Origin::Pool(pool))
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn transport(transport: Arc<dyn Transport>) -> Builder {
        Builder::new(Origin::Transport(transport))
    }

    /// Names the program in `pg_stat_activity`: `runmeta`, if neither this nor the URL does.
    pub fn application_name(mut self, name: impl Into<String>) -> Builder {
        self.application_name = Some(name.into());
        self
    }

    /// Works as this role, of which the user of the connection must be a member. Row-level security and grants are then the
    /// role's.
    pub fn role(self, role: &str) -> Builder {
        self.setting("role", role)
    }

    /// Sets a setting of each connection, such as `app.tenant`, which policies of row-level security may read. A connection
    /// that does not keep a role or a setting with a dot in its name, because a pooler drops it, is refused.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Builder {
        self.session.set(name.into(), value.into());
        self
    }

    /// Encrypts with this configuration, which alone decides what is checked, instead of the one that the URL asks for.
    /// `sslmode` still decides whether connections are encrypted: with `prefer`, the default, only if the server can.
    #[cfg(feature = "_tls")]
    pub fn tls(mut self, config: rustls::ClientConfig) -> Builder {
        self.tls = Some(config);
        self
    }

    /// Runs the client on this runtime, which must have I/O and time enabled, instead of a thread of its own. When the runtime
    /// ends, so does the client: a test that pauses the clock wants that.
    pub fn runtime(mut self, runtime: Handle) -> Builder {
        self.runtime = Some(runtime);
        self
    }

    /// Sets the time in which there is at most one flush, 250 ms by default. The first operation after a pause is sent at once,
    /// and so is a batch that is full.
    pub fn interval(mut self, interval: Duration) -> Builder {
        self.settings.interval = interval.min(LONGEST);
        self
    }

    /// Sets how many operations go into one batch, 10,000 by default.
    pub fn batch_operations(mut self, operations: usize) -> Builder {
        self.settings.batch_operations = operations.max(1);
        self
    }

    /// Sets the memory limit for operations, 32 MiB by default: half of it for those that wait or are under way, the rest for
    /// the text of batches and those kept back. Beyond it, operations have no effect, with the reason `buffer_full`. A single
    /// operation may take an eighth of it.
    pub fn buffer_bytes(mut self, bytes: usize) -> Builder {
        self.settings.buffer_bytes = bytes.max(LEAST_BUFFER);
        self
    }

    /// Sets the pauses between retries, from the first to the longest; 50 ms to 10 s by default.
    pub fn backoff(mut self, pauses: RangeInclusive<Duration>) -> Builder {
        self.settings.first_pause = (*pauses.start()).clamp(LEAST_PAUSE, LONGEST);
        self.settings.longest_pause = (*pauses.end()).clamp(LEAST_PAUSE, LONGEST);
        self
    }

    /// Sets how long a statement may take; 60 s by default, and 10 s where several hosts are named, so that a server that does
    /// not answer is left for the next. Then the statement is cancelled (unless its connection is a pool's), its connection
    /// closed, and it is sent again. It waits for the lock of a row no longer than a second, and never longer than half of this.
    pub fn statement_timeout(mut self, timeout: Duration) -> Builder {
        self.statement_timeout = Some(timeout.min(LONGEST));
        self
    }

    /// Sets how long a batch that is [sent](Client::send) may take, if that is less than the
    /// [statement timeout](Builder::statement_timeout).
    pub fn send_timeout(mut self, timeout: Duration) -> Builder {
        self.settings.send_timeout = timeout.min(LONGEST);
        self
    }

    /// Sets how many questions such as [`runs`](Client::runs) may be under way at once, and how many batches that are
    /// [sent](Client::send), each over a connection: 4 by default, which is the most. For clients whose callers should leave some of
    /// the server to others.
    pub fn calls_at_once(mut self, calls: usize) -> Builder {
        self.settings.calls_at_once = calls.max(1);
        self
    }

    /// Sets how long `start`, `run`, `finish`, `set_status` and `refresh` go on trying; 30 s by default.
    pub fn call_timeout(mut self, timeout: Duration) -> Builder {
        self.settings.call_timeout = timeout.min(LONGEST);
        self
    }

    /// Sets how long leaving a [scope](crate::Run::scope) waits for its flush; 5 s by default. What could not be sent by then
    /// stays in the buffer.
    pub fn scope_timeout(mut self, timeout: Duration) -> Builder {
        self.settings.scope_timeout = timeout.min(LONGEST);
        self
    }

    /// Never reads documents, as [`NewRun::write_only`](crate::NewRun::write_only) for every run.
    pub fn write_only(mut self, write_only: bool) -> Builder {
        self.settings.write_only = write_only;
        self
    }

    /// Watches over a connection to this URL, of the same database: a direct one, where the client's own connections go through a
    /// pooler such as PgBouncer, or come from a pool, and notifications do not come through.
    pub fn listen_url(mut self, url: &str) -> Builder {
        self.listen_url = Some(url.to_owned());
        self
    }

    /// Listens on this server too, another one on which runs of the same database are written: a node of Citus, each of which
    /// announces what its own sessions change. May be called for several. Runs are read as before, over the client's own URL.
    ///
    /// While that server is away, watches ask each [poll interval](Builder::poll_interval) what has changed. No effect where the
    /// client cannot listen to its own server, so that watches poll anyway.
    pub fn also_listen_url(mut self, url: &str) -> Builder {
        self.also_listen_urls.push(url.to_owned());
        self
    }

    /// Sets how often watches ask what has changed, where there is no connection that listens; 1 s by default.
    pub fn poll_interval(mut self, interval: Duration) -> Builder {
        self.settings.poll_interval = interval.clamp(LEAST_PAUSE, LONGEST);
        self
    }

    /// Connects, and begins to send in the background.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    pub async fn connect(mut self) -> Result<Client, Error> {
        let origin = std::mem::replace(&mut self.origin, Origin::Url(String::new()));
        let direct = match self.listen_url.take() {
            Some(url) => Some(self.own(Address::parse(&url)?)?.0),
            None => None,
        };
        let elsewhere = std::mem::take(&mut self.also_listen_urls);
        let elsewhere = elsewhere
            .iter()
            .map(|url| Ok(self.own(Address::parse(url)?)?.0))
            .collect::<Result<Vec<_>, Error>>()?;
        let (source, hosts) = match origin {
            Origin::Url(url) => self.own(Address::parse(&url)?)?,
            #[cfg(feature = "tokio-postgres")]
            Origin::Config(config) => self.own(Address::of(*config))?,
            #[cfg(feature = "pool")]
            Origin::Pool(_) if !self.session.is_empty() => {
                return Err(Error::settings(
                    "the connections of a pool have the pool's settings",
                    None,
                ));
            }
            #[cfg(feature = "pool")]
            Origin::Pool(pool) => (Source::Pool(pool), 1),
            #[cfg(any(test, feature = "testing"))]
            Origin::Transport(transport) => {
                let buffer = Arc::new(Buffer::new(self.settings));
                let connect = Box::pin(async { Ok(()) });
                return start(self.runtime.as_ref(), buffer, transport, connect).await;
            }
        };
        self.settings.statement_timeout = self
            .statement_timeout
            .unwrap_or_else(|| statement_timeout(hosts));
        let buffer = Arc::new(Buffer::new(self.settings));
        let source = source.at_once(buffer.settings.calls_at_once);
        let connections = buffer.meter.connections.clone();
        let elsewhere = Elsewhere::new(elsewhere, &buffer.settings);
        let postgres = Postgres::new(source, direct, elsewhere, &buffer.settings, connections);
        let connect = postgres.connect();
        start(self.runtime.as_ref(), buffer, Arc::new(postgres), connect).await
    }

    fn own(&self, address: Address) -> Result<(Source, usize), Error> {
        let hosts = address.hosts();
        let name = self.application_name.as_deref();
        #[cfg(feature = "_tls")]
        if let Some(config) = self.tls.clone() {
            let connector = crate::wire::tls::of_config(config);
            let session = self.session.clone();
            return Ok((Source::encrypted(address, name, session, connector)?, hosts));
        }
        Ok((Source::own(address, name, self.session.clone())?, hosts))
    }
}

/// Starts the engine, and waits until it is connected.
async fn start(
    runtime: Option<&Handle>,
    buffer: Arc<Buffer>,
    transport: Arc<dyn Transport>,
    connect: Call<()>,
) -> Result<Client, Error> {
    let connected = match runtime {
        Some(runtime) => driver::start_on(runtime, buffer.clone(), transport, connect),
        None => driver::start(buffer.clone(), transport, connect)?,
    };
    // Made before the wait: whoever gives up waiting drops it, which ends the engine and its connection.
    let client = Client::of(buffer);
    answered(connected).await?;
    Ok(client)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use tokio::sync::oneshot;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::testing::faults::FaultyServer;
    use crate::tests::on_a_fast_clock;

    #[test]
    fn an_engine_whose_caller_gave_up_connecting_ends() {
        on_a_fast_clock(async {
            let second = Duration::from_secs(1);
            let buffer = Arc::new(Buffer::new(Settings::default()));
            let (reach, reached) = oneshot::channel();
            let connect = Box::pin(async { reached.await.map_err(|_| Error::shut_down()) });
            let server = Arc::new(FaultyServer::default());
            let runtime = Handle::current();
            let connecting = start(Some(&runtime), buffer.clone(), server, connect);
            assert!(timeout(second, connecting).await.is_err());
            reach.send(()).unwrap();
            let ended = async {
                while !buffer.ended.load(Relaxed) {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(second, ended).await.unwrap();
        });
    }

    #[test]
    fn no_time_is_too_long_to_be_added_to_now() {
        let most = Duration::MAX;
        let builder = Builder::url("").interval(most).statement_timeout(most);
        let builder = builder
            .call_timeout(most)
            .scope_timeout(most)
            .backoff(most..=most);
        let set = builder.settings.clone();
        for time in [
            set.interval,
            builder.statement_timeout.unwrap(),
            set.call_timeout,
            set.scope_timeout,
            2 * set.longest_pause,
        ] {
            assert!(Instant::now().checked_add(time).is_some());
        }
    }
}
