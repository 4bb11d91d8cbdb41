//! The memory of a backend while something runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio_postgres::Client;

/// Watches the private memory of a session's backend.
pub struct Peak {
    process: i32,
    before: u64,
    stop: Arc<AtomicBool>,
    watcher: JoinHandle<u64>,
}

impl Peak {
    /// Begins to watch the backend of this session, as it is now.
    pub async fn watch(client: &Client) -> Self {
        let row = client.query_one("SELECT pg_backend_pid()", &[]);
        let process: i32 = row.await.unwrap().get(0);
        let before = private_memory(process).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        // Samples, because what the kernel keeps of the peak counts shared memory too.
        let watcher = thread::spawn(move || {
            let mut most = before;
            while !stopped.load(Ordering::Relaxed) {
                most = most.max(private_memory(process).unwrap_or(0));
                thread::sleep(Duration::from_millis(2));
            }
            most
        });
        Peak {
            process,
            before,
            stop,
            watcher,
        }
    }

    /// Returns the megabytes that the backend had more at the most, and those that it has more now.
    pub fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        let most = self.watcher.join().unwrap();
        let now = private_memory(self.process).unwrap();
        let more = |kilobytes: u64| kilobytes.saturating_sub(self.before) / 1024;
        (more(most), more(now))
    }
}

/// Returns the kilobytes of a process that no other process shares.
fn private_memory(process: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
