//! Streams of chunks: what a run produces bit by bit, such as the tokens of an LLM, of any length.
//!
//! Chunks are JSON, numbered from 0 without gaps, and each is stored once. They leave in the batches of the run's operations,
//! before its finish, and wait for room where operations would have no effect.
//!
//! | question | file |
//! |---|---|
//! | How do chunks come into the buffer, and when do they leave? | [`writer`] |
//! | How is a stream of the caller's written while it is read here? | [`piped`] |
//! | How is a stream read? | [`read`], [`read_ahead`], and `watch::hub::streams` |

mod piped;
mod read;
pub(crate) mod read_ahead;
#[cfg(test)]
mod tests;
mod writer;

pub use piped::Piped;
pub use read::{Chunk, Chunks, StreamInfo};
pub use read_ahead::Reserve;
pub use runmeta_core::wire::DEFAULT_STREAM;
pub use writer::StreamWriter;
