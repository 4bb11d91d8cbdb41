//! Whoever watches: a connection that takes every notification, on a thread of its own.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;

use tokio::runtime::Builder;
use tokio_postgres::{AsyncMessage, Config, NoTls};

use crate::Result;

/// Ours is `runmeta`, theirs is `job`.
const LISTEN: &str = "LISTEN runmeta; LISTEN job";

/// Counts the notifications. It ends with the database.
pub struct Listener {
    count: Arc<AtomicU64>,
}

impl Listener {
    /// Listens on both channels from now on.
    pub fn open(config: &Config) -> Result<Listener> {
        let count = Arc::new(AtomicU64::new(0));
        let (config, counter) = (config.clone(), Arc::clone(&count));
        let (ready, is_ready) = mpsc::channel();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let listening = runtime.block_on(listen(&config, counter));
            runtime.block_on(async {
                // The client is held: with it the connection would end.
                let _client = match listening {
                    Ok(client) => {
                        ready.send(Ok(())).ok();
                        client
                    }
                    Err(error) => return ready.send(Err(error.to_string())).unwrap_or(()),
                };
                pending().await
            });
            std::io::Result::Ok(())
        });
        is_ready.recv()??;
        Ok(Listener { count })
    }

    /// Returns how many notifications have come.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }
}

async fn listen(config: &Config, count: Arc<AtomicU64>) -> Result<tokio_postgres::Client> {
    let (client, mut connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(_) = message {
                count.fetch_add(1, Relaxed);
            }
        }
    });
    client.batch_execute(LISTEN).await?;
    Ok(client)
}
