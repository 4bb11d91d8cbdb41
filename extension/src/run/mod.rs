//! One run: its row is locked, its document is changed and stored.
//!
//! - [`target`] reads and writes the SQL type that names the member of a run's family whose document is addressed.
//! - [`locked`] locks a run's row and stores its document.
//! - [`missing`] finds out why a run could not be locked.
//! - [`write`] applies operations to one run, which most of the SQL functions come down to.
//! - [`hold`] keeps a tree from being pruned while a child is started in it.

pub mod hold;
mod locked;
mod missing;
pub mod target;
mod write;

pub use locked::{Locked, check_length, check_open};
pub use missing::missing;
pub use write::{required, value_or_null, write, write_one};
