//! Flushing: a batch of operations for many runs, applied in one set-based write.
//!
//! 1. [`batch`] reads the batch and refuses a malformed one whole.
//! 2. [`sequence`] distinguishes a batch that was seen before from the writer's next one.
//! 3. [`queue`] puts lists for parents and roots into the inbox, where they may wait.
//! 4. [`family`] finds whose documents the others address.
//! 5. [`documents`] works the runs off in slices, in the order of their ids so that no two flushes wait for each other in
//!    a circle. [`update`] takes a slice in one statement, in [one pass](crate::one_pass); or [`slice`] locks and reads it with one and stores it with another, where lists wait to be folded.
//! 6. [`replay`] keeps what had no effect, to return it again if the batch comes again.

pub mod batch;
pub mod documents;
pub mod family;
mod outcome;
pub mod queue;
pub mod replay;
pub mod sequence;
mod slice;
mod update;
