//! A document: lists of operations are read, applied to it within the size limit, and what was skipped is reported.
//!
//! - [`list`] reads lists of operations, within bounds.
//! - [`draft`] is a document while lists are applied to it.
//! - [`unapplied`] writes the report of the operations that were skipped.
//! - [`value_at`](value_at::value_at) finds a value by its key.

mod draft;
pub mod list;
mod unapplied;
mod value_at;

pub use draft::{Changed, Draft, DraftError, growth, is_object};
pub use unapplied::unapplied_list;
pub use value_at::{value_at, value_at_key};
