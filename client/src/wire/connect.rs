//! Where connections come from: the client's own, made when first needed and again after they are lost, or a pool.
//!
//! There are two of its own, so that reading documents and sending batches do not wait for each other, a third for watches,
//! which listens, and a few each for what callers ask and for batches that they send themselves. A statement whose
//! caller no longer waits is cancelled and its connection closed: a backend that waits for a lock does not notice that its
//! client is gone, and each retry would leave one more. Connections of a pool are only closed.
//!
//! Everything here runs on the runtime that polls it, the engine's.

mod lease;
mod places;

use std::future::poll_fn;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, Socket};

use super::address::{Address, Connector};
use super::cancel::cancel;
use super::host;
use super::session::Session;
use crate::Error;
use crate::watch::notice::Notice;
pub(super) use lease::Lease;
use lease::Line;
use places::{Place, Places};

/// How long connecting to one address may take, if the URL does not set it, and getting a connection from a pool.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long sent data may stay unacknowledged, if the URL does not set it. A server that vanished is noticed after this time.
const SILENCE: Duration = Duration::from_secs(30);

/// How long cancelling a statement may take, and then its end. A guess: a server that takes longer does not answer at all.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(3);

/// How many questions of callers may be under way at once. A guess: twice the cores of a small server, so that a slow list does
/// not hold up all others.
const CALLS: usize = 4;

/// How many batches of callers may be under way at once, beside the questions. As many, for the same reason.
pub(super) const SENDS: usize = 4;

/// Payloads that wait for the hub. A guess: it takes each within microseconds, so that more than a few never wait. While so many
/// do, the connection is not read.
pub(super) const NOTICES: usize = 256;

/// A parameter of a statement.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A statement and its parameters.
pub(super) type Statement<'a> = (&'a str, &'a [Parameter<'a>]);

/// What a connection is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// Batches and their diagnosis.
    Batches,
    Reads,
    Watches,
    /// What callers ask beside the engine.
    Calls,
    /// Batches that callers send beside the engine. They may wait for locks, and questions must not wait for them.
    Sends,
}

pub(crate) enum Source {
    Own(Box<Own>),
    #[cfg(feature = "pool")]
    Pool(deadpool_postgres::Pool),
}

pub(crate) struct Own {
    config: Config,
    tls: Connector,
    session: Session,
    /// Each is locked while a statement is under way. PgBouncer 1.18 in transaction mode cannot take a second one meanwhile: it
    /// may hand the server over in the middle of it (`invalid frontend message type`).
    batches: Mutex<Option<Connection>>,
    reads: Mutex<Option<Connection>>,
    watches: Mutex<Option<Connection>>,
    calls: Places<CALLS>,
    sends: Places<SENDS>,
}

/// A connection of the client's own.
pub(super) struct Connection {
    client: Client,
    /// Sends and receives. It ends by itself after the client is dropped and everything is answered.
    carrier: JoinHandle<()>,
    /// The one address that it is connected to.
    place: Config,
    /// What it is notified of, until somebody takes it.
    notices: Option<mpsc::Receiver<Notice>>,
}

impl Source {
    /// Returns connections to this database. `application_name` overrides that of the address.
    ///
    /// # Errors
    ///
    /// If its encryption cannot be set up, or a setting of the session is none.
    pub(crate) fn own(
        address: Address,
        application_name: Option<&str>,
        session: Session,
    ) -> Result<Source, Error> {
        let tls = address.connector()?;
        Source::encrypted(address, application_name, session, tls)
    }

    /// Returns connections that encrypt with `tls`, whatever the address demands of the certificate.
    ///
    /// # Errors
    ///
    /// If a setting of the session is none.
    pub(crate) fn encrypted(
        address: Address,
        application_name: Option<&str>,
        session: Session,
        tls: Connector,
    ) -> Result<Source, Error> {
        let mut config = address.config;
        session.put_into(&mut config)?;
        if let Some(name) = application_name.or(match config.get_application_name() {
            None => Some("runmeta"),
            Some(_) => None,
        }) {
            config.application_name(name);
        }
        if cfg!(not(feature = "_tls")) {
            config.ssl_mode(tokio_postgres::config::SslMode::Disable);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
        }
        Ok(Source::Own(Box::new(Own {
            config,
            tls,
            session,
            batches: Mutex::new(None),
            reads: Mutex::new(None),
            watches: Mutex::new(None),
            calls: Places::new(CALLS),
            sends: Places::new(SENDS),
        })))
    }

    /// Has no more than so many questions, and so many batches, of callers under way at once. For connections of its own.
    pub(crate) fn at_once(mut self, most: usize) -> Source {
        match &mut self {
            Source::Own(own) => {
                own.calls = Places::new(most);
                own.sends = Places::new(most);
            }
            #[cfg(feature = "pool")]
            Source::Pool(_) => {}
        }
        self
    }

