//! Asking the server.
//!
//! Each statement is its own transaction and is sent without a name, so that a pooler may be in between. Nothing is changed.

mod roots;

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::facts::{
    Activity, Adapter, AdapterFailure, Facts, Holder, Migrations, NotifySetting, Server, Table,
    Transaction, Unapplied,
};
use crate::connect::Database;
use crate::error::Error;
use runmeta_client::pooler::{self, Pooler};
use runmeta_migrations::Node;

/// How long a worker may take to start: Postgres starts one that was ended anew after a second.
const START: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(8);

const BEGIN: &str =
    "BEGIN READ ONLY; SET LOCAL lock_timeout = '3s'; SET LOCAL statement_timeout = '15s'";
const LOCKED: &str = include_str!("sql/locked.sql");
const INSTALLED: &str = include_str!("sql/installed.sql");
const ACTIVITY: &str = include_str!("sql/activity.sql");
const NOTIFY: &str = include_str!("sql/notify.sql");
const PROCESSES: &str = include_str!("sql/processes.sql");
const TRANSACTIONS: &str = include_str!("sql/transactions.sql");
const TABLES: &str = include_str!("sql/tables.sql");
const LARGE: &str = include_str!("sql/large.sql");
const UNAPPLIED: &str = include_str!("sql/unapplied.sql");
const ADAPTERS: &str = include_str!("sql/adapters.sql");
const ADAPTER_FAILURES: &str = include_str!("sql/adapter_failures.sql");
const GRANTS: &str = include_str!("sql/grants.sql");

/// What the role may read.
struct Rights {
    activity: Option<bool>,
    unapplied: Option<bool>,
    history: Option<bool>,
    adapters: Option<bool>,
    adapter_failures: Option<bool>,
}

/// Finds out everything that the checks look at.
///
/// # Errors
///
/// When the server cannot be reached, when the role may not read the view, and when somebody has locked a table.
pub(crate) async fn read(database: &Database) -> Result<Facts, Error> {
    let error = match timeout(PATIENCE, gather(database)).await {
        Ok(Ok(facts)) => return Ok(facts),
        Ok(Err(error)) => error,
        Err(_) => Error::new(format!(
            "the server did not answer within {} seconds",
            PATIENCE.as_secs()
        )),
    };
    Err(locked(database).await.unwrap_or(error))
}

/// Returns who has locked a table of ours against readers, if somebody has.
async fn locked(database: &Database) -> Option<Error> {
    let client = database.connect_as_it_is().await.ok()?;
    let rows = timeout(PATIENCE, rows(&client, LOCKED)).await.ok()?.ok()?;
    let row = rows.first()?;
    let (pid, table): (i32, String) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
    let age = row.try_get::<_, Option<f64>>(4).ok()?.unwrap_or(0.0);
    let (detail, end) = match (row.try_get(2).ok()?, row.try_get(3).ok()?) {
        (false, Some(holder)) => (
            format!(
                "Process {pid} waits to lock it, for process {holder}, and everybody else waits behind it."
            ),
            holder,
        ),
        _ => (
            format!("Process {pid} has locked it; its transaction began {age:.0} seconds ago."),
            pid,
        ),
    };
    Some(
        Error::new(format!("runmeta.{table} is locked"))
            .with_detail(detail)
            .with_hint(format!(
                "Wait until it is done, or run: SELECT pg_terminate_backend({end});"
            )),
    )
}

async fn gather(database: &Database) -> Result<Facts, Error> {
    let mut client = database.connect_as_it_is().await?;
    // A server may have no connection left but the first.
    let other = database.connect_as_it_is().await.ok();
    let (server, rights) = installed(&client).await?;
    if server.has_view && rights.activity != Some(true) {
        return Err(Error::new(format!("role \"{}\" may not read runmeta.activity", server.role))
            .with_detail("The view shows what runmeta does in this database, without metadata.")
            .with_hint(format!("Have an administrator or the owner run: GRANT runmeta_reader, pg_read_all_stats TO \"{}\";", server.role)));
    }
    let (activity, activity_error) = match server.has_view && server.installed.is_some() {
        false => (None, None),
        true => match activity_of(&client).await? {
            Ok(activity) => (Some(activity), None),
            Err(error) => (None, Some(error)),
        },
    };
    let works = activity.is_some();
    let nodes = match works {
        true => runmeta_migrations::nodes(&mut client).await?,
        false => Vec::new(),
    };
    let can_read_runs = works && nodes.iter().all(Node::answers);
    Ok(Facts {
        migrations: migrations(&mut client, &server, &rights).await?,
        pooler: match &other {
            Some(other) => pooler::detect(&client, other).await,
            None => Pooler::Unknown,
        },
        notify: all(works, &client, NOTIFY, notify_setting).await?,
        processes: all(true, &client, PROCESSES, |row| {
            Ok((row.try_get(0)?, row.try_get(1)?))
        })
        .await?,
        transactions: all(true, &client, TRANSACTIONS, transaction).await?,
        tables: all(true, &client, TABLES, table).await?,
        large: all(can_read_runs, &client, LARGE, |row| {
            Ok((row.try_get(0)?, row.try_get::<_, i32>(1)?.into()))
        })
        .await?,
        unapplied: all(
            works && rights.unapplied == Some(true),
            &client,
            UNAPPLIED,
            unapplied,
        )
        .await?,
        adapters: all(
            works && rights.adapters == Some(true),
            &client,
            ADAPTERS,
            adapter,
        )
        .await?,
        adapter_failures: all(
            works && rights.adapter_failures == Some(true),
            &client,
            ADAPTER_FAILURES,
            adapter_failure,
        )
        .await?,
        missing_grants: all(server.installed.is_some(), &client, GRANTS, |row| {
            Ok((row.try_get(0)?, row.try_get(1)?))
        })
        .await?,
        roots: roots::read(can_read_runs, &client).await?,
        nodes,
        server,
        activity,
        activity_error,
    })
}

