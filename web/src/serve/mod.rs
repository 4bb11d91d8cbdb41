//! Accepting connections, and ending them.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::{Config, Error, Gateway, router};

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

    /// Returns the state of its routes.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Answers requests until [`Gateway::stopping`] is cancelled and those under way have ended.
    ///
    /// # Errors
    ///
    /// The listener fails.
    pub async fn run(self) -> Result<(), Error> {
        let stopping = self.gateway.stopping();
        axum::serve(self.listener, router(self.gateway))
            .with_graceful_shutdown(async move { stopping.cancelled().await })
            .await
            .map_err(|error| Error::caused("the gateway failed", error))
    }
}

/// Runs a gateway until the process is told to end.
///
/// # Errors
///
/// As [`Server::bind`] and [`Server::run`].
pub async fn serve(config: Config) -> Result<(), Error> {
    let server = Server::bind(config).await?;
    tracing::info!(address = %server.address(), "listening");
    let stopping = server.gateway().stopping();
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        stopping.cancel();
    });
    server.run().await
}
