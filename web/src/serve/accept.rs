//! The loop that takes connections.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection::carry;
use crate::Gateway;

/// After an error such as too many open files, which the next attempt would meet at once.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until the gateway stops, and then waits for those that are open: each watches for the stop itself.
pub(super) async fn connections(listener: TcpListener, gateway: &Gateway, router: Router) {
    let limits = gateway.limits();
    let stopping = gateway.stopping();
    let places = Arc::new(Semaphore::new(
        limits.connections.min(Semaphore::MAX_PERMITS),
    ));
    let mut open = JoinSet::new();
    loop {
        let accepting = async {
            // Past the limit, new ones wait in the queue of the system until others end or time out.
            let place = places.clone().acquire_owned().await.ok()?;
            Some((listener.accept().await, place))
        };
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = accepting => accepted,
            Some(_) = open.join_next() => continue,
        };
        match accepted {
            Some((Ok((stream, _)), place)) => {
                let carried = carry(stream, gateway.clone(), router.clone());
                open.spawn(async move {
                    carried.await;
                    drop(place);
                });
            }
            Some((Err(error), _)) => {
                tracing::warn!(error = %error, "a connection could not be taken");
                sleep(PAUSE).await;
            }
            None => break,
        }
    }
    drop(listener);
    let ended = async { while open.join_next().await.is_some() {} };
    if timeout(limits.stop_timeout, ended).await.is_err() {
        tracing::warn!("requests that are still under way are cut off");
    }
}
