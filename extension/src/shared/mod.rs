//! Memory that the sessions of a server share: which database has a worker, what is not yet announced, how much waits.
//!
//! - [`root`] is a small table of databases in the main shared memory.
//! - [`segment`] is what a database has: made by its first worker, kept until the server ends.
//! - [`lock`] wraps Postgres' lightweight locks.
//!
//! Nothing of it needs `shared_preload_libraries`. The root is allocated when it is first used, from the room that Postgres
//! keeps for that, as `autoprewarm` does; a segment is dynamic shared memory. A crash of the server empties both, and ends
//! the connection of every listener with them: whoever connects again reads everything anew.

mod lock;
mod root;
mod segment;

pub use root::{Database, database, release};
pub use segment::{Failure, Segment, attached, create};
