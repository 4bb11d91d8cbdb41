//! The words and limits of the wire between a client and the server: what a batch is made of, and what
//! became of it.
//!
//! A batch is an array of entries, one a run:
//! `[{"run":"run_1","operations":[…],"parentOperations":[…],"rootOperations":[…]}]`. An entry may also start its run
//! (`"start":{…}`), set its status (`"status":"running"`) and finish it (`"finish":"completed"`), append chunks to streams
//! (`"streams":{"logs":[…]}`, likewise `parentStreams` and `rootStreams`) and close them. The answer has a row for each
//! [`Part`] of an entry, with its [`Target`] and its [`Outcome`].

mod entry;
mod limit;
mod outcome;
mod part;
mod target;

pub use entry::EntryMember;
pub use limit::{
    DEFAULT_STREAM, MAXIMUM_DEPTH, MAXIMUM_KEY_BYTES, MAXIMUM_OPERATIONS, MAXIMUM_TAGS,
    MAXIMUM_TEXT_BYTES, fits_text,
};
pub use outcome::Outcome;
pub use part::Part;
pub use target::Target;
