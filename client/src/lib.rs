#![doc = include_str!("../README.md")]

mod amount;
mod answer;
mod apart;
mod backoff;
mod batch;
mod batcher;
mod buffer;
mod builder;
mod call;
mod cancel;
mod client;
mod connection;
mod decimal;
mod document;
mod error;
mod gather;
mod group;
mod handle;
mod host;
mod id;
mod meter;
mod new_run;
mod postgres;
mod queue;
mod read;
mod refusal;
mod reserved;
mod run;
mod run_state;
mod scope;
mod sender;
mod settings;
mod tie;
mod to_value;
mod transport;
mod verdict;
mod writer;

pub mod metadata;
pub mod tls;

#[cfg(test)]
mod tests;

pub use amount::Amount;
pub use builder::Builder;
pub use client::Client;
pub use error::Error;
pub use handle::Metadata;
pub use meter::Metrics;
pub use new_run::NewRun;
pub use refusal::Refusal;
pub use run::Run;
pub use scope::spawn;

/// Runs the Rust in the project's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ProjectReadme;