/// Reads the view, which has a worker started, and waits for that worker a moment. Or returns why the library cannot be used.
async fn activity_of(client: &Client) -> Result<Result<Activity, String>, Error> {
    let asked = Instant::now();
    loop {
        let rows = match rows(client, ACTIVITY).await {
            Ok(rows) => rows,
            Err(error) => return unusable(error).map(Err),
        };
        let row = rows
            .first()
            .ok_or_else(|| Error::new("runmeta.activity has no row"))?;
        let activity = activity(row)?;
        let comes = ["stopped", "starting"].contains(&&*activity.worker)
            && activity.notify != "commit"
            && !row.try_get::<_, bool>(6)?;
        if !comes || asked.elapsed() >= START {
            return Ok(Ok(activity));
        }
        sleep(PAUSE).await;
    }
}

/// Runs a query in a transaction of its own, in which it waits for nobody for long.
async fn rows(client: &Client, sql: &str) -> Result<Vec<Row>, tokio_postgres::Error> {
    let none: [(&(dyn ToSql + Sync), Type); 0] = [];
    client.batch_execute(BEGIN).await?;
    let rows = client.query_typed(sql, &none).await;
    client.batch_execute("ROLLBACK").await?;
    rows
}

/// Returns what each row says, or nothing where the question makes no sense.
async fn all<T>(
    asked: bool,
    client: &Client,
    sql: &str,
    of: impl Fn(&Row) -> Result<T, tokio_postgres::Error>,
) -> Result<Vec<T>, Error> {
    match asked {
        false => Ok(Vec::new()),
        true => Ok(rows(client, sql)
            .await?
            .iter()
            .map(of)
            .collect::<Result<_, _>>()?),
    }
}

/// Returns what the server said of a library that it cannot use. Other errors are passed on.
fn unusable(error: tokio_postgres::Error) -> Result<String, Error> {
    match error.as_db_error() {
        // A file that is missing, a function that is missing in it, a library that does not load.
        Some(db) if ["58P01", "42883", "XX000"].contains(&db.code().code()) => {
            Ok(db.message().to_owned())
        }
        _ => Err(error.into()),
    }
}

async fn migrations(
    client: &mut Client,
    server: &Server,
    rights: &Rights,
) -> Result<Migrations, Error> {
    if server.has_tables && rights.history == Some(false) {
        return Ok(Migrations::Unreadable);
    }
    let status = runmeta_migrations::status(client).await?;
    let pending = status
        .migrations
        .iter()
        .filter(|migration| migration.applied_on.is_none());
    Ok(Migrations::Read {
        pending: pending
            .map(|migration| format!("V{}__{}", migration.version, migration.name))
            .collect(),
        newer: status.migrations.iter().any(|migration| !migration.known),
    })
}

async fn installed(client: &Client) -> Result<(Server, Rights), Error> {
    let rows = rows(client, INSTALLED).await?;
    let row = rows
        .first()
        .ok_or_else(|| Error::new("the server returned no row"))?;
    let rights = Rights {
        activity: row.try_get(6)?,
        unapplied: row.try_get(7)?,
        history: row.try_get(8)?,
        adapters: row.try_get(12)?,
        adapter_failures: row.try_get(13)?,
    };
    let server = Server {
        role: row.try_get(0)?,
        sees_sessions: row.try_get(1)?,
        standby: row.try_get(2)?,
        installed: row.try_get(3)?,
        available: row.try_get(4)?,
        has_tables: row.try_get(5)?,
        has_view: rights.activity.is_some(),
        max_worker_processes: row.try_get(9)?,
        autovacuum: row.try_get(10)?,
        track_counts: row.try_get(11)?,
    };
    Ok((server, rights))
}

