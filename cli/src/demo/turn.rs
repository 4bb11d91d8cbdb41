//! One import of a file at a time.
//!
//! Two locks, held by sessions so that the server lets go of them when a program
//! dies. `ALONE` is held by the program that imports. `WORKING` is shared by its
//! workers: a worker that was killed may still have a statement under way in the
//! server, and who reads `nextRow` before that commits would count its rows twice.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use crate::error::Error;

/// First halves of the locks' names: "demo" and "work" in ASCII. The second half is from the import.
const ALONE: i32 = 0x6465_6d6f;
const WORKING: i32 = 0x776f_726b;

/// How long the server may take to notice that the program before us was killed.
const PATIENCE: Duration = Duration::from_secs(2);

/// The imports of one file, as the locks name them.
#[derive(Clone, Copy)]
pub(crate) struct Turn(i32);

impl Turn {
    /// Takes the SHA-256, in hexadecimal, of what is imported.
    pub(crate) fn of(hash: &str) -> Self {
        let bits = hash
            .get(..8)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        Self(bits.unwrap_or_default().cast_signed())
    }

    /// Makes this session the only one that imports, and waits for workers of a program that was killed.
    pub(crate) async fn take(self, client: &Client, file: &str) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        while !client
            .query_one("SELECT pg_try_advisory_lock($1, $2)", &[&ALONE, &self.0])
            .await?
            .try_get::<_, bool>(0)?
        {
            if Instant::now() >= deadline {
                return Err(Error::new(format!("\"{file}\" is being imported already"))
                    .with_detail("Another program works on this very file in this database.")
                    .with_hint("Wait for it, or import another file."));
            }
            sleep(Duration::from_millis(100)).await;
        }
        client
            .execute("SELECT pg_advisory_lock($1, $2)", &[&WORKING, &self.0])
            .await?;
        client
            .execute("SELECT pg_advisory_unlock($1, $2)", &[&WORKING, &self.0])
            .await?;
        Ok(())
    }

    /// Marks the session as a worker's.
    pub(crate) async fn join(self, client: &Client) -> Result<(), Error> {
        client
            .execute(
                "SELECT pg_advisory_lock_shared($1, $2)",
                &[&WORKING, &self.0],
            )
            .await?;
        Ok(())
    }
}
