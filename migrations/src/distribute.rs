//! Laying out the tables otherwise than the migrations do, and back.

use std::borrow::Cow;
use std::fmt;

use tokio_postgres::{Client, GenericClient};

use crate::embedded;
use crate::error::{Error, Kind};
use crate::migrate::begin;
use crate::node::{self, Node};
use crate::plan::{LOCK, Plan, SAFE_SEARCH_PATH};

/// How the tables are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// As the migrations make them: each table is one, and a run is found by its id.
    Plain,
    /// Runs are found through `runmeta.run_root`, and everything else names their roots. Partitions stay as they are.
    Split,
    /// And so many hash partitions have runs, streams and histories, by the root of the tree.
    Partitions(u16),
    /// Runs, and all that belongs to them, are distributed over the nodes of a Citus cluster, by the root of the tree, in so many
    /// shards; 0 for as many as `citus.shard_count` says.
    Citus(u16),
}

/// The layout of a database, and whether its tables agree.
#[derive(Debug, Clone)]
pub struct Distribution {
    /// The layout.
    pub layout: Layout,
    /// Runs that are not in `runmeta.run_root`: somebody has inserted them by hand, and the functions do not find them. 0 where a node
    /// of the cluster does not answer: the tables are not compared then.
    pub unregistered: i64,
    /// Rows of `runmeta.run_root` without their run: somebody has deleted it by hand, and its id is taken. 0 as above.
    pub stale: i64,
    /// Where the tables are distributed, the nodes of the cluster.
    pub nodes: Vec<Node>,
}

/// Behind it stands in the SQL how many partitions or shards there are to be.
const NUMBER: &str = "wanted CONSTANT pg_catalog.int4 := ";

/// Where the SQL of partitions has whether distributed tables stay so.
const STAYING: &str = "distributed CONSTANT pg_catalog.bool := false;";

/// In how many shards runs lie.
const SHARDS: &str = "
    SELECT pg_catalog.count(*) FROM pg_catalog.pg_dist_shard AS s
    WHERE s.logicalrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass('runmeta.run')";

/// Compares all of both tables. Citus joins what lies in different shards only after it has read both.
const COMPARE: &str = "
    WITH r AS MATERIALIZED (SELECT r.root_id, r.id, r.parent_id FROM runmeta.run AS r),
        f AS MATERIALIZED (SELECT f.root_id, f.id, f.parent_id FROM runmeta.run_root AS f)
    SELECT pg_catalog.count(*) FILTER (WHERE r.id IS NOT NULL
            AND (f.id IS NULL OR COALESCE(f.parent_id, '') OPERATOR(pg_catalog.<>) COALESCE(r.parent_id, ''))),
        pg_catalog.count(*) FILTER (WHERE r.id IS NULL)
    FROM r
    FULL JOIN f ON f.id OPERATOR(pg_catalog.=) r.id AND f.root_id OPERATOR(pg_catalog.=) r.root_id";

/// Finds out how the tables are laid out, and whether they agree. Reads both tables where the layout is split.
///
/// # Errors
///
/// When the server cannot be asked, and when the user may not read the tables.
pub async fn distribution(client: &mut Client) -> Result<Distribution, Error> {
    let transaction = client.build_transaction().read_only(true).start().await?;
    transaction.batch_execute(SAFE_SEARCH_PATH).await?;
    let layout = layout(&transaction).await?;
    let nodes = match layout {
        Layout::Citus(_) => node::read(&transaction).await?,
        _ => Vec::new(),
    };
    let (unregistered, stale) = match layout {
        Layout::Split | Layout::Partitions(_) | Layout::Citus(_)
            if nodes.iter().all(Node::answers) =>
        {
            let row = transaction.query_one(COMPARE, &[]).await?;
            (row.try_get(0)?, row.try_get(1)?)
        }
        _ => (0, 0),
    };
    Ok(Distribution {
        layout,
        unregistered,
        stale,
        nodes,
    })
}

/// Lays out the tables, in one transaction. It waits until no transaction uses the table of runs, and all others wait until it is
/// done. What is there already is left, and made to agree: so it also mends what somebody has inserted or deleted by hand. Returns
/// the layout that they have then.
///
/// On a Citus cluster, each of the other nodes gets the extension, the roles and their rights before, in a transaction of its own.
///
/// # Errors
///
/// When a migration is missing, when two runs have one id, when the user lacks a right, and whatever else the server refuses.
/// The database is then as it was before.
pub async fn distribute(client: &mut Client, to: Layout) -> Result<Layout, Error> {
    let transaction = begin(client).await?;
    if !Plan::make(&transaction).await?.is_up_to_date() {
        return Err(Error::new(Kind::NotMigrated));
    }
    for step in to.steps() {
        transaction.batch_execute(&step).await?;
    }
    let layout = layout(&transaction).await?;
    transaction.commit().await?;
    Ok(layout)
}