fn activity(row: &Row) -> Result<Activity, tokio_postgres::Error> {
    let held: Option<String> = row.try_get(22)?;
    let vacuum_held = match held {
        None => None,
        Some(kind) => Some(Holder {
            kind,
            pid: row.try_get(23)?,
            name: row.try_get(24)?,
            transactions: row.try_get(25)?,
            age: row.try_get(26)?,
        }),
    };
    Ok(Activity {
        worker: row.try_get(0)?,
        worker_pid: row.try_get(1)?,
        worker_error: row.try_get(2)?,
        worker_error_age: row.try_get(3)?,
        library_version: row.try_get(4)?,
        preloaded: row.try_get(5)?,
        waiting_lists: row.try_get(7)?,
        waiting_runs: row.try_get(8)?,
        waiting_bytes: row.try_get(9)?,
        waiting_age: row.try_get(10)?,
        waiting_is_estimate: row.try_get(11)?,
        job_changes: row.try_get(35)?,
        job_changes_age: row.try_get(36)?,
        adapter_failures: row.try_get(37)?,
        unannounced_age: row.try_get(12)?,
        unannounced_bytes: row.try_get(13)?,
        unannounced_prepared: row.try_get(14)?,
        owes_resync: row.try_get(15)?,
        notification_queue_usage: row.try_get(16)?,
        unapplied: row.try_get(17)?,
        writers: row.try_get(18)?,
        recent_writers: row.try_get(19)?,
        runs: row.try_get(20)?,
        unfinished_runs: row.try_get(21)?,
        vacuum_held,
        run_dead_rows: row.try_get::<_, Option<i64>>(27)?.unwrap_or(0),
        run_dead_pieces: row.try_get::<_, Option<i64>>(28)?.unwrap_or(0),
        inbox_dead_rows: row.try_get::<_, Option<i64>>(29)?.unwrap_or(0),
        run_bytes: row.try_get(30)?,
        inbox_bytes: row.try_get(31)?,
        unapplied_bytes: row.try_get(32)?,
        maximum_size: row.try_get::<_, Option<i64>>(33)?.unwrap_or(i64::MAX),
        notify: row.try_get::<_, Option<String>>(34)?.unwrap_or_default(),
    })
}

fn notify_setting(row: &Row) -> Result<NotifySetting, tokio_postgres::Error> {
    Ok(NotifySetting {
        database: row.try_get(0)?,
        role: row.try_get(1)?,
        value: row.try_get(2)?,
    })
}

fn transaction(row: &Row) -> Result<Transaction, tokio_postgres::Error> {
    Ok(Transaction {
        pid: row.try_get(0)?,
        database: row.try_get::<_, Option<String>>(1)?.unwrap_or_default(),
        role: row.try_get::<_, Option<String>>(2)?.unwrap_or_default(),
        state: row.try_get::<_, Option<String>>(3)?.unwrap_or_default(),
        age: row.try_get(4)?,
    })
}

fn table(row: &Row) -> Result<Table, tokio_postgres::Error> {
    Ok(Table {
        name: row.try_get(0)?,
        autovacuum_off: row.try_get(1)?,
        live: row.try_get(2)?,
        dead: row.try_get(3)?,
        vacuum_age: row.try_get(4)?,
    })
}

fn unapplied(row: &Row) -> Result<Unapplied, tokio_postgres::Error> {
    Ok(Unapplied {
        run: row.try_get(0)?,
        writer: row.try_get(1)?,
        reason: row.try_get(2)?,
        detail: row.try_get(3)?,
        age: row.try_get(4)?,
    })
}

fn adapter(row: &Row) -> Result<Adapter, tokio_postgres::Error> {
    Ok(Adapter {
        queue: row.try_get(0)?,
        table: row.try_get(1)?,
        has_table: row.try_get(2)?,
        without_triggers: row.try_get(3)?,
        by_row: row.try_get(4)?,
        role: row.try_get(5)?,
        arguments: row.try_get(6)?,
        id: row.try_get(7)?,
        schema: row.try_get(8)?,
    })
}

fn adapter_failure(row: &Row) -> Result<AdapterFailure, tokio_postgres::Error> {
    Ok(AdapterFailure {
        adapter: row.try_get(0)?,
        role: row.try_get(1)?,
        operation: row.try_get(2)?,
        job: row.try_get(3)?,
        sqlstate: row.try_get(4)?,
        message: row.try_get(5)?,
        age: row.try_get(6)?,
    })
}
