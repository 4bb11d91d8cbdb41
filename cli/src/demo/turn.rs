//! One import of a file at a time.
//!
//! The program that imports holds a lock of its session, which the server lets go of when the program dies. The
//! sessions by which its workers speak carry a name: a program that was killed may still have a statement under way in
//! the server, and who reads `nextRow` before that commits would count its rows twice.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use crate::error::Error;

/// First half of the lock's name: "demo" in ASCII. The second half is from the import.
const DEMO: i32 = 0x6465_6d6f;

/// How long the server may take to notice that the program before us was killed.
const PATIENCE: Duration = Duration::from_secs(2);

const POLL: Duration = Duration::from_millis(50);

const SPEAKING: &str = "
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = $1";

/// The imports of one file, as locks and sessions name them.
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

    /// Names the sessions by which workers speak.
    pub(crate) fn application_name(self) -> String {
        format!("runmeta demo {:08x}", self.0)
    }

    /// Makes this session the only one that imports, and waits for what a program that was killed has under way.
    pub(crate) async fn take(self, client: &Client, file: &str) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        while !client
            .query_one("SELECT pg_try_advisory_lock($1, $2)", &[&DEMO, &self.0])
            .await?
            .try_get::<_, bool>(0)?
        {
            if Instant::now() >= deadline {
                return Err(Error::new(format!("\"{file}\" is being imported already"))
                    .with_detail("Another program works on this very file in this database.")
                    .with_hint("Wait for it, or import another file."));
            }
            sleep(POLL).await;
        }
        while client
            .query_one(SPEAKING, &[&self.application_name()])
            .await?
            .try_get::<_, i64>(0)?
            > 0
        {
            sleep(POLL).await;
        }
        Ok(())
    }
}