    /// Returns the client's own connections, unless they are a pool's.
    pub(super) fn as_own(&self) -> Option<&Own> {
        match self {
            Source::Own(own) => Some(own),
            #[cfg(feature = "pool")]
            Source::Pool(_) => None,
        }
    }

    /// Returns a connection, the current one or a new one, which is counted in `made`. Waits until nobody else's statement is
    /// under way on it; for one of a pool at most `limit`.
    #[cfg_attr(not(feature = "pool"), expect(unused_variables, reason = "for pools"))]
    pub(super) async fn lease(
        &self,
        purpose: Purpose,
        limit: Duration,
        made: &AtomicU64,
    ) -> Result<Lease<'_>, Error> {
        let line = match self {
            Source::Own(own) => own.lease(purpose, made).await?,
            #[cfg(feature = "pool")]
            Source::Pool(pool) => {
                // The holders of its connections may be waiting for this client.
                match timeout(CONNECT_TIMEOUT.min(limit), pool.get()).await {
                    Ok(Ok(object)) => Line::Pool(Some(Box::new(object))),
                    Ok(Err(error)) => return Err(Error::pool(error)),
                    Err(_) => return Err(Error::timed_out("getting a connection from the pool")),
                }
            }
        };
        Ok(Lease {
            line,
            under_way: false,
        })
    }
}

impl Own {
    async fn lease(&self, purpose: Purpose, made: &AtomicU64) -> Result<Line<'_>, Error> {
        let mut place = match purpose {
            Purpose::Batches => Place::of(self.batches.lock().await),
            Purpose::Reads => Place::of(self.reads.lock().await),
            Purpose::Watches => Place::of(self.watches.lock().await),
            Purpose::Calls => self.calls.take().await,
            Purpose::Sends => self.sends.take().await,
        };
        let current = &mut place.connection;
        if current
            .as_ref()
            .is_none_or(|connection| connection.client.is_closed())
        {
            **current = None;
            **current = Some(self.connect().await?);
            made.fetch_add(1, Relaxed);
        }
        let tls = &self.tls;
        Ok(Line::Own { place, tls })
    }

    /// Closes the connection for watches, if nothing is under way on it.
    pub(super) fn unlisten(&self) {
        if let Ok(mut connection) = self.watches.try_lock() {
            *connection = None;
        }
    }

    pub(super) async fn connect(&self) -> Result<Connection, Error> {
        let limit = self
            .config
            .get_connect_timeout()
            .copied()
            .unwrap_or(CONNECT_TIMEOUT);
        const LOOKUP: &str = "looking up the server's address";
        let mut failure = Error::timed_out(LOOKUP);
        for host in host::hosts(&self.config) {
            let Ok(addresses) = timeout(limit, host::addresses(&host)).await else {
                failure = Error::timed_out(LOOKUP);
                continue;
            };
            for address in addresses {
                match timeout(limit, address.connect(Connector::clone(&self.tls))).await {
                    Ok(Ok((client, connection))) => {
                        let connection = Connection::carried(client, connection, address);
                        let checked = self.session.check(&connection.client);
                        match timeout(limit, checked).await {
                            Ok(Ok(())) => return Ok(connection),
                            // Another server may be reached without that pooler.
                            Ok(Err(error)) => failure = error,
                            Err(_) => failure = Error::timed_out("connecting"),
                        }
                    }
                    Ok(Err(error)) => failure = Error::connect(error),
                    Err(_) => failure = Error::timed_out("connecting"),
                }
                tracing::debug!("could not connect to a server: {failure}");
            }
        }
        Err(failure)
    }
}

impl Connection {
    fn carried<S>(
        client: Client,
        mut connection: tokio_postgres::Connection<Socket, S>,
        place: Config,
    ) -> Connection
    where
        S: TlsStream + Unpin + Send + 'static,
    {
        let (sender, notices) = mpsc::channel(NOTICES);
        let carrier = tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    Ok(AsyncMessage::Notification(notification)) => {
                        let _ = sender.send(Notice::parse(notification.payload())).await;
                    }
                    Ok(_) => {}
                    Err(error) => return tracing::debug!("connection lost: {error}"),
                }
            }
        });
        tracing::debug!("connected");
        Connection {
            client,
            carrier,
            place,
            notices: Some(notices),
        }
    }

    async fn cancel(mut self, tls: Connector) {
        let cancelled = cancel(self.client.cancel_token(), &self.place, tls);
        match timeout(CANCEL_TIMEOUT, cancelled).await {
            Ok(Ok(())) => tracing::debug!("a statement was cancelled"),
            Ok(Err(error)) => tracing::debug!("a statement could not be cancelled: {error}"),
            Err(_) => tracing::debug!("a statement could not be cancelled: no answer"),
        }
        drop(self.client);
        if timeout(CANCEL_TIMEOUT, &mut self.carrier).await.is_err() {
            self.carrier.abort();
        }
    }
}
