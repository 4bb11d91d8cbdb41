//! Holding a tree, so that it is not pruned while a child is started in it.
//!
//! `start` holds the tree of a child in common with others, `prune` alone. An advisory lock and not a lock of the
//! parent's row, which a thousand children would make a multixact of.

/// Writes the arguments of an advisory lock on the tree whose root's id the SQL expression is. The first number
/// spells "runm". A thousand locks for all trees: a transaction with a lock for each of its trees would use up the
/// server's table.
macro_rules! tree_lock {
    ($root:literal) => {
        concat!(
            "1920298605, pg_catalog.hashtext(",
            $root,
            ") OPERATOR(pg_catalog.&) 1023"
        )
    };
}
pub(crate) use tree_lock;

/// Returns true if each statement of a transaction at this isolation level sees what was committed before it, so that
/// a second look, once the tree is held, tells more than the first.
pub fn one_snapshot_a_statement(isolation: &str) -> bool {
    matches!(isolation, "read committed" | "read uncommitted")
}
