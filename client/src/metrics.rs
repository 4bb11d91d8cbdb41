//! Counting what the client does.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Figures of one client, read with [`Client::metrics`](crate::Client::metrics). Counters begin at 0 when it connects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Operations that wait, after shortening. Not those under way.
    pub buffered_operations: usize,
    /// Bytes of memory reserved for operations and chunks that wait or are under way, and for batches kept back. Stays under the
    /// [bound](crate::Builder::buffer_bytes).
    pub buffered_bytes: usize,
    /// Batches that the server answered.
    pub flushes: u64,
    /// Operations in them, after shortening.
    pub flushed_operations: u64,
    /// Bytes of JSON in them.
    pub flushed_bytes: u64,
    /// Attempts that failed and were followed by another, of batches and of calls.
    pub retries: u64,
    /// Connections that were made.
    pub connections: u64,
    /// Operations that had no effect.
    pub unapplied: u64,
    /// Batches that the server had acknowledged and no longer knew, and that were not kept back long enough to be sent
    /// again: a standby was promoted that lagged far behind, or somebody removed this writer from `runmeta.writer`.
    pub lost_batches: u64,
    /// The last error, also if it was mended since.
    pub last_error: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) waiting: AtomicUsize,
    pub(crate) text_bytes: AtomicUsize,
    flushes: AtomicU64,
    flushed_operations: AtomicU64,
    flushed_bytes: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) connections: Arc<AtomicU64>,
    pub(crate) unapplied: AtomicU64,
    pub(crate) lost_batches: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl Meter {
    /// Counts a batch that was answered.
    pub(crate) fn flushed(&self, operations: usize, bytes: usize) {
        self.flushes.fetch_add(1, Relaxed);
        self.flushed_operations
            .fetch_add(operations as u64, Relaxed);
        self.flushed_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn note_error(&self, error: &crate::Error) {
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    /// Returns the figures; the permits hold so many bytes.
    pub(crate) fn read(&self, held_bytes: usize) -> Metrics {
        Metrics {
            buffered_operations: self.waiting.load(Relaxed),
            buffered_bytes: held_bytes + self.text_bytes.load(Relaxed),
            flushes: self.flushes.load(Relaxed),
            flushed_operations: self.flushed_operations.load(Relaxed),
            flushed_bytes: self.flushed_bytes.load(Relaxed),
            retries: self.retries.load(Relaxed),
            connections: self.connections.load(Relaxed),
            unapplied: self.unapplied.load(Relaxed),
            lost_batches: self.lost_batches.load(Relaxed),
            last_error: self
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }
}
