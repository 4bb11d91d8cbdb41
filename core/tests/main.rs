//! The tests of this crate from outside, as one binary: it links once, and mutants are built by the hundred.

#![allow(clippy::unwrap_used, clippy::panic)]

mod agreement;
mod config;
mod conformance;
mod following;
mod generate;
mod json;
mod laws;
mod meaning;
mod reading;
mod weight;
