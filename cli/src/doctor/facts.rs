//! What the checks look at, as the server told it.

use runmeta_client::pooler::Pooler;
use runmeta_migrations::Node;

/// Everything that was found out.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) server: Server,
    /// Nothing where the extension or the view is missing, or where the library cannot be used.
    pub(crate) activity: Option<Activity>,
    /// Why the view could not be read, though it is there.
    pub(crate) activity_error: Option<String>,
    pub(crate) migrations: Migrations,
    pub(crate) pooler: Pooler,
    /// Where `runmeta.notify` is set.
    pub(crate) notify: Vec<NotifySetting>,
    /// What uses background workers, and how many.
    pub(crate) processes: Vec<(String, i64)>,
    /// Those of all databases that are open the longest.
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) tables: Vec<Table>,
    /// Unfinished runs with the largest documents, and what these have in bytes at the most.
    pub(crate) large: Vec<(String, i64)>,
    /// The newest operations that could not be applied.
    pub(crate) unapplied: Vec<Unapplied>,
    /// Queues that are adapted.
    pub(crate) adapters: Vec<Adapter>,
    /// The last failure of each adapter, as far as the role may see them.
    pub(crate) adapter_failures: Vec<AdapterFailure>,
    /// Rights that a role should have and does not.
    pub(crate) missing_grants: Vec<(String, String)>,
    /// Where runs lie in parts, those that are not in the table of roots, and rows of that without a run.
    pub(crate) roots: Option<(i64, i64)>,
    /// Where the tables are distributed, the nodes of the cluster.
    pub(crate) nodes: Vec<Node>,
}

/// The server and the role that asks.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) role: String,
    /// The role sees what other roles do.
    pub(crate) sees_sessions: bool,
    pub(crate) standby: bool,
    /// Version of the extension in the database.
    pub(crate) installed: Option<String>,
    /// Version of the extension's files on the server's machine.
    pub(crate) available: Option<String>,
    pub(crate) has_tables: bool,
    pub(crate) has_view: bool,
    pub(crate) max_worker_processes: i32,
    pub(crate) autovacuum: bool,
    pub(crate) track_counts: bool,
}

/// The row of the view `runmeta.activity`. Times are in seconds from then to now.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    pub(crate) worker: String,
    pub(crate) worker_pid: Option<i32>,
    pub(crate) worker_error: Option<String>,
    pub(crate) worker_error_age: Option<f64>,
    pub(crate) library_version: String,
    pub(crate) preloaded: bool,
    pub(crate) waiting_lists: i64,
    pub(crate) waiting_runs: i64,
    pub(crate) waiting_bytes: i64,
    pub(crate) waiting_age: Option<f64>,
    pub(crate) waiting_is_estimate: bool,
    pub(crate) job_changes: i64,
    pub(crate) job_changes_age: Option<f64>,
    pub(crate) adapter_failures: i64,
    pub(crate) unannounced_age: Option<f64>,
    pub(crate) unannounced_bytes: i64,
    pub(crate) unannounced_prepared: i64,
    pub(crate) owes_resync: bool,
    pub(crate) notification_queue_usage: f64,
    pub(crate) unapplied: i64,
    pub(crate) writers: i64,
    pub(crate) recent_writers: i64,
    pub(crate) runs: i64,
    pub(crate) unfinished_runs: i64,
    pub(crate) vacuum_held: Option<Holder>,
    pub(crate) run_dead_rows: i64,
    pub(crate) run_dead_pieces: i64,
    pub(crate) inbox_dead_rows: i64,
    pub(crate) run_bytes: i64,
    pub(crate) inbox_bytes: i64,
    pub(crate) unapplied_bytes: i64,
    pub(crate) maximum_size: i64,
    /// `runmeta.notify` in the session that asks.
    pub(crate) notify: String,
}

/// What keeps vacuum from the oldest dead rows.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    /// `session`, `standby`, `prepared transaction` or `replication slot`.
    pub(crate) kind: String,
    pub(crate) pid: Option<i32>,
    pub(crate) name: Option<String>,
    /// Transactions that began since.
    pub(crate) transactions: i64,
    pub(crate) age: Option<f64>,
}

/// How the tables compare with what this program knows.
#[derive(Clone, Debug)]
pub(crate) enum Migrations {
    /// The role may not read the history.
    Unreadable,
    /// Names of those that are not applied, and whether the database has some that this program does not know.
    Read { pending: Vec<String>, newer: bool },
}

/// A place where `runmeta.notify` is set.
#[derive(Clone, Debug)]
pub(crate) struct NotifySetting {
    pub(crate) database: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) value: String,
}

