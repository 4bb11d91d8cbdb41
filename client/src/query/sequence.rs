//! How far a writer has come.

use uuid::Uuid;

use crate::{Client, Error};

impl Client {
    /// Returns the sequence of the last batch that the server has of a writer, 0 if it has none: where
    /// [`send`](Client::send) goes on after a restart.
    ///
    /// # Errors
    ///
    /// The server could not be reached for the [call timeout](crate::Builder::call_timeout).
    pub async fn last_sequence(&self, writer: Uuid) -> Result<i64, Error> {
        self.ask(move |server| {
            let diagnosis = server.diagnose(writer, Vec::new());
            Box::pin(async move {
                let diagnosis = diagnosis.await?;
                // While somebody has locked the table, nothing is known.
                match diagnosis.table_is_locked {
                    true => Err(Error::statement_timed_out()),
                    false => Ok(diagnosis.last_sequence),
                }
            })
        })
        .await
    }
}
