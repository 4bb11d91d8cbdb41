//! The records of a CSV file, and where each begins.

use csv::{ByteRecord, Reader, ReaderBuilder};

use crate::error::Error;

/// Records, one after the other.
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
    reader: Reader<&'a [u8]>,
    record: ByteRecord,
    offset: u64,
    line: u64,
}

/// A record and where it begins.
pub(crate) struct Record<'a> {
    pub(crate) fields: &'a ByteRecord,
    /// The byte, counted from 0.
    pub(crate) offset: u64,
    /// The line, counted from 1.
    pub(crate) line: u64,
}

impl<'a> Records<'a> {
    /// Reads from a byte on, which is the beginning of a record in that line.
    pub(crate) fn new(bytes: &'a [u8], delimiter: u8, offset: u64, line: u64) -> Self {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| bytes.get(offset..))
            .unwrap_or_default();
        Self {
            bytes,
            reader: ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .delimiter(delimiter)
                .from_reader(rest),
            record: ByteRecord::new(),
            offset,
            line,
        }
    }

    /// Returns the next record, `None` after the last one.
    pub(crate) fn next_record(&mut self) -> Result<Option<Record<'_>>, Error> {
        let more = self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(|error| {
                Error::new("the file cannot be read as CSV").with_detail(error.to_string())
            })?;
        if !more {
            return Ok(None);
        }
        let position = self.record.position();
        let mut offset = self.offset + position.map_or(0, csv::Position::byte);
        let mut line = self.line - 1 + position.map_or(1, csv::Position::line);
        // The reader's position is behind the last record, where line feeds of it and blank lines may follow.
        while let Some(byte @ (b'\r' | b'\n')) = usize::try_from(offset)
            .ok()
            .and_then(|at| self.bytes.get(at))
        {
            line += u64::from(*byte == b'\n');
            offset += 1;
        }
        Ok(Some(Record {
            fields: &self.record,
            offset,
            line,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every record's line and fields, each read by a reader that begins there.
    fn records(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut all = Records::new(text.as_bytes(), b',', 0, 1);
        let mut records = Vec::new();
        while let Some(record) = all.next_record().unwrap() {
            let mut from_here = Records::new(text.as_bytes(), b',', record.offset, record.line);
            let again = from_here.next_record().unwrap().unwrap();
            assert_eq!((again.line, again.offset), (record.line, record.offset));
            assert_eq!(again.fields, record.fields);
            let fields = again.fields.iter();
            records.push((
                again.line,
                fields
                    .map(|field| String::from_utf8_lossy(field).into_owned())
                    .collect(),
            ));
        }
        records
    }

    fn lines(text: &str) -> Vec<u64> {
        records(text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn lines_are_right_whatever_ends_them() {
        for text in ["1,2\n\n\n3,4\n", "1,2\r\n\r\n\r\n3,4\r\n", "1,2\n\n\n3,4"] {
            let fields = |one: &str, other: &str| vec![one.to_owned(), other.to_owned()];
            assert_eq!(
                records(text),
                [(1, fields("1", "2")), (4, fields("3", "4"))],
                "{text:?}"
            );
        }
    }

    #[test]
    fn blank_lines_before_the_first_record_count() {
        assert_eq!(lines("\n\n1,2\n3,4\n"), [3, 4]);
    }

    #[test]
    fn quoted_line_feed_is_part_of_a_record() {
        assert_eq!(
            lines("\"x\ny\",2\n3,4\n\"a\r\nb\r\nc\",1\r\n5,6"),
            [1, 3, 4, 7]
        );
    }

    #[test]
    fn quote_that_is_never_closed_takes_the_rest() {
        assert_eq!(lines("1,2\n\"3,4\n5,6\n"), [1, 2]);
    }

    #[test]
    fn place_beyond_the_end_has_no_records() {
        assert!(
            Records::new(b"1,2\n", b',', 99, 1)
                .next_record()
                .unwrap()
                .is_none()
        );
    }
}
