//! JSONB in its binary form: reading it as it lies, changing it, writing it.
//!
//! The only folder of the extension with unsafe code: crossing into Postgres for values and for
//! exact sums. What is read from a value is bounds-checked, so a corrupt one is an error and no crash.
//!
//! Source of the layout: `src/include/utils/jsonb.h` and `src/backend/utils/adt/jsonb_util.c` of
//! Postgres, the same from 9.4 to 18.
//!
//! - [`view`] reads: a [`View`](view::View) is a few words that borrow from the value.
//! - [`node`] changes: a [`Node`](node::Node) opens only those containers that an operation touches.
//! - [`rope`] holds the entries of an opened container, untouched ones as the runs that they are.
//! - [`encode`] writes a node: what was not opened is copied as the bytes it is.
//! - [`measure`] walks a view for its size and depth, without recursion.
//! - [`numeric`] reads and adds Postgres' decimal numbers.
//! - [`datum`] takes values from Postgres and gives them back.

#![allow(unsafe_code)]

mod datum;
mod encode;
mod interrupt;
mod measure;
mod node;
mod numeric;
mod rope;
mod view;

pub use datum::{Decimal, Jsonb, Returned, Stored};
pub use encode::{TooManyBytes, encode, encode_array, encode_value};
pub use interrupt::check_for_interrupts;
pub use measure::{fits_depth, size};
pub use node::Node;
pub use numeric::from_index;
pub use view::{Container, View};
