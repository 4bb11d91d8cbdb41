//! Ending the work early and cleanly: by Ctrl-C, or because one worker failed.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Asks everyone who holds the [`Stopping`] to stop.
pub(crate) struct Stop(watch::Sender<bool>);

/// Tells whether to stop.
#[derive(Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

/// Makes the two ends.
pub(crate) fn stop() -> (Stop, Stopping) {
    let (sender, receiver) = watch::channel(false);
    (Stop(sender), Stopping(receiver))
}

impl Stop {
    /// Asks to stop.
    pub(crate) fn ask(&self) {
        let _ = self.0.send(true);
    }
}

impl Stopping {
    /// Tells whether somebody has asked to stop.
    pub(crate) fn asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until somebody asks to stop.
    pub(crate) async fn wait(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for Ctrl-C, or for `kill`.
pub(crate) async fn signalled() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
