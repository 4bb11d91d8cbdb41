//! The chunks of an import: spans of rows, each a run of its own.

use runmeta_client::Run;
use serde_json::{Value, json};

/// Fewest rows of a chunk, so that a small file has more than one, and many workers something to do.
const FEWEST_ROWS: u64 = 100;

/// Most chunks of a file, so that a large file does not become a hundred thousand runs.
const MOST_CHUNKS: u64 = 500;

/// Rows that follow each other, and where they begin in the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    /// The number of the first row, counted from 1 behind the header.
    pub(crate) first_row: u64,
    /// How many rows.
    pub(crate) rows: u64,
    /// The byte at which the first row begins.
    pub(crate) offset: u64,
    /// The line in which the first row begins.
    pub(crate) line: u64,
}

/// A span that is a run.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) run: Run,
    pub(crate) span: Span,
    /// The row to go on with.
    pub(crate) next_row: u64,
}

/// Chooses how many rows a chunk of a file has.
pub(crate) fn rows_per_chunk(rows: u64) -> u64 {
    rows.div_ceil(MOST_CHUNKS).max(FEWEST_ROWS)
}

impl Span {
    /// Makes the metadata with which the chunk's run starts: whoever resumes it needs nothing else.
    pub(crate) fn metadata(&self) -> Value {
        json!({
            "firstRow": self.first_row,
            "totalRows": self.rows,
            "offset": self.offset,
            "line": self.line,
            "nextRow": self.first_row,
            "processedRows": 0,
            "invalidRows": 0,
        })
    }

    /// Reads from the metadata of the span's run which row to go on with; `None` if the metadata is not of this span.
    pub(crate) fn next_row(&self, metadata: &Value) -> Option<u64> {
        let mut begun = metadata.as_object()?.clone();
        let next_row = begun.get("nextRow")?.as_u64()?;
        for key in ["nextRow", "processedRows", "invalidRows"] {
            begun.insert(key.to_owned(), self.metadata()[key].clone());
        }
        let fits = Value::Object(begun) == self.metadata();
        (fits && (self.first_row..=self.end()).contains(&next_row)).then_some(next_row)
    }

    /// Returns the number of the row behind the last.
    fn end(&self) -> u64 {
        self.first_row + self.rows
    }
}

impl Chunk {
    /// Returns how many rows are still to be done.
    pub(crate) fn remaining(&self) -> u64 {
        self.span.end() - self.next_row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span() -> Span {
        Span {
            first_row: 101,
            rows: 100,
            offset: 6_000,
            line: 102,
        }
    }

    #[test]
    fn small_files_have_small_chunks_and_large_files_few() {
        assert_eq!(rows_per_chunk(1), 100);
        assert_eq!(rows_per_chunk(3_376), 100);
        assert_eq!(rows_per_chunk(50_001), 101);
        assert_eq!(1_000_000_u64.div_ceil(rows_per_chunk(1_000_000)), 500);
    }

    #[test]
    fn span_begins_at_its_first_row_and_goes_on_at_its_next() {
        let mut metadata = span().metadata();
        assert_eq!(span().next_row(&metadata), Some(101));
        metadata["processedRows"] = json!(50);
        for next_row in [151, 201] {
            metadata["nextRow"] = json!(next_row);
            assert_eq!(span().next_row(&metadata), Some(next_row));
        }
    }

    #[test]
    fn metadata_that_somebody_changed_is_not_of_the_span() {
        for (key, value) in [
            ("nextRow", json!(202)),
            ("nextRow", json!(100)),
            ("nextRow", json!("150")),
            ("totalRows", json!(99)),
            ("line", json!(0)),
            ("offset", json!(null)),
        ] {
            let mut metadata = span().metadata();
            metadata[key] = value;
            assert_eq!(span().next_row(&metadata), None, "{metadata}");
        }
        assert_eq!(span().next_row(&json!([])), None);
    }
}
