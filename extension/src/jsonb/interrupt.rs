//! The points at which long work can be cancelled, and at which its memory is checked.

use crate::memory;

/// Raises the error that a cancelled statement ends with, if somebody asked for it, and that of a call that uses too
/// much memory.
#[inline]
pub fn check_for_interrupts() {
    // The macro is pgrx's form of CHECK_FOR_INTERRUPTS(): one load of a global, most of the time.
    pgrx::check_for_interrupts!();
    memory::check();
}
