//! Where connections come from: one of the client's own, made again when it is lost, or a pool.
//!
//! A statement that nobody waits for any more is cancelled, unless its connection came from a pool, and the connection given
//! up: a backend that waits for a lock does not notice that its client went, and each retry would leave one more of them.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Row, Socket};

use crate::buffer::Buffer;
use crate::cancel::cancel;
use crate::tls::Connector;
use crate::{Error, host};

/// How long making a connection to one address may take, where the URL does not say, and getting one from a pool.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long data that nobody acknowledges may be under way, where the URL does not say. A server that vanished without a
/// word is noticed after this time.
const SILENCE: Duration = Duration::from_secs(30);

/// How long cancelling a statement may take, and then its end. A guess: a server that takes longer does not answer at all.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) enum Source {
    Own(Box<Own>),
    #[cfg(feature = "pool")]
    Pool(deadpool_postgres::Pool),
}

pub(crate) struct Own {
    config: Config,
    tls: Connector,
    /// Held while a statement is under way. Not two at once: PgBouncer 1.18 in transaction mode can hand the connection on in
    /// the middle of the second (the server then says `invalid frontend message type`).
    current: Mutex<Option<Connection>>,
}

/// A connection of the client's own.
struct Connection {
    client: Client,
    /// Carries what is sent and answered. It ends by itself when the client is dropped and all is answered.
    carrier: JoinHandle<()>,
    /// The one address that it goes to.
    place: Config,
}

/// The right to send statements over a connection. If it is dropped before a statement is answered, the statement is
/// cancelled and the connection given up.
pub(crate) struct Lease<'a> {
    line: Line<'a>,
    under_way: bool,
}

enum Line<'a> {
    Own {
        current: MutexGuard<'a, Option<Connection>>,
        tls: &'a Connector,
    },
    #[cfg(feature = "pool")]
    Pool(Option<Box<deadpool_postgres::Object>>),
}

impl Source {
    pub(crate) fn own(mut config: Config, tls: Connector) -> Source {
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
        }
        Source::Own(Box::new(Own {
            config,
            tls,
            current: Mutex::new(None),
        }))
    }

    /// Returns a connection, the one that is there or a new one. If there is one for all, waits until nobody else's statement
    /// is under way.
    pub(crate) async fn lease(&self, buffer: &Buffer) -> Result<Lease<'_>, Error> {
        let line = match self {
            Source::Own(own) => own.lease(buffer).await?,
            #[cfg(feature = "pool")]
            Source::Pool(pool) => {
                // Those who hold its connections may be waiting for us.
                let limit = CONNECT_TIMEOUT.min(buffer.settings.statement_timeout);
                match timeout(limit, pool.get()).await {
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
    async fn lease(&self, buffer: &Buffer) -> Result<Line<'_>, Error> {
        let mut current = self.current.lock().await;
        if current
            .as_ref()
            .is_none_or(|connection| connection.client.is_closed())
        {
            *current = None;
            *current = Some(self.connect(buffer).await?);
        }
        let tls = &self.tls;
        Ok(Line::Own { current, tls })
    }

    async fn connect(&self, buffer: &Buffer) -> Result<Connection, Error> {
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
                // The setting covers the socket only, not a server that takes the connection and says nothing.
                match timeout(limit, address.connect(self.tls.clone())).await {
                    Ok(Ok((client, connection))) => {
                        buffer.meter.connections.fetch_add(1, Relaxed);
                        return Ok(Connection::carried(client, connection, address));
                    }
                    Ok(Err(error)) => failure = Error::connect(error),
                    Err(_) => failure = Error::timed_out("connecting"),
                }
                tracing::debug!("a server cannot be used: {failure}");
            }
        }
        Err(failure)
    }
}

impl Connection {
    fn carried<S>(
        client: Client,
        connection: tokio_postgres::Connection<Socket, S>,
        place: Config,
    ) -> Connection
    where
        S: TlsStream + Unpin + Send + 'static,
    {
        let carrier = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("connection lost: {error}");
            }
        });
        tracing::debug!("connected");
        Connection {
            client,
            carrier,
            place,
        }
    }

    async fn cancel(mut self, tls: Connector) {
        let told = cancel(self.client.cancel_token(), &self.place, tls.rustls());
        match timeout(CANCEL_TIMEOUT, told).await {
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

impl Lease<'_> {
    fn client(&self) -> Option<&Client> {
        match &self.line {
            Line::Own { current, .. } => current.as_ref().map(|connection| &connection.client),
            #[cfg(feature = "pool")]
            Line::Pool(object) => object.as_ref().map(|object| &****object),
        }
    }

    /// Sends a statement and returns all its rows. The transaction is over then: an error at commit comes after the last row.
    pub(crate) async fn query(
        &mut self,
        statement: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, Error> {
        self.under_way = true;
        let result = match self.client() {
            Some(client) => client.query_typed(statement, parameters).await,
            None => return Err(Error::lost()),
        };
        self.under_way = false;
        result.map_err(Error::statement)
    }

    /// Gives up a connection on which something went wrong that another one may mend.
    pub(crate) async fn give_up(mut self) {
        if let Some(cancelling) = self.break_off() {
            let _ = cancelling.await;
        }
    }

    /// Closes the connection, and before that cancels the statement that is under way.
    fn break_off(&mut self) -> Option<JoinHandle<()>> {
        let under_way = std::mem::take(&mut self.under_way);
        match &mut self.line {
            Line::Own { current, tls } => {
                let connection = current.take()?;
                if !under_way {
                    return None;
                }
                match Handle::try_current() {
                    Ok(runtime) => Some(runtime.spawn(connection.cancel(tls.clone()))),
                    Err(_) => {
                        connection.carrier.abort();
                        None
                    }
                }
            }
            #[cfg(feature = "pool")]
            Line::Pool(object) => {
                // A pool does not tell where its servers are, so a statement cannot be cancelled in a way that is safe for
                // PgBouncer. The connection is closed, and does not go back with a statement under way.
                drop(deadpool_postgres::Object::take(*object.take()?));
                None
            }
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.under_way {
            self.break_off();
        }
    }
}
