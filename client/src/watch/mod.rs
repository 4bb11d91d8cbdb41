//! Watching: snapshots of runs, as they change.
//!
//! All watches of a client share one connection that listens. What is announced there wakes the [`hub`], one pure function
//! with a loop round it ([`driver`]), as the engine is. The hub reads what changed, many runs a statement, and only those that
//! somebody here watches. Each watcher has a [`slot`], where the newest state of a run replaces the one before: a slow watcher
//! holds up nobody.
//!
//! | question | file |
//! |---|---|
//! | What can be watched? | [`target`] |
//! | What does a watcher get? | [`snapshot`], [`change`] |
//! | How are keys selected without the server? | [`select`] |
//! | What is announced? | [`notice`] |
//! | Who gets what was read, and is it newer? | [`hub::topic`] |
//! | What is read next? | [`hub::group`], [`hub::listing`] |
//! | What happens without a connection? | [`hub::line`] |
//! | How are streams of chunks followed? | [`hub::streams`] |

pub(crate) mod change;
mod client;
pub(crate) mod driver;
pub(crate) mod hub;
pub(crate) mod notice;
pub(crate) mod select;
pub(crate) mod slot;
pub(crate) mod snapshot;
pub(crate) mod snapshots;
pub(crate) mod target;
#[cfg(test)]
mod tests;
mod time;

pub use change::{Change, Changes, merge_patch};
pub use snapshot::Snapshot;
pub use snapshots::Snapshots;
pub use target::Watch;
pub use time::rfc3339;
