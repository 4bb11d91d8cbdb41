//! Listening on other servers too: where Citus has distributed the runs, each node announces what its own sessions change.
//!
//! The notices of all come through one channel. While a server cannot be listened to, what its sessions change is not known, so
//! that everything is read again after each pause, as where nobody listens, and once more when it can.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::connect::{NOTICES, Purpose, Source};
use super::listen::LISTEN;
use crate::Error;
use crate::settings::Settings;
use crate::watch::notice::Notice;

/// A server that was lost is tried again after so long, or sooner where watches would poll more often. A guess.
const PAUSE: Duration = Duration::from_secs(1);

/// Other servers.
pub(crate) struct Elsewhere {
    sources: Vec<Arc<Source>>,
    pause: Duration,
    limit: Duration,
}

impl Elsewhere {
    pub(crate) fn new(sources: Vec<Source>, settings: &Settings) -> Elsewhere {
        Elsewhere {
            sources: sources.into_iter().map(Arc::new).collect(),
            pause: settings.poll_interval.min(PAUSE),
            limit: settings.statement_timeout,
        }
    }

    /// Joins what is announced here with what is announced on the other servers, and ends when the former does. Counts the
    /// connections it makes in `made`.
    pub(super) fn join(
        &self,
        mut here: mpsc::Receiver<Notice>,
        made: &Arc<AtomicU64>,
    ) -> mpsc::Receiver<Notice> {
        if self.sources.is_empty() {
            return here;
        }
        let (sender, joined) = mpsc::channel(NOTICES);
        let (open, ended) = watch::channel(());
        for source in &self.sources {
            let there = There {
                source: source.clone(),
                pause: self.pause,
                limit: self.limit,
                made: made.clone(),
            };
            tokio::spawn(there.follow(sender.clone(), ended.clone()));
        }
        tokio::spawn(async move {
            let _open = open;
            while let Some(notice) = here.recv().await {
                if sender.send(notice).await.is_err() {
                    return;
                }
            }
        });
        joined
    }
}

/// Another server.
struct There {
    source: Arc<Source>,
    pause: Duration,
    limit: Duration,
    made: Arc<AtomicU64>,
}

impl There {
    /// Hands over what it announces, until nobody takes that or `ended` is closed.
    async fn follow(self, sender: mpsc::Sender<Notice>, mut ended: watch::Receiver<()>) {
        tokio::select! {
            () = self.hand_over(&sender) => {}
            _ = ended.changed() => {}
            () = sender.closed() => {}
        }
        if let Some(own) = self.source.as_own() {
            own.unlisten();
        }
    }

    async fn hand_over(&self, sender: &mpsc::Sender<Notice>) {
        loop {
            match self.listen().await {
                Ok(mut notices) => {
                    if sender.send(Notice::resync()).await.is_err() {
                        return;
                    }
                    while let Some(notice) = notices.recv().await {
                        if sender.send(notice).await.is_err() {
                            return;
                        }
                    }
                    tracing::debug!("another server is no longer listened to");
                }
                Err(error) => tracing::debug!("another server cannot be listened to: {error}"),
            }
            if sender.send(Notice::resync()).await.is_err() {
                return;
            }
            sleep(self.pause).await;
        }
    }

    async fn listen(&self) -> Result<mpsc::Receiver<Notice>, Error> {
        let lease = self.source.lease(Purpose::Watches, self.limit, &self.made);
        let mut lease = lease.await?;
        match timeout(self.limit, lease.query((LISTEN, &[]))).await {
            Ok(answer) => answer.map(drop)?,
            Err(_) => return Err(Error::statement_timed_out()),
        }
        lease.take_notices()
    }
}
