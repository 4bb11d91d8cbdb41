//! Awaiting what other sessions and the worker do.

use tokio_postgres::Client;

use super::layout::is_citus;

/// Returns the process of a session on the server.
pub async fn process(client: &Client) -> i32 {
    let row = client.query_one("SELECT pg_backend_pid()", &[]).await;
    row.unwrap().get(0)
}

/// Returns as soon as the process waits for a lock that another session holds.
pub async fn until_waiting(observer: &Client, process: i32) {
    let is_waiting = match is_citus() {
        // It waits on another node.
        true => format!(
            "SELECT EXISTS (SELECT FROM citus_lock_waits
            WHERE waiting_gpid = citus_calculate_gpid(citus_coordinator_nodeid(), {process}))
                OR pg_blocking_pids({process}) <> '{{}}'"
        ),
        false => format!("SELECT pg_blocking_pids({process}) <> '{{}}'"),
    };
    until(observer, &is_waiting).await;
}

/// Returns a query for how many sessions of a program, whose names begin like this, wait for a lock.
pub fn waiting_sessions(program: &str) -> String {
    let is_waiting = match is_citus() {
        // They wait on another node.
        true => {
            "EXISTS (SELECT FROM citus_lock_waits
            WHERE waiting_gpid = citus_calculate_gpid(citus_coordinator_nodeid(), a.pid))"
        }
        false => "a.wait_event_type = 'Lock'",
    };
    format!(
        "SELECT count(*) FROM pg_stat_activity AS a
        WHERE a.datname = current_database() AND a.application_name LIKE '{program}%' AND {is_waiting}"
    )
}

/// Returns as soon as such a session waits for a lock.
pub async fn until_one_waits(observer: &Client, program: &str) {
    until(
        observer,
        &format!("SELECT ({}) > 0", waiting_sessions(program)),
    )
    .await;
}

/// Returns as soon as the database's worker runs, which this call starts if need be. Its process is returned.
pub async fn until_worker_runs(client: &Client) -> i32 {
    until(
        client,
        "SELECT state = 'running' FROM runmeta._worker_state()",
    )
    .await;
    let row = client
        .query_one("SELECT pid FROM runmeta._worker_state()", &[])
        .await;
    row.unwrap().get(0)
}

/// Returns as soon as a query returns true.
pub async fn until(client: &Client, query: &str) {
    loop {
        let row = client.query_one(query, &[]).await.unwrap();
        if row.get::<_, Option<bool>>(0) == Some(true) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
