//! What `runmeta doctor` finds out about a database.
//!
//! [`read`] asks the server and returns [`Facts`], which are plain values. A file in [`check`] looks at one thing in them and
//! returns [`Finding`]s; [`figure`] lists the numbers. [`report`] and [`metrics`] write both.

mod check;
mod facts;
mod figure;
mod finding;
mod metrics;
mod quantity;
mod read;
mod report;

pub(crate) use check::findings;
pub(crate) use facts::Facts;
pub(crate) use finding::Severity;
pub(crate) use metrics::metrics;
pub(crate) use read::read;
pub(crate) use report::{as_json, as_text};
