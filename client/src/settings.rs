//! What can be set, and the defaults.

use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// At most one flush in this time, but for batches that are full and calls of `flush`.
    pub(crate) interval: Duration,
    /// Operations in one batch.
    pub(crate) batch_operations: usize,
    /// All memory for operations: those that wait, those under way, and the batches kept back.
    pub(crate) buffer_bytes: usize,
    /// Pause before the first retry. It doubles from there.
    pub(crate) first_pause: Duration,
    /// Longest pause between retries.
    pub(crate) longest_pause: Duration,
    /// How long a statement may take before it is cancelled and its connection closed. The builder sets it to
    /// [`statement_timeout`], unless the caller does.
    pub(crate) statement_timeout: Duration,
    /// How long a batch of a caller may take, if that is less.
    pub(crate) send_timeout: Duration,
    /// How many questions of callers may be under way at once, and how many batches of theirs.
    pub(crate) calls_at_once: usize,
    /// How long `start`, `run`, `finish` and `refresh` go on trying.
    pub(crate) call_timeout: Duration,
    /// So many runs that somebody flushes are gathered while a batch is under way. Few are not worth it: what is recorded on
    /// them meanwhile would wait for another batch.
    pub(crate) look_ahead: usize,
    /// How long leaving a scope waits for its flush.
    pub(crate) scope_timeout: Duration,
    /// Documents are never read nor kept.
    pub(crate) write_only: bool,
    /// How often watches ask what has changed, where nothing is announced to them.
    pub(crate) poll_interval: Duration,
}

/// Returns how long a statement may take by default, where this many hosts are named.
///
/// A server that is frozen but whose host still answers is left after this time, twice 3 s for cancelling, and the connection
/// timeout of 10 s if the server is tried again before the next host: 26 s with several hosts. With one host there is no other
/// to go to, and a longer time lets large batches of a slow server finish.
pub(crate) fn statement_timeout(hosts: usize) -> Duration {
    Duration::from_secs(if hosts > 1 { 10 } else { 60 })
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            interval: Duration::from_millis(250),
            batch_operations: 10_000,
            buffer_bytes: 32 * 1024 * 1024,
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(10),
            statement_timeout: statement_timeout(1),
            send_timeout: Duration::MAX,
            calls_at_once: 4,
            call_timeout: Duration::from_secs(30),
            look_ahead: 100,
            scope_timeout: Duration::from_secs(5),
            write_only: false,
            poll_interval: Duration::from_secs(1),
        }
    }
}

impl Settings {
    /// Returns how long a batch waits for a lock at most. A transaction that holds a run's row delays all other runs that
    /// long.
    pub(crate) fn lock_timeout(&self) -> Duration {
        LOCK_TIMEOUT.min(self.statement_timeout / 2)
    }

    /// Returns how much the operations that wait or are under way may weigh.
    ///
    /// Half of the whole. A quarter is for the text of the batch under way, of which there are two while it is sent; an
    /// eighth for the batches kept back; an eighth is left for the maps and lists that hold all of it.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.buffer_bytes / 2
    }

    /// Returns how much the operations of one batch may weigh.
    pub(crate) fn batch_bytes(&self) -> usize {
        (self.buffer_bytes / 8).min(MAXIMUM_BATCH_BYTES)
    }

    /// Returns how much the batches kept back may weigh.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.buffer_bytes / 8
    }
}

/// A guess: longer than the locks of other batches last, and short enough for a bar that stands still.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// A batch that takes longer than a moment holds its row locks that long. A guess: a tenth of a second's work.
const MAXIMUM_BATCH_BYTES: usize = 4 * 1024 * 1024;
