//! One connection, used from a thread that waits for each answer.

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::{FromSqlOwned, ToSql};
use tokio_postgres::{Client, Config, NoTls, Statement};

use crate::Result;

/// A connection and the thread-local runtime that drives it.
pub struct Session {
    runtime: Runtime,
    client: Client,
}

impl Session {
    /// Connects.
    pub fn open(config: &Config) -> Result<Session> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(connect(config))?;
        Ok(Session { runtime, client })
    }

    /// Runs a script of statements without parameters.
    pub fn run(&self, script: &str) -> Result<()> {
        Ok(self.runtime.block_on(self.client.batch_execute(script))?)
    }

    /// Prepares a statement.
    pub fn prepare(&self, sql: &str) -> Result<Statement> {
        Ok(self.runtime.block_on(self.client.prepare(sql))?)
    }

    /// Executes a prepared statement.
    pub fn execute(&self, statement: &Statement, values: &[&(dyn ToSql + Sync)]) -> Result<u64> {
        let execute = self.client.execute(statement, values);
        Ok(self.runtime.block_on(execute)?)
    }

    /// Returns the only column of the only row.
    pub fn value<T: FromSqlOwned>(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<T> {
        let row = self.runtime.block_on(self.client.query_one(sql, values))?;
        Ok(row.try_get(0)?)
    }

    /// Runs something that needs the asynchronous client.
    pub fn with<T>(&mut self, work: impl AsyncFnOnce(&mut Client) -> T) -> T {
        self.runtime.block_on(work(&mut self.client))
    }
}

/// Connects, and drives the connection on the runtime of the caller.
pub async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
