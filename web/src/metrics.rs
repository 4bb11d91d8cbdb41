//! Counters for Prometheus.

/// What is counted.
#[derive(Default)]
pub(crate) struct Metrics {}
