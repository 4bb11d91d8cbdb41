//! The dashboard beside an import: a gateway in this process, on a free port of the loopback address.

use std::fs::File;
use std::io::Read;

use runmeta_web::{Config, Gateway, Keys, Server};
use tokio::task::JoinHandle;

use crate::error::Error;

/// Bytes of the key, which is valid for this start only.
const KEY: usize = 24;

/// A gateway that answers until this is dropped.
pub(crate) struct Dashboard {
    link: String,
    gateway: Gateway,
    running: JoinHandle<Result<(), runmeta_web::Error>>,
}

impl Dashboard {
    /// Starts a gateway for this database.
    pub(crate) async fn start(database_url: String) -> Result<Self, Error> {
        let key = key().map_err(|error| Error::io("no random key can be made", &error))?;
        let server = Server::bind(Config::new(database_url, Keys::List(key.clone()))).await?;
        Ok(Self {
            // Browsers do not send what follows a `#`, and the page removes it from the address.
            link: format!("http://{}/#key={key}", server.address()),
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

fn key() -> std::io::Result<String> {
    let mut bytes = [0; KEY];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
