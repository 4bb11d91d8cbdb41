//! Lets refinery work inside a transaction of ours.
//!
//! refinery's own driver opens a transaction of its own for each of its steps, so
//! that the extension and the history table would stay behind when the first
//! migration fails.

use async_trait::async_trait;
use refinery::Migration;
use refinery_core::AsyncMigrate;
use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use tokio_postgres::Transaction;

use crate::error::Error;
use crate::history::Applied;

/// A transaction that somebody else begins and ends.
pub(crate) struct OuterTransaction<'a, 'client>(pub(crate) &'a Transaction<'client>);

#[async_trait]
impl AsyncTransaction for OuterTransaction<'_, '_> {
    type Error = Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send>(
        &mut self,
        queries: T,
    ) -> Result<usize, Error> {
        let mut count = 0;
        for query in queries {
            self.0.batch_execute(query).await?;
            count += 1;
        }
        Ok(count)
    }
}

#[async_trait]
impl AsyncQuery<Vec<Migration>> for OuterTransaction<'_, '_> {
    async fn query(&mut self, query: &str) -> Result<Vec<Migration>, Error> {
        self.0
            .query(query, &[])
            .await?
            .iter()
            .map(|row| Applied::from_row(row)?.into_migration())
            .collect()
    }
}

impl AsyncMigrate for OuterTransaction<'_, '_> {
    /// Does nothing: `migrate` has made the table, with comments and without rights for PUBLIC.
    fn assert_migrations_table_query(_migration_table_name: &str) -> String {
        String::new()
    }
}
