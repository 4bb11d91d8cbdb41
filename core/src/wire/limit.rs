//! What one document and one call may hold.

/// Levels of nesting a document may have: `{}` has one, `{"a":[1]}` two.
///
/// JSONB itself would take about 14,000. A hundred is far beyond what people write by hand, and so
/// few that recursion over a document needs no more than some kilobytes of stack.
pub const MAXIMUM_DEPTH: usize = 100;

/// Operations that one call may bring, and entries of one batch. Each takes some 200 bytes while it is
/// applied: 20 MB.
pub const MAXIMUM_OPERATIONS: usize = 100_000;

/// The stream that is meant where none is named.
pub const DEFAULT_STREAM: &str = "default";

/// Bytes of a run id, a task, a tag, a status and the name of a stream. A guess: longer than any id of a queue that we know,
/// and an index takes such texts whole.
pub const MAXIMUM_TEXT_BYTES: usize = 255;

/// Bytes of a key. A guess: ten times what people write by hand, and so few that reading one copies nothing worth
/// bounding.
pub const MAXIMUM_KEY_BYTES: usize = 65_536;

/// Tags of a run. A guess: they are for finding runs, and whoever has more keeps a list in the metadata.
pub const MAXIMUM_TAGS: usize = 100;

/// Returns true if the text can be a run id, a task, a tag, a status or the name of a stream: it has 1 to
/// [`MAXIMUM_TEXT_BYTES`] bytes.
pub fn fits_text(text: &str) -> bool {
    (1..=MAXIMUM_TEXT_BYTES).contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_1_to_255_bytes() {
        assert!(!fits_text(""));
        assert!(fits_text("x"));
        assert!(fits_text(&"x".repeat(255)));
        assert!(!fits_text(&"x".repeat(256)));
        assert!(!fits_text(&"é".repeat(128)));
    }
}
