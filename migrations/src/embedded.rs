//! The SQL of `sql/`, part of the program.

use refinery::{Migration, Runner};

#[allow(clippy::unwrap_used, missing_docs)] // refinery's code, which reads only names fixed at build time
mod generated {
    refinery::embed_migrations!("sql");
}

/// Where refinery keeps what is applied: in our schema, out of the way of the application's own.
pub(crate) const HISTORY_TABLE: &str = "runmeta.schema_history";

/// Makes [`HISTORY_TABLE`].
pub(crate) const SCHEMA_HISTORY: &str = include_str!("../sql/schema_history.sql");

/// Makes the view and the policy that readers have beside the tables, where they are missing.
const READING: &str = include_str!("../sql/reading.sql");

/// Makes the views of reports, where they are missing, and before those of other shapes where Citus has distributed the tables.
const REPORTS: &str = concat!(
    include_str!("../sql/distributed_reading.sql"),
    "\n",
    include_str!("../sql/reports.sql")
);

/// What contracts have beside their table.
const CONTRACTS: &str = include_str!("../sql/contracts.sql");

/// Makes the view of what is going on, where it is missing.
const ACTIVITY: &str = include_str!("../sql/activity.sql");

/// Locks the table of roots, which is locked before all others.
pub(crate) const LOCK_ROOTS: &str = include_str!("../sql/lock_roots.sql");

/// Splits runs by the root of their tree.
pub(crate) const SPLIT: &str = include_str!("../sql/split.sql");

/// Makes hash partitions of the large tables, or one table again: so many as the number in it says.
pub(crate) const PARTITION: &str = include_str!("../sql/partition.sql");

/// Makes what readers have beside the table of roots, where there is one.
const LAYOUT: &str = include_str!("../sql/layout.sql");

/// Looks whether tables can be distributed over the nodes of a Citus cluster.
pub(crate) const CITUS_CHECK: &str = include_str!("../sql/citus_check.sql");

/// Distributes the tables over the nodes of a Citus cluster, in as many shards as the number in it says.
pub(crate) const CITUS: &str = include_str!("../sql/citus.sql");

/// Takes back what distributed tables have otherwise, before they come back.
pub(crate) const UNCITUS: &str = include_str!("../sql/uncitus.sql");

/// Reads the extension, the rights and the shards of each node of a Citus cluster.
pub(crate) const CITUS_STATUS: &str = include_str!("../sql/citus_status.sql");

/// What the other nodes of a Citus cluster have beside tables, with a place for [`FUNCTION_GRANTS`].
const CITUS_NODES: &str = include_str!("../sql/citus_nodes.sql");

/// Takes the split back.
pub(crate) const UNSPLIT: &str = include_str!("../sql/unsplit.sql");

/// Makes the roles and grants what they lack.
const ROLES_AND_GRANTS: &str = include_str!("../sql/roles_and_grants.sql");

/// Lets both roles call the functions.
const FUNCTION_GRANTS: &str = include_str!("../sql/function_grants.sql");

/// Citus warns of each view that it cannot have on all nodes, and Postgres notes what was to be dropped if it is there.
pub(crate) const QUIETLY: &str = "SET LOCAL client_min_messages TO error;";

const ALOUD: &str = "SET LOCAL client_min_messages TO DEFAULT;";

/// What the migrations have beside the tables, looked at each time and made where it is missing, in this order.
pub(crate) const BESIDE: [&str; 9] = [
    QUIETLY,
    LAYOUT,
    READING,
    REPORTS,
    CONTRACTS,
    ACTIVITY,
    ALOUD,
    ROLES_AND_GRANTS,
    FUNCTION_GRANTS,
];

/// Returns the script that makes what the other nodes of a Citus cluster lack, each in a transaction of its own.
pub(crate) fn citus_nodes() -> String {
    CITUS_NODES.replace("$function_grants$", FUNCTION_GRANTS.trim_end())
}

/// Returns every migration, oldest first.
pub(crate) fn migrations() -> Vec<Migration> {
    let mut migrations = generated::migrations::runner().get_migrations().clone();
    migrations.sort();
    migrations
}

/// Returns refinery's runner for `pending` migrations, which the caller has compared with the history.
pub(crate) fn runner() -> Runner {
    let mut runner = generated::migrations::runner()
        .set_grouped(true)
        .set_abort_divergent(true)
        .set_abort_missing(true);
    runner.set_migration_table_name(HISTORY_TABLE);
    runner
}
