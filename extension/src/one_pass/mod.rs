//! Changing rows in one pass: a single `UPDATE` finds them, has operations applied to each, and stores what changed.
//!
//! Its condition calls a function of ours with each row, and its SET another one, so that no document is copied out of the
//! executor or back in. Where another session has changed a row meanwhile, Postgres waits for it and evaluates both again
//! with the row as it is then: the last evaluation counts.
//!
//! [`visit`] hands the rows over, [`plan`] keeps the statement in the order of an index.

pub mod plan;
pub mod visit;
