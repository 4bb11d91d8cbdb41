//! The nodes of a Citus cluster over which the tables are distributed.

use std::fmt;

use tokio_postgres::{Client, GenericClient, Row};

use crate::distribute::is_distributed;
use crate::embedded;
use crate::error::Error;
use crate::plan::SAFE_SEARCH_PATH;
use crate::version::Version;

/// A node, beside what the coordinator has.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name and port, as Citus has them.
    pub name: String,
    /// Why it cannot be asked.
    pub error: Option<String>,
    /// The version of the extension in its database.
    pub extension: Option<Version>,
    /// How many shards of each table it has, as `run 4, writer 4`.
    pub shards: String,
    /// How many functions a role may call, and members a role has, on the coordinator and not here.
    pub missing_rights: i64,
    /// And the other way round.
    pub excess_rights: i64,
    /// Whether that is the version of the coordinator.
    pub has_same_version: bool,
}

/// Returns the nodes over which the tables are distributed, the coordinator too, and none where they are not.
///
/// # Errors
///
/// When the server cannot be asked.
pub async fn nodes(client: &mut Client) -> Result<Vec<Node>, Error> {
    let transaction = client.build_transaction().read_only(true).start().await?;
    transaction.batch_execute(SAFE_SEARCH_PATH).await?;
    match is_distributed(&transaction).await? {
        true => read(&transaction).await,
        false => Ok(Vec::new()),
    }
}

/// Reads what all nodes have.
pub(crate) async fn read(client: &impl GenericClient) -> Result<Vec<Node>, Error> {
    let rows = client.query(embedded::CITUS_STATUS, &[]).await?;
    rows.iter().map(Node::from_row).collect()
}

impl Node {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            name: row.try_get(0)?,
            error: row.try_get(1)?,
            extension: row.try_get::<_, Option<String>>(2)?.map(Version::new),
            shards: row.try_get::<_, Option<String>>(3)?.unwrap_or_default(),
            missing_rights: row.try_get(4)?,
            excess_rights: row.try_get(5)?,
            has_same_version: row.try_get::<_, Option<bool>>(6)?.unwrap_or(false),
        })
    }

    /// Returns true if it can be asked.
    pub fn answers(&self) -> bool {
        self.error.is_none()
    }

    /// Returns true if it has the extension and the rights of the coordinator.
    pub fn is_consistent(&self) -> bool {
        self.answers()
            && self.has_same_version
            && self.missing_rights == 0
            && self.excess_rights == 0
    }
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "node    {}", self.name)?;
        if let Some(error) = &self.error {
            return write!(formatter, "\n        cannot be asked: {error}");
        }
        match &self.extension {
            Some(version) => write!(formatter, "\n        extension {version}")?,
            None => formatter.write_str("\n        extension missing")?,
        }
        if !self.has_same_version {
            formatter.write_str(", not that of the coordinator")?;
        }
        write!(formatter, "\n        shards {}", self.shards)?;
        for (number, what) in [
            (self.missing_rights, "missing"),
            (self.excess_rights, "that the coordinator does not have"),
        ] {
            if number > 0 {
                write!(formatter, "\n        rights {what}: {number}")?;
            }
        }
        Ok(())
    }
}
