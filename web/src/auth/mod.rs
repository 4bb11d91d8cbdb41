//! Who asks, and what they may do.
//!
//! A *key* is a secret that a program has: it may do everything that its role in Postgres may. A *token* is a JWT that somebody
//! signed with a key, for a browser: it may do what its *scopes* say until it expires. A *ticket* is a token for one event
//! stream, for `EventSource`, which cannot send a header.

mod caller;
mod key;
mod scope;
mod share;
pub(crate) mod ticket;
mod token;

pub(crate) use caller::Write;
pub use caller::{Caller, Set};
pub use key::Key;
pub(crate) use key::KeyRing;
pub(crate) use ticket::Seen;
