#![doc = include_str!("../README.md")]

mod apply;
mod attempt;
mod json;
mod key;
mod number;
mod operation;
mod operation_type;
mod parse;
mod reason;
mod shorten;
mod size;
pub mod status;
mod transition;
mod tree;
mod weight;
pub mod wire;

pub use apply::{Unapplied, apply};
pub use attempt::{Attempt, Conflict};
pub use json::{Elements, Json, Members, NotJson, Number, write_string};
pub use key::{Key, Step};
pub use operation::Operation;
pub use operation_type::OperationType;
pub use parse::{NotAList, Parsed, parse_list};
pub use reason::{BadPath, BadValue, Reason};
pub use shorten::{IntoIter, Shortened};
pub use size::escape_growth;
pub use transition::{COMPLETED, Followed, Progress, RETRYING, RUNNING, Transition};
pub use tree::{Kind, Tree};
pub use wire::MAXIMUM_DEPTH;
