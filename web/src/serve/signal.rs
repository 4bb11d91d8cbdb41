//! Signals of the process.

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::{Error, Gateway};

/// Follows signals: SIGTERM and SIGINT stop the gateway, SIGHUP has the keys read again.
///
/// # Errors
///
/// The system gives none.
pub(super) fn follow(gateway: Gateway) -> Result<JoinHandle<()>, Error> {
    let caused = |error| Error::caused("signals cannot be received", error);
    let mut end = signal(SignalKind::terminate()).map_err(caused)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(caused)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(caused)?;
    Ok(tokio::spawn(async move {
        let mut trial = tokio::spawn(async {});
        loop {
            tokio::select! {
                _ = end.recv() => gateway.stopping().cancel(),
                _ = interrupt.recv() => gateway.stopping().cancel(),
                _ = hang_up.recv() => match gateway.reload_keys() {
                    Ok(()) => {
                        tracing::info!("the keys were read again");
                        // The trial before may still wait for the database.
                        trial.abort();
                        let gateway = gateway.clone();
                        trial = tokio::spawn(async move { drop(gateway.try_keys().await) });
                    }
                    Err(error) => tracing::error!(error = %error, "the keys stay as they were"),
                },
            }
        }
    }))
}
