//! Awaiting that a session waits for a lock.

use tokio_postgres::Client;

/// Returns the process of a session on the server.
pub async fn process(client: &Client) -> i32 {
    let row = client.query_one("SELECT pg_backend_pid()", &[]).await;
    row.unwrap().get(0)
}

/// Returns as soon as the process waits for a lock that another session holds.
pub async fn until_waiting(observer: &Client, process: i32) {
    let waiting = format!(
        "DO $$ BEGIN
            WHILE pg_blocking_pids({process}) = '{{}}' LOOP
                PERFORM pg_sleep(0.005);
            END LOOP;
        END $$"
    );
    observer.batch_execute(&waiting).await.unwrap();
}
