//! A pace for all workers together, so that the bar can be watched.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Hands out rows no faster than so many a second.
pub(crate) struct Pace {
    time_per_row: Option<Duration>,
    next: Mutex<Instant>,
}

impl Pace {
    /// Makes a pace; `None` lets everybody through at once.
    pub(crate) fn new(rows_per_second: Option<u32>) -> Self {
        Self {
            time_per_row: rows_per_second.map(|rows| Duration::from_secs(1) / rows.max(1)),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits until it is the turn of the caller's `rows`.
    pub(crate) async fn wait(&self, rows: u32) {
        let Some(time_per_row) = self.time_per_row else {
            return;
        };
        let turn = {
            let mut next = self.next.lock().await;
            // Time in which nobody asked is not made up for.
            let turn = (*next).max(Instant::now());
            *next = turn + time_per_row * rows;
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rows_come_at_the_pace() {
        let pace = Pace::new(Some(100));
        let start = Instant::now();
        for _ in 0..5 {
            pace.wait(25).await;
        }
        assert_eq!(start.elapsed().as_millis(), 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_pace_nobody_waits() {
        let pace = Pace::new(None);
        let start = Instant::now();
        pace.wait(1_000_000).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
