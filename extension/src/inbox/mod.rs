//! The inbox: lists of operations that wait to be folded into the document of the run that they are for.
//!
//! A list for a parent or a root is one `INSERT` without a lock on the run, so that thousands of children count up one
//! parent at the same time; so is a small list of a run's own where its document is large. Whoever writes such a run
//! next applies what waits, in the order of the rows' ids; otherwise the worker does, and reading functions apply it on
//! the fly.
//!
//! - A committed list is seen by the next read. Its place is behind what its writer committed before, and before what
//!   the writer commits after it.
//! - The version that readers see is the stored one and the number of lists that wait. To fold n lists raises the stored
//!   one by n, whatever they change.
//! - Only the holder of the run's row lock takes lists out. So each list is applied once.
//! - A list is admitted when it comes and not refused any more. What cannot be applied then is kept as unapplied.
//! - A list is for the run of the time when it came: one of the same id that is started after that was pruned gets none
//!   of it. They are told apart by `created_at`.
//! - No more than [`admission::MAXIMUM_LISTS`] lists wait for a run, so that a read applies no more either.
//!
//! Files: [`addressee`] finds the run that a list is for, [`admission`] decides whether it may wait, [`queue`] puts it
//! into the table. [`take`] takes out what waits for a run that is locked, [`fold`] does that for many runs. [`read`]
//! looks at what waits. [`unapplied`] keeps what could not be applied. [`waiting`] is about
//! the counters that spare most calls a look at the table, and [`floor`] about where a look may begin.

mod addressee;
mod admission;
pub mod floor;
mod fold;
mod prune;
mod queue;
mod read;
mod take;
mod unapplied;
pub mod waiting;

pub use addressee::Addressee;
pub use admission::{List, has_room, is_large};
pub use fold::{Folded, Outcome, fold, fold_locked, fold_some};
pub use prune::{delete_trees, forget_unapplied};
pub use queue::{Admitted, Incoming, admit_many, insert, queue};
pub use read::{Seen, live, summary};
pub use take::{Applied, Taken, any, count, may_wait, take_one};

use crate::layout;
use crate::settings::{self, Inbox};
use crate::worker;

/// Returns true if lists may wait: somebody will fold them, and readers on all servers see that they wait.
pub fn is_used() -> bool {
    if layout::is_distributed() {
        return false;
    }
    match settings::inbox() {
        Inbox::Auto => worker::serves(),
        Inbox::On => true,
        Inbox::Off => false,
    }
}
