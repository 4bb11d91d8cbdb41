//! Contracts: a JSON Schema that the metadata of a task's runs is to fit.
//!
//! The owner declares one ([`declare`]), which is kept in the table `runmeta.contract`. While there is one, a trigger on
//! `runmeta.run` ([`row`]) checks every document that is stored, whoever stores it; without contracts there is no trigger.
//! A document that does not fit is refused, or warned about ([`warning`]).
//!
//! - [`schema`] compiles a schema within bounds, [`node`] lets its validator read JSONB as it lies in memory.
//! - [`violation`] says what does not fit, without values.
//! - [`known`] keeps the contracts of a session.
//! - [`refused`] lets a flush refuse a run without losing the batch.
//! - [`check`] looks for runs that do not fit.

mod check;
mod declare;
mod known;
mod node;
pub mod refused;
pub mod row;
mod schema;
mod violation;
mod warning;

pub use check::find;
pub use declare::declare;
pub use schema::compile;

/// What becomes of a document that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is stored, and the session is warned.
    Warn,
    /// It is refused.
    Enforce,
}

impl Mode {
    /// Returns the mode of this name.
    pub fn parse(name: &str) -> Option<Mode> {
        match name {
            "warn" => Some(Mode::Warn),
            "enforce" => Some(Mode::Enforce),
            _ => None,
        }
    }
}
