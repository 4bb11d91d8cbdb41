//! How many readers follow the same runs.

/// What event streams share.
#[derive(Default)]
pub(crate) struct Rooms {}
