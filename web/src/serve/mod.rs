//! Accepting connections, and ending them.
//!
//! A connection costs nothing until it sends a head: whoever sends none within the time for heads is cut off, and so is one that
//! idles between requests, or does not take what it asked for. When the gateway stops, it takes no more connections, tells those that are open (HTTP/2 with GOAWAY,
//! HTTP/1.1 with `connection: close`), lets requests end, and cuts off what is left.

mod accept;
mod connection;
mod protocol;
mod requests;
mod signal;

use std::net::SocketAddr;

use tokio::net::TcpListener;

pub(crate) use requests::Requests;

use crate::{Config, Error, Gateway, Keys, router};

/// A gateway that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    gateway: Gateway,
}

impl Server {
    /// Reads the keys and begins to listen. Requests are answered once [`run`](Server::run) is called.
    ///
    /// # Errors
    ///
    /// The keys cannot be read, or the address cannot be had.
    pub async fn bind(config: Config) -> Result<Server, Error> {
        let listen = config.listen;
        let gateway = Gateway::new(config)?;
        let cannot = |error| Error::caused(format!("cannot listen on {listen}"), error);
        let listener = TcpListener::bind(listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        Ok(Server {
            listener,
            address,
            gateway,
        })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of the dashboard with the first of its keys, which signs in who opens it; `None` if they are in a file.
    /// Browsers do not send what follows a `#`, and the page removes it from the address.
    pub fn link(&self) -> Option<String> {
        match &self.gateway.config().keys {
            Keys::List(list) => {
                let key = list.split(',').next().unwrap_or_default().trim();
                Some(format!("http://{}/#key={key}", self.address))
            }
            Keys::File(_) => None,
        }
    }

    /// Returns the state of its routes.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Answers requests until [`Gateway::stopping`] is cancelled and those under way have ended, or had their time.
    ///
    /// # Errors
    ///
    /// None for now: a connection that fails is its own affair.
    pub async fn run(self) -> Result<(), Error> {
        let gateway = self.gateway;
        let trying = gateway.clone();
        let trial = tokio::spawn(async move {
            trying.try_database().await;
            trying.try_keys().await
        });
        accept::connections(self.listener, &gateway, router(gateway.clone())).await;
        gateway.shut_down().await;
        trial.abort();
        Ok(())
    }
}

/// Runs a gateway until the process is told to end, by SIGTERM or SIGINT. SIGHUP has the keys read again.
///
/// # Errors
///
/// As [`Server::bind`] and [`Server::run`].
pub async fn serve(config: Config) -> Result<(), Error> {
    run(Server::bind(config).await?).await
}

/// Runs a gateway that listens until the process is told to end, as [`serve`].
///
/// # Errors
///
/// As [`Server::run`]; or the system gives no signals.
pub async fn run(server: Server) -> Result<(), Error> {
    let signals = signal::follow(server.gateway().clone())?;
    tracing::info!(address = %server.address(), "listening");
    let result = server.run().await;
    signals.abort();
    tracing::info!("stopped");
    result
}
