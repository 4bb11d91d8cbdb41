//! One run: its row is locked, its document is changed and stored, its attempts begin and finish.
//!
//! - [`target`] reads and writes the SQL type that names the member of a run's family whose document is addressed.
//! - [`locked`] locks a run's row and stores its document.
//! - [`document`] reads the document of a run that is locked.
//! - [`missing`] finds out why a run could not be locked.
//! - [`unstored`] stores the documents of many runs, which [`unstored_documents`] keeps until then.
//! - [`update`] writes to one run in one statement.
//! - [`write`] applies operations to one run, which most of the SQL functions come down to.
//! - [`attempt`] decides what start, set_status and finish change; [`start`], [`status`] and [`finish`] do it.
//! - [`insert`] inserts many runs; [`state`] is one that is locked while several changes of its attempt are decided, and
//!   [`unstored_state`] stores many of those.
//! - [`parent`] keeps a tree from being pruned while a run starts in it.

mod attempt;
mod document;
mod finish;
mod insert;
mod locked;
mod missing;
mod parent;
mod start;
mod state;
mod status;
pub mod target;
mod unstored;
mod unstored_documents;
mod unstored_state;
mod update;
mod write;

pub use attempt::Attempt;
pub use document::{Document, read_document};
pub use finish::finish;
pub use insert::{Placed, Taken as TakenId, insert_many};
pub use locked::{Locked, check_length, check_open, check_writable};
pub use missing::{find_existing, id_is_taken, missing};
pub use parent::Parent;
pub use start::NewRun;
pub use state::State;
pub use status::{COMPLETED, check_final, check_unfinished, set_status};
pub use unstored::Unstored;
pub use unstored_state::UnstoredStates;
pub use write::{required, unreadable, value_or_null, write, write_one};
