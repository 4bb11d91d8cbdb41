//! Cancelling long work.

/// Raises the error that a cancelled statement ends with, if somebody asked for it.
#[inline]
pub fn check_for_interrupts() {
    // The macro is pgrx's form of CHECK_FOR_INTERRUPTS(): one load of a global, most of the time.
    pgrx::check_for_interrupts!();
}