/// A transaction of some database.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) pid: i32,
    pub(crate) database: String,
    pub(crate) role: String,
    pub(crate) state: String,
    pub(crate) age: f64,
}

/// How vacuum does on a table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) autovacuum_off: bool,
    pub(crate) live: i64,
    pub(crate) dead: i64,
    pub(crate) vacuum_age: Option<f64>,
}

/// An operation that could not be applied.
#[derive(Clone, Debug)]
pub(crate) struct Unapplied {
    pub(crate) run: String,
    pub(crate) writer: Option<String>,
    pub(crate) reason: String,
    pub(crate) detail: Option<String>,
    pub(crate) age: f64,
}

/// A queue that is adapted.
#[derive(Clone, Debug)]
pub(crate) struct Adapter {
    pub(crate) id: i32,
    /// Its kind and its table, and the schema of that.
    pub(crate) queue: String,
    pub(crate) table: String,
    pub(crate) schema: String,
    /// What `runmeta adapt` is called with to find it.
    pub(crate) arguments: String,
    pub(crate) has_table: bool,
    /// Tables of jobs without triggers, or with some that are disabled.
    pub(crate) without_triggers: i64,
    /// Partitions that are followed row by row.
    pub(crate) by_row: i64,
    /// A role that may change jobs and may not record what happens to them.
    pub(crate) role: Option<String>,
}

/// What an adapter could not record or have a run follow.
#[derive(Clone, Debug)]
pub(crate) struct AdapterFailure {
    /// Number of the adapter.
    pub(crate) adapter: i32,
    /// The role that changed the job.
    pub(crate) role: String,
    pub(crate) operation: String,
    pub(crate) job: Option<String>,
    pub(crate) sqlstate: String,
    pub(crate) message: String,
    pub(crate) age: f64,
}

#[cfg(test)]
impl Facts {
    /// A database in which all is well, for checks to change.
    pub(crate) fn healthy() -> Self {
        Self {
            server: Server {
                role: "monitor".to_owned(),
                sees_sessions: true,
                standby: false,
                installed: Some(env!("CARGO_PKG_VERSION").to_owned()),
                available: Some(env!("CARGO_PKG_VERSION").to_owned()),
                has_tables: true,
                has_view: true,
                max_worker_processes: 8,
                autovacuum: true,
                track_counts: true,
            },
            activity: Some(Activity::healthy()),
            activity_error: None,
            migrations: Migrations::Read {
                pending: Vec::new(),
                newer: false,
            },
            pooler: Pooler::None,
            notify: Vec::new(),
            processes: vec![("runmeta worker".to_owned(), 1)],
            transactions: Vec::new(),
            tables: Vec::new(),
            large: Vec::new(),
            unapplied: Vec::new(),
            adapters: Vec::new(),
            adapter_failures: Vec::new(),
            missing_grants: Vec::new(),
            roots: None,
            nodes: Vec::new(),
        }
    }

    /// Changes what the view returned.
    pub(crate) fn with(change: impl FnOnce(&mut Activity)) -> Self {
        let mut facts = Self::healthy();
        change(facts.activity.as_mut().unwrap());
        facts
    }
}

#[cfg(test)]
impl Activity {
    fn healthy() -> Self {
        Self {
            worker: "running".to_owned(),
            worker_pid: Some(4711),
            worker_error: None,
            worker_error_age: None,
            library_version: env!("CARGO_PKG_VERSION").to_owned(),
            preloaded: true,
            waiting_lists: 0,
            waiting_runs: 0,
            waiting_bytes: 0,
            waiting_age: None,
            waiting_is_estimate: false,
            job_changes: 0,
            job_changes_age: None,
            adapter_failures: 0,
            unannounced_age: None,
            unannounced_bytes: 0,
            unannounced_prepared: 0,
            owes_resync: false,
            notification_queue_usage: 0.0,
            unapplied: 0,
            writers: 0,
            recent_writers: 0,
            runs: 0,
            unfinished_runs: 0,
            vacuum_held: None,
            run_dead_rows: 0,
            run_dead_pieces: 0,
            inbox_dead_rows: 0,
            run_bytes: 65_536,
            inbox_bytes: 16_384,
            unapplied_bytes: 16_384,
            maximum_size: 262_144,
            notify: "worker".to_owned(),
        }
    }
}

#[cfg(test)]
impl Adapter {
    /// One of pg-boss with which all is well.
    pub(crate) fn healthy() -> Self {
        Self {
            id: 1,
            queue: "pg-boss".to_owned(),
            table: "pgboss.job".to_owned(),
            schema: "pgboss".to_owned(),
            arguments: "pg-boss --schema pgboss".to_owned(),
            has_table: true,
            without_triggers: 0,
            by_row: 0,
            role: None,
        }
    }
}
