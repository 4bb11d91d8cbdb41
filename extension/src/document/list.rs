//! Reading lists of operations, within bounds.
//!
//! A failed allocation in Rust aborts the process, and with it the whole server; so what a caller can make us allocate
//! is bounded before it is allocated.

use std::cell::Cell;

use runmeta_core::{Kind, Parsed, Tree, parse_list};

use crate::jsonb::{Node, View};
use crate::refusal::Refusal;

/// Operations that one call may bring. Each takes some 200 bytes while it is applied: 20 MB.
pub const MAXIMUM_OPERATIONS: usize = 100_000;

/// Bytes of sums that one call may make. A sum may have 65 kB and cost its caller 80 bytes.
const MAXIMUM_SUMS: usize = 64 * 1024 * 1024;

thread_local! {
    static SUMS: Cell<usize> = const { Cell::new(0) };
}

/// Reads a list of operations.
///
/// # Errors
///
/// [`Refusal::NotAList`], or [`Refusal::TooManyOperations`].
pub fn read<'a>(list: View<'a>) -> Result<Vec<Parsed<Node<'a>>>, Refusal> {
    let list = Node::View(list);
    if list.kind() == Kind::Array && list.length() > MAXIMUM_OPERATIONS {
        return Err(Refusal::TooManyOperations {
            limit: MAXIMUM_OPERATIONS,
        });
    }
    Ok(parse_list(&list)?)
}

/// Forgets the sums of the call before.
pub fn begin() {
    SUMS.set(0);
}

/// Counts a sum of this many bytes. Returns false if the call has made too many.
pub fn admit_sum(bytes: usize) -> bool {
    SUMS.set(SUMS.get().saturating_add(bytes));
    SUMS.get() <= MAXIMUM_SUMS
}
