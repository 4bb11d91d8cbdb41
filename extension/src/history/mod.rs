//! Histories of numbers: how a number in the metadata of a run changed, for the tasks and keys that were tracked.
//!
//! - [`track`] begins to track a number and ends it.
//! - [`tracked`] knows in each session which numbers of which tasks are tracked.
//! - [`trigger`] is called with each run that changes while something is tracked, and [`row`] reads the run. In its place,
//!   [`pending`] takes the samples of a pass over many runs, in which [`instead`] has the trigger left out.
//! - [`look`] decides whether a sample is taken, and [`due`] knows when each number was looked at last.
//! - [`samples`] are the samples of one number, bounded; [`store`] reads and stores them, and deletes them with their runs.
//! - [`rate`] is how fast the number grew of late.
//!
//! The run's row is locked by whoever changes it, so no two sessions store samples of one run at the same time.

mod due;
mod instead;
mod look;
mod pending;
mod rate;
mod row;
mod samples;
mod store;
mod track;
mod tracked;
mod trigger;

pub use due::Due;
pub use instead::instead_of_trigger;
pub use pending::Pending;
pub use rate::History;
pub use store::{delete_trees, while_pruning};
pub use track::{Tracking, track, untrack};
pub use tracked::microseconds;
pub use trigger::keep_histories;
