//! What an operation on run metadata means.
//!
//! This crate knows no Postgres and does no I/O. The meaning of each operation is written once, in
//! [`apply`], over the small trait [`Tree`]; whoever has documents of a form of their own (the
//! extension has JSONB) implements the trait and gets the operations. [`Json`] is the tree for everybody
//! else. [`wire`] has the words and limits that a client and the server share.
//!
//! ```
//! use runmeta_core::{Json, apply, parse_list};
//!
//! let mut document = Json::parse(r#"{"progress": 0.1}"#)?;
//! let operations = parse_list(&Json::parse(r#"[
//!     {"type": "increment", "key": "progress", "value": 0.2},
//!     {"type": "append", "key": "$.log.lines", "value": "Step 1 complete"}
//! ]"#)?)?;
//! let unapplied = apply(&mut document, &operations);
//!
//! assert!(unapplied.is_empty());
//! assert_eq!(document.to_string(), r#"{"log":{"lines":["Step 1 complete"]},"progress":0.3}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod json;
mod key;
mod number;
mod operation;
mod operation_type;
mod parse;
mod reason;
mod shorten;
mod size;
mod tree;
mod value;
mod weight;
pub mod wire;

pub use apply::{Unapplied, apply};
pub use json::{Elements, Json, Members, NotJson, Number, write_string};
pub use key::{Key, Step};
pub use operation::Operation;
pub use operation_type::OperationType;
pub use parse::{NotAList, Parsed, parse_list};
pub use reason::{BadPath, BadValue, Reason};
pub use shorten::Shortened;
pub use size::{escape_growth, size};
pub use tree::{Kind, Tree};
pub use value::{lookup, same_value};
pub use wire::MAXIMUM_DEPTH;
