//! The chunks of an import: spans of rows, each a run of its own.

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
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chunk {
    /// The id of the run.
    pub(crate) run: String,
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
}

impl Chunk {
    /// Reads the metadata of a chunk's run; `None` if it is not what a chunk's run has.
    pub(crate) fn from_metadata(run: String, metadata: &Value) -> Option<Self> {
        let number = |key: &str| metadata.get(key)?.as_u64();
        let span = Span {
            first_row: number("firstRow")?,
            rows: number("totalRows")?,
            offset: number("offset")?,
            line: number("line")?,
        };
        let next_row = number("nextRow")?;
        let fits = span.first_row >= 1
            && span.line >= 1
            && next_row >= span.first_row
            && next_row <= span.first_row.checked_add(span.rows)?;
        fits.then_some(Self {
            run,
            span,
            next_row,
        })
    }

    /// Returns how many rows are still to be done.
    pub(crate) fn remaining(&self) -> u64 {
        self.span.first_row + self.span.rows - self.next_row
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
    fn chunk_begins_at_its_first_row() {
        let chunk = Chunk::from_metadata("run".to_owned(), &span().metadata()).unwrap();
        assert_eq!(chunk.next_row, 101);
        assert_eq!(chunk.remaining(), 100);
        assert_eq!(chunk.span, span());
    }

    #[test]
    fn chunk_goes_on_at_its_next_row() {
        let mut metadata = span().metadata();
        metadata["nextRow"] = json!(151);
        assert_eq!(
            Chunk::from_metadata("run".to_owned(), &metadata)
                .unwrap()
                .remaining(),
            50
        );
        metadata["nextRow"] = json!(201);
        assert_eq!(
            Chunk::from_metadata("run".to_owned(), &metadata)
                .unwrap()
                .remaining(),
            0
        );
    }

    #[test]
    fn metadata_that_somebody_changed_is_no_chunk() {
        for (key, value) in [
            ("nextRow", json!(202)),
            ("nextRow", json!(100)),
            ("nextRow", json!("150")),
            ("totalRows", json!(u64::MAX)),
            ("line", json!(0)),
            ("offset", json!(null)),
        ] {
            let mut metadata = span().metadata();
            metadata[key] = value;
            assert_eq!(
                Chunk::from_metadata("run".to_owned(), &metadata),
                None,
                "{metadata}"
            );
        }
    }
}
