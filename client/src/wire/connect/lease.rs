//! The right to use a connection, for one caller at a time.

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Row};

use super::super::address::Connector;
use super::super::pooler::{self, Pooler};
use super::{Connection, Place, Statement};
use crate::Error;
use crate::watch::notice::Notice;

/// The right to send statements over a connection. If it is dropped before a statement is answered, the statement is
/// cancelled and the connection closed.
pub(in crate::wire) struct Lease<'a> {
    pub(super) line: Line<'a>,
    pub(super) under_way: bool,
}

/// A connection that is held.
pub(super) enum Line<'a> {
    Own {
        place: Place<'a>,
        tls: &'a Connector,
    },
    #[cfg(feature = "pool")]
    Pool(Option<Box<deadpool_postgres::Object>>),
}

impl Line<'_> {
    fn client(&mut self) -> Option<&mut Client> {
        match self {
            Line::Own { place, .. } => {
                let connection = place.connection.as_mut();
                connection.map(|connection| &mut connection.client)
            }
            #[cfg(feature = "pool")]
            Line::Pool(object) => object.as_mut().map(|object| &mut ****object),
        }
    }
}

impl Lease<'_> {
    /// Sends a statement and returns all its rows. Its transaction is over then: an error at commit arrives after the last row.
    pub(in crate::wire) async fn query(
        &mut self,
        (statement, parameters): Statement<'_>,
    ) -> Result<Vec<Row>, Error> {
        let client = self.line.client().ok_or_else(Error::lost)?;
        self.under_way = true;
        let result = client.query_typed(statement, parameters).await;
        self.under_way = false;
        result.map_err(Error::statement)
    }

    /// Sends statements in one transaction, rolls it back, and returns the rows of the last.
    pub(in crate::wire) async fn query_and_roll_back(
        &mut self,
        statements: [Statement<'_>; 2],
    ) -> Result<Vec<Row>, Error> {
        let client = self.line.client().ok_or_else(Error::lost)?;
        self.under_way = true;
        let result = roll_back_after(client, statements).await;
        self.under_way = false;
        result.map_err(Error::statement)
    }

    /// Compares the session of the connection with that of another to the same address.
    pub(in crate::wire) async fn compare(mut self, other: &Connection) -> Result<Pooler, Error> {
        let client = self.line.client().ok_or_else(Error::lost)?;
        let pooler = pooler::detect(client, &other.client).await;
        if pooler != Pooler::None {
            // A statement may still be under way on it.
            self.give_up().await;
        }
        Ok(pooler)
    }

    /// Returns what the connection is notified of.
    pub(in crate::wire) fn take_notices(mut self) -> Result<mpsc::Receiver<Notice>, Error> {
        let notices = match &mut self.line {
            Line::Own { place, .. } => {
                let connection = place.connection.as_mut();
                connection.and_then(|connection| connection.notices.take())
            }
            #[cfg(feature = "pool")]
            Line::Pool(_) => None,
        };
        // Somebody took them and gave up: the next connection has others.
        notices.ok_or_else(|| {
            drop(self.break_off());
            Error::lost()
        })
    }

    /// Closes a connection after trouble that another one may not have.
    pub(in crate::wire) async fn give_up(mut self) {
        if let Some(cancelling) = self.break_off() {
            let _ = cancelling.await;
        }
    }

    /// Closes the connection, and first cancels the statement that is under way.
    fn break_off(&mut self) -> Option<JoinHandle<()>> {
        let under_way = std::mem::take(&mut self.under_way);
        match &mut self.line {
            Line::Own { place, tls } => {
                let connection = place.connection.take()?;
                if !under_way {
                    return None;
                }
                match Handle::try_current() {
                    Ok(runtime) => Some(runtime.spawn(connection.cancel(Connector::clone(tls)))),
                    Err(_) => {
                        connection.carrier.abort();
                        None
                    }
                }
            }
            #[cfg(feature = "pool")]
            Line::Pool(object) => {
                // The address of a pool's connection is not known, which cancelling through PgBouncer needs (see `cancel`). It
                // is closed, and does not go back to the pool with a statement under way.
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

async fn roll_back_after(
    client: &mut Client,
    statements: [Statement<'_>; 2],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    let mut result = Ok(Vec::new());
    for (statement, parameters) in statements {
        result = transaction.query_typed(statement, parameters).await;
        if result.is_err() {
            break;
        }
    }
    let ended = transaction.rollback().await;
    let rows = result?;
    ended.map(|()| rows)
}
