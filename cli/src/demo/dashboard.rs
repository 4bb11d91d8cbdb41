//! The dashboard beside an import: a gateway in this process, on a free port of the loopback address.

use runmeta_web::{Config, Gateway, Keys, Server};
use tokio::task::JoinHandle;

use crate::error::Error;

/// A gateway that answers until this is dropped.
pub(crate) struct Dashboard {
    link: String,
    gateway: Gateway,
    running: JoinHandle<Result<(), runmeta_web::Error>>,
}

impl Dashboard {
    /// Starts a gateway for this database.
    pub(crate) async fn start(database_url: String) -> Result<Self, Error> {
        let server = Server::bind(Config::new(database_url, Keys::random())).await?;
        Ok(Self {
            link: server.link().unwrap_or_default(),
            gateway: server.gateway().clone(),
            running: tokio::spawn(server.run()),
        })
    }

    /// Returns the address of the dashboard, with the key.
    pub(crate) fn link(&self) -> &str {
        &self.link
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.gateway.stopping().cancel();
        self.running.abort();
    }
}
