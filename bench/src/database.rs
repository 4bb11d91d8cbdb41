//! A migrated database of the server that `make bench` starts.

use std::env;
use std::error::Error;

use tokio_postgres::{Client, NoTls};

const NAME: &str = "runmeta_bench";

/// A database for measurements, and a connection to it.
pub struct Database {
    url: String,
    /// The connection that measures.
    pub client: Client,
}

impl Database {
    /// Creates the database.
    ///
    /// # Errors
    ///
    /// If `RUNMETA_TEST_URL` is not set, as it is by `scripts/with-cluster`, and those of Postgres.
    pub async fn create() -> Result<Database, Box<dyn Error>> {
        let url = env::var("RUNMETA_TEST_URL")
            .map_err(|_| "RUNMETA_TEST_URL is not set: run `make bench`")?;
        let server = connect(&url).await?;
        server
            .batch_execute(&format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"))
            .await?;
        server
            .batch_execute(&format!("CREATE DATABASE {NAME}"))
            .await?;
        let mut config: tokio_postgres::Config = url.parse()?;
        let (mut client, connection) = config.dbname(NAME).connect(NoTls).await?;
        tokio::spawn(connection);
        runmeta_migrations::migrate(&mut client).await?;
        // Told changes are another measurement.
        client.batch_execute("SET runmeta.notify = off").await?;
        // And autovacuum would come when it likes.
        client
            .batch_execute("ALTER SYSTEM SET autovacuum = off")
            .await?;
        client.batch_execute("SELECT pg_reload_conf()").await?;
        Ok(Database { url, client })
    }

    /// Returns the URL of the database.
    pub fn url(&self) -> String {
        let server = self
            .url
            .rsplit_once('/')
            .map_or(self.url.as_str(), |(server, _)| server);
        format!("{server}/{NAME}")
    }

    /// Returns what server this is and how it is set.
    ///
    /// # Errors
    ///
    /// Those of Postgres.
    pub async fn description(&self) -> Result<String, Box<dyn Error>> {
        let row = self
            .client
            .query_one(
                "SELECT format('Postgres %s, fsync %s, synchronous_commit %s, shared_buffers %s, runmeta.notify %s',
                     current_setting('server_version'), current_setting('fsync'),
                     current_setting('synchronous_commit'), current_setting('shared_buffers'),
                     current_setting('runmeta.notify'))",
                &[],
            )
            .await?;
        Ok(row.get(0))
    }

    /// Drops the database.
    ///
    /// # Errors
    ///
    /// Those of Postgres.
    pub async fn drop(self) -> Result<(), Box<dyn Error>> {
        drop(self.client);
        let server = connect(&self.url).await?;
        server
            .batch_execute(&format!("DROP DATABASE {NAME} WITH (FORCE)"))
            .await?;
        Ok(())
    }
}

async fn connect(url: &str) -> Result<Client, Box<dyn Error>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
