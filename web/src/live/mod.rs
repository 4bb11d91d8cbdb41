//! Live bodies: what changes in the database, written to many connections at once.
//!
//! A [`Subscription`] is one reader's watch. All of them on one topic share the work: the client's hub reads each run once, and
//! their [`room`] makes one [`Edition`] of each state, serialised once, with one patch from the edition before. A reader that
//! keeps up gets patches; one that lags gets the newest state of each run whole, and costs what the client's slot holds, no more.
//!
//! Rooms are per client: clients of different roles see different rows. A room closes when its last reader leaves.
//!
//! All that is written and not sent yet, and all that rooms keep, is counted in one [`budget`]: what has no room in it is
//! refused, or ends its stream with a request to reconnect.
//!
//! | question | file |
//! |---|---|
//! | Which readers share what? | [`rooms`], [`room`] |
//! | What does a reader get next? | [`subscription`] |
//! | How much memory may events take? | [`budget`] |
//! | How does it look on the wire? | [`frame`] |
//! | How do the chunks of a stream look? | [`chunks`] |
//! | How is a body read as it comes, and appended to a stream? | [`lines`], [`append`] |
//! | How long does a body live, and how does it end? | [`body`] |

mod append;
mod body;
mod chunks;
mod edition;
pub mod frame;
mod lines;
mod room;
mod rooms;
mod subscription;
#[cfg(test)]
mod tests;

pub use append::{Appender, Target, chunk, while_allowed};
pub use body::{Ending, Lifetime, Source, Step, events};
pub use chunks::{ChunkFrames, Style};
pub use edition::Edition;
pub use lines::Lines;
pub use rooms::Rooms;
pub use subscription::{Next, Subscription};
