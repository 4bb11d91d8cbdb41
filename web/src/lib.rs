//! Run metadata over HTTP: JSON, server-sent events, the wire of Trigger.dev's client, and a dashboard.
//!
//! | question | module |
//! |---|---|
//! | What can be set? | [`Config`], [`Limits`] |
//! | What do handlers share? | [`Gateway`] |
//! | Who asks, and what may they do? | [`auth`] |
//! | What does the plain API answer? | `api`, a file a route |
//! | What does Trigger.dev's client see? | `trigger` |
//! | How do many readers follow the same runs? | `live` |
//! | What does a browser show? | `dashboard` |
//! | How are connections accepted and ended? | [`serve`](mod@serve) |
//!
//! It is built on `runmeta-client` alone: no SQL is written here.

mod api;
pub mod auth;
mod budget;
mod config;
mod dashboard;
mod error;
mod gateway;
mod health;
mod limit;
mod live;
mod memory;
mod metrics;
mod observe;
mod router;
pub mod serve;
mod session;
mod trigger;
mod trouble;
mod write;

pub use api::problem::Problem;
pub use auth::{Caller, Set};
pub use config::{Config, Keys};
pub use error::Error;
pub use gateway::Gateway;
pub use limit::Limits;
pub use router::router;
pub use serve::{Server, run, serve};
pub use write::Written;
