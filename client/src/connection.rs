//! Where connections come from: one of the client's own, made again when it is lost, or a pool.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;
use tokio_postgres::{Client, Config};

use crate::Error;
use crate::buffer::Buffer;
use crate::tls::Connector;

/// How long making a connection may take, where the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long data that nobody acknowledges may be under way, where the URL does not say. A server that vanished without a
/// word is noticed after this time.
const SILENCE: Duration = Duration::from_secs(30);

pub(crate) enum Source {
    Own(Box<Own>),
    #[cfg(feature = "pool")]
    Pool(deadpool_postgres::Pool),
}

pub(crate) struct Own {
    config: Config,
    tls: Connector,
    current: Mutex<Option<Arc<Client>>>,
    /// Held while a statement is under way. Not two at once: PgBouncer 1.18 in transaction mode can hand the connection on in
    /// the middle of the second (the server then says `invalid frontend message type`).
    turn: Mutex<()>,
    /// Set when a caller went away before its statement was answered.
    broken_off: AtomicBool,
}

/// The right to send a statement.
pub(crate) struct Turn<'a> {
    own: Option<(&'a Own, MutexGuard<'a, ()>)>,
}

impl Turn<'_> {
    /// Ends the turn: the statement was answered, or its connection given up.
    pub(crate) fn end(mut self) {
        self.own = None;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some((own, _)) = &self.own {
            own.broken_off.store(true, Relaxed);
        }
    }
}

/// A connection in use.
pub(crate) enum Lease {
    Own(Arc<Client>),
    #[cfg(feature = "pool")]
    Pool(Box<deadpool_postgres::Object>),
}

impl Deref for Lease {
    type Target = Client;

    fn deref(&self) -> &Client {
        match self {
            Lease::Own(client) => client,
            #[cfg(feature = "pool")]
            Lease::Pool(object) => object,
        }
    }
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
            turn: Mutex::new(()),
            broken_off: AtomicBool::new(false),
        }))
    }

    /// Waits until nobody else's statement is under way, if there is one connection for all.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        match self {
            Source::Own(own) => Turn {
                own: Some((own, own.turn.lock().await)),
            },
            #[cfg(feature = "pool")]
            Source::Pool(_) => Turn { own: None },
        }
    }

    /// Returns a connection, the one that is there or a new one.
    pub(crate) async fn lease(&self, buffer: &Buffer) -> Result<Lease, Error> {
        match self {
            Source::Own(own) => own.lease(buffer).await.map(Lease::Own),
            #[cfg(feature = "pool")]
            Source::Pool(pool) => match pool.get().await {
                Ok(object) => Ok(Lease::Pool(Box::new(object))),
                Err(error) => Err(Error::pool(error)),
            },
        }
    }

    /// Gives up a connection on which something went wrong that another one may mend.
    pub(crate) async fn give_up(&self, lease: Lease) {
        match (self, lease) {
            (Source::Own(own), Lease::Own(client)) => {
                let mut current = own.current.lock().await;
                if current
                    .as_ref()
                    .is_some_and(|current| Arc::ptr_eq(current, &client))
                {
                    *current = None;
                }
            }
            #[cfg(feature = "pool")]
            (_, Lease::Pool(object)) => drop(deadpool_postgres::Object::take(*object)),
            #[cfg(feature = "pool")]
            _ => {}
        }
    }
}

impl Own {
    async fn lease(&self, buffer: &Buffer) -> Result<Arc<Client>, Error> {
        let mut current = self.current.lock().await;
        if self.broken_off.swap(false, Relaxed) {
            *current = None;
        }
        if let Some(client) = current.as_ref().filter(|client| !client.is_closed()) {
            return Ok(client.clone());
        }
        let limit = self
            .config
            .get_connect_timeout()
            .copied()
            .unwrap_or(CONNECT_TIMEOUT);
        // The setting covers the socket only, not a server that takes the connection and says nothing.
        let (client, connection) = timeout(2 * limit, self.config.connect(self.tls.clone()))
            .await
            .map_err(|_| Error::timed_out("connecting"))?
            .map_err(Error::connect)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("connection lost: {error}");
            }
        });
        buffer.meter.connections.fetch_add(1, Relaxed);
        tracing::debug!("connected");
        let client = Arc::new(client);
        *current = Some(client.clone());
        Ok(client)
    }
}
