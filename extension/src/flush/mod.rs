//! Flushing: a batch for many runs takes effect in set-based writes.
//!
//! 1. [`batch`] reads the batch and refuses a malformed one whole; [`change`] reads its starts, statuses and finishes.
//! 2. [`sequence`] distinguishes a batch that was seen before from the writer's next one.
//! 3. [`write`](write::write) takes one of two ways.
//! 4. [`stream`] appends to streams and closes them, when the runs are written.
//! 5. [`replay`] keeps what had no effect, to return it again if the batch comes again.
//!
//! [`contract`] tries again without what a contract refuses.
//!
//! A batch of lists alone:
//!
//! 1. [`queue`] puts lists for parents and roots into the inbox, where they may wait.
//! 2. [`family`] finds which runs the others address.
//! 3. [`documents`] works the runs off in slices, in the order of their ids so that no two flushes wait for each other in
//!    a circle. [`update`] takes a slice in one statement, in [one pass](crate::one_pass); or [`slice`] locks and reads it with one and stores it with another, where lists wait to be folded.
//!    Where Citus has distributed the tables, [`in_shard`] has each shard's server do all of it, so that no document leaves that.
//!
//! One that also starts, sets statuses or finishes:
//!
//! 1. [`start`] inserts runs that do not exist, in the places that [`placement`] finds. All insertions come before all locks.
//! 2. [`queue`] decides which lists wait, and [`family`] finds which runs are addressed.
//! 3. [`states`] locks the runs in the order of their ids, as [`documents`] does, and has all parts for a run take effect.
//! 4. [`queue`] puts those lists into the inbox whose entries were not refused.

pub mod batch;
mod change;
mod contract;
pub mod documents;
mod family;
pub mod in_shard;
mod outcome;
mod placement;
mod queue;
pub mod replay;
pub mod sequence;
mod slice;
mod start;
mod states;
mod stream;
mod update;
pub mod write;
