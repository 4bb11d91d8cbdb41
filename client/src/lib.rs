//! temporary
#![allow(dead_code, missing_docs, unused)]
mod buffer;
mod engine;
mod error;
mod metrics;
mod new_run;
mod settings;
#[cfg(test)]
mod testing;
mod wire;
mod metadata { pub(crate) mod amount; pub(crate) mod serialize; }
pub use error::{Error, Unapplied};
pub use metrics::Metrics;
#[cfg(feature = "tls")]
pub use wire::tls;
