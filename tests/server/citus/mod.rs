//! Several nodes of a Citus cluster at work. Run by `scripts/with-citus`; without it, these tests do nothing.

mod announcing;
mod changing;
mod chaos;
mod down;
mod gaps;
mod moving;
mod round_trips;
mod session;
mod two_phases;
