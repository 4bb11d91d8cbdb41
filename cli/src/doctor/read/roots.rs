//! How the runs and the table of their roots agree, where runs lie in parts.

use tokio_postgres::Client;

use super::all;
use crate::error::Error;

const LAYOUT: &str = include_str!("../sql/layout.sql");
const ROOTS: &str = include_str!("../sql/roots.sql");

/// Returns how many runs are not in the table of roots, and how many rows of that have no run.
pub(super) async fn read(works: bool, client: &Client) -> Result<Option<(i64, i64)>, Error> {
    let may_read = all(works, client, LAYOUT, |row| row.try_get::<_, bool>(0)).await?;
    let is_split = may_read.first() == Some(&true);
    let found = all(is_split, client, ROOTS, |row| {
        Ok((row.try_get(0)?, row.try_get(1)?))
    });
    Ok(found.await?.first().copied())
}