/// Returns true if the tables lie on the nodes of a Citus cluster.
pub(crate) async fn is_distributed(client: &impl GenericClient) -> Result<bool, Error> {
    Ok(matches!(layout(client).await?, Layout::Citus(_)))
}

async fn layout(client: &impl GenericClient) -> Result<Layout, Error> {
    let query = "
        SELECT pg_catalog.to_regclass('runmeta.run_root') IS NOT NULL,
            (SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits AS i
            WHERE i.inhparent OPERATOR(pg_catalog.=) pg_catalog.to_regclass('runmeta.run')::pg_catalog.oid),
            pg_catalog.to_regclass('pg_catalog.pg_dist_shard') IS NOT NULL";
    let row = client.query_one(query, &[]).await?;
    let (is_split, partitions, has_citus): (bool, i64, bool) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let shards = match has_citus {
        true => client.query_one(SHARDS, &[]).await?.try_get(0)?,
        false => 0,
    };
    let number = |count: i64| u16::try_from(count).unwrap_or(u16::MAX);
    Ok(match (is_split, number(partitions), number(shards)) {
        (false, _, _) => Layout::Plain,
        (true, _, shards @ 1..) => Layout::Citus(shards),
        (true, 0, _) => Layout::Split,
        (true, partitions, _) => Layout::Partitions(partitions),
    })
}

impl Layout {
    /// Returns the scripts that are run one after the other.
    fn steps(self) -> Vec<Cow<'static, str>> {
        let with_number = |script: &str, number: u16| {
            script.replace(&format!("{NUMBER}0;"), &format!("{NUMBER}{number};"))
        };
        let partition = |number| Cow::from(with_number(embedded::PARTITION, number));
        let mut steps = vec![Cow::from(embedded::QUIETLY)];
        steps.extend(match self {
            Self::Plain => vec![
                embedded::LOCK_ROOTS.into(),
                embedded::UNCITUS.into(),
                partition(0),
                embedded::UNSPLIT.into(),
            ],
            // Also mends what is partitioned or distributed, which it leaves so.
            Self::Split => vec![embedded::LOCK_ROOTS.into(), embedded::SPLIT.into()],
            Self::Partitions(number) => vec![
                embedded::LOCK_ROOTS.into(),
                embedded::UNCITUS.into(),
                embedded::SPLIT.into(),
                partition(number),
            ],
            Self::Citus(number) => vec![
                embedded::CITUS_CHECK.into(),
                embedded::citus_nodes().into(),
                embedded::LOCK_ROOTS.into(),
                embedded::SPLIT.into(),
                partition(0)
                    .replace(STAYING, &STAYING.replace("false", "true"))
                    .into(),
                with_number(embedded::CITUS, number).into(),
            ],
        });
        // Those steps have dropped some of it.
        steps.extend(embedded::BESIDE.map(Cow::from));
        steps
    }

    /// Returns a script that `psql -v ON_ERROR_STOP=1` runs with the effect of [`distribute`].
    pub fn script(self) -> String {
        let steps = self.steps();
        let steps: Vec<&str> = steps.iter().map(|step| step.trim_end()).collect();
        format!(
            "BEGIN;\n{SAFE_SEARCH_PATH}\n{LOCK}\n\n{}\n\nCOMMIT;",
            steps.join("\n\n")
        )
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => formatter.write_str("plain: runs are found by their ids"),
            Self::Split => formatter.write_str("split: runs are found through runmeta.run_root"),
            Self::Citus(0) => formatter.write_str("distributed over the nodes of a Citus cluster"),
            Self::Citus(number) => write!(
                formatter,
                "distributed over the nodes of a Citus cluster, in {number} shard{}",
                if *number == 1 { "" } else { "s" }
            ),
            Self::Partitions(1) => formatter.write_str("split, in 1 partition"),
            Self::Partitions(number) => write!(formatter, "split, in {number} partitions"),
        }
    }
}

impl Distribution {
    /// Returns true if both tables have the same runs, and all nodes the same extension and rights.
    pub fn is_consistent(&self) -> bool {
        self.unregistered == 0 && self.stale == 0 && self.nodes.iter().all(Node::is_consistent)
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "layout  {}", self.layout)?;
        for node in &self.nodes {
            write!(formatter, "\n{node}")?;
        }
        if !self.nodes.iter().all(Node::answers) {
            formatter.write_str("\nruns were not compared with runmeta.run_root")?;
        }
        if self.unregistered > 0 || self.stale > 0 {
            write!(
                formatter,
                "\nruns that are not in runmeta.run_root: {}\nrows of runmeta.run_root without a run: {}",
                self.unregistered, self.stale
            )?;
        }
        Ok(())
    }
}
