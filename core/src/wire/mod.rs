//! The words and limits of the wire between a client and the server: what a batch is made of, and what
//! became of it.
//!
//! A batch is an array of entries, one a run:
//! `[{"run":"run_1","operations":[…],"parentOperations":[…],"rootOperations":[…]}]`. The answer has a
//! row for each list, with its [`Target`] and its [`Outcome`].

mod entry;
mod limit;
mod outcome;
mod target;

pub use entry::EntryMember;
pub use limit::{
    MAXIMUM_DEPTH, MAXIMUM_KEY_BYTES, MAXIMUM_OPERATIONS, MAXIMUM_TAGS, MAXIMUM_TEXT_BYTES,
    fits_text,
};
pub use outcome::Outcome;
pub use target::Target;
