//! What a server must be before anything is done on it.

use tokio_postgres::GenericClient;

use crate::error::{Error, Kind};

/// The oldest Postgres that the extension is built for.
const OLDEST_SERVER: i32 = 150_000;

/// A server that can be migrated.
pub(crate) struct Server {
    /// Its major version.
    pub(crate) major: i32,
}

/// Refuses servers that are too old or read-only, and databases whose text is not UTF-8.
pub(crate) async fn check(client: &impl GenericClient) -> Result<Server, Error> {
    let row = client
        .query_one(
            "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
                pg_catalog.current_setting('server_version'),
                pg_catalog.current_setting('server_encoding'),
                pg_catalog.pg_is_in_recovery()",
            &[],
        )
        .await?;
    let number: i32 = row.try_get(0)?;
    if number < OLDEST_SERVER {
        return Err(Error::new(Kind::ServerTooOld {
            found: row.try_get(1)?,
        }));
    }
    let encoding: String = row.try_get(2)?;
    if encoding != "UTF8" {
        return Err(Error::new(Kind::Encoding { found: encoding }));
    }
    if row.try_get(3)? {
        return Err(Error::new(Kind::Standby));
    }
    Ok(Server {
        major: number / 10_000,
    })
}
