//! Flushing: a batch of operations for many runs, applied in one set-based write.
//!
//! 1. [`batch`] reads the batch and refuses a malformed one whole.
//! 2. [`sequence`] tells a batch that was seen before from the writer's next one.
//! 3. [`family`] finds whose documents are addressed.
//! 4. [`documents`] locks them, in the order of (root_id, id) so that no two flushes wait for each other in a
//!    circle, applies each list, and stores what changed in one statement.
//! 5. [`replay`] keeps what had no effect, to tell it again if the batch comes again.

pub mod batch;
pub mod documents;
pub mod family;
pub mod replay;
pub mod sequence;
