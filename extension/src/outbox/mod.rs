//! Changes that are not yet announced.
//!
//! A transaction that notifies takes a lock of the whole server until it has committed: 27,700 updates a second of 32
//! sessions became 3,900. So a session puts what it changed into a [`Ring`] in shared memory when it has committed, and
//! the worker announces what came together in an interval. This costs neither WAL nor a table that has to be vacuumed. What
//! a crash of the server loses of it, it loses together with the connections of all listeners, who read anew.
//!
//! A transaction that is prepared is committed by any session, perhaps after a restart. Its changes go into the table
//! `runmeta.outbox` ([`prepared`]), which the worker reads.

mod entry;
pub mod prepared;
mod ring;
mod streams;

pub use entry::{Entry, RunEntry, StreamEntry, entries};
pub use ring::Ring;
pub use streams::Streams;
