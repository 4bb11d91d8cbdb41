//! A CSV file in memory.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::ByteRecord;
use sha2::{Digest, Sha256};

use crate::demo::chunk::{self, Span};
use crate::demo::records::Records;
use crate::error::Error;
use crate::printable::printable;

/// More than this is refused: the demo reads its file into memory.
const LARGEST_FILE: u64 = 512 * 1024 * 1024;

/// How far into a file git looks for a NUL byte to tell binary from text.
const BINARY_PROBE: usize = 8_000;

const WHAT_TO_TAKE: &str = "Take a CSV file with a header.";

const AIRPORTS: &[u8] = include_bytes!("../../demo/airports.csv");

/// A file with a header and at least one row.
pub(crate) struct CsvFile {
    /// Its name, without folders and control characters.
    pub(crate) name: String,
    /// The names of its columns.
    pub(crate) header: Vec<String>,
    /// How many rows follow the header.
    pub(crate) rows: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub(crate) hash: String,
    bytes: Cow<'static, [u8]>,
    delimiter: u8,
}

impl CsvFile {
    /// Returns the airports that are part of the program.
    pub(crate) fn airports() -> Result<Self, Error> {
        Self::parse("airports.csv", Cow::Borrowed(AIRPORTS))
    }

    /// Reads a file.
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let cannot_read =
            |error: &std::io::Error| Error::io(format!("cannot read \"{shown}\""), error);
        let file = File::open(path).map_err(|error| cannot_read(&error))?;
        if file
            .metadata()
            .map_err(|error| cannot_read(&error))?
            .is_dir()
        {
            return Err(
                Error::new(format!("\"{shown}\" is a directory")).with_hint("Name a CSV file.")
            );
        }
        let mut bytes = Vec::new();
        file.take(LARGEST_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| cannot_read(&error))?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(Error::new(format!(
                "\"{shown}\" is larger than {} MiB",
                LARGEST_FILE >> 20
            ))
            .with_detail("The demo reads its file into memory."));
        }
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy();
        Self::parse(&name, Cow::Owned(bytes))
    }

    /// Makes sure that the bytes are a CSV file, and counts its rows.
    pub(crate) fn parse(name: &str, bytes: Cow<'static, [u8]>) -> Result<Self, Error> {
        let name = printable(name);
        refuse_what_is_no_text(&name, &bytes)?;
        let mut file = Self {
            name,
            header: Vec::new(),
            rows: 0,
            hash: String::new(),
            delimiter: delimiter_of(&bytes),
            bytes,
        };
        let mut records = file.records_at(0, 1);
        let Some(first) = records.next_record()? else {
            return Err(Error::new(format!("\"{}\" is empty", file.name)).with_hint(WHAT_TO_TAKE));
        };
        let header = file.header_of(first.fields)?;
        let mut rows = 0;
        while records.next_record()?.is_some() {
            rows += 1;
        }
        if rows == 0 {
            return Err(
                Error::new(format!("\"{}\" has no rows", file.name)).with_detail(format!(
                    "It has a header of {} columns and nothing else.",
                    header.len()
                )),
            );
        }
        file.hash = Sha256::digest(&file.bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        file.header = header;
        file.rows = rows;
        Ok(file)
    }

    /// Returns how many bytes the file has.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Splits the rows, with the byte and the line at which each span begins.
    pub(crate) fn spans(&self) -> Result<Vec<Span>, Error> {
        let rows_per_chunk = chunk::rows_per_chunk(self.rows);
        let mut spans = Vec::new();
        let mut records = self.records_at(0, 1);
        records.next_record()?; // the header
        let mut row = 0;
        while let Some(start) = records.next_record()? {
            if row % rows_per_chunk == 0 {
                spans.push(Span {
                    first_row: row + 1,
                    rows: rows_per_chunk.min(self.rows - row),
                    offset: start.offset,
                    line: start.line,
                });
            }
            row += 1;
        }
        Ok(spans)
    }

    /// Reads records from a byte on, which is the beginning of a record in that line.
    pub(crate) fn records_at(&self, offset: u64, line: u64) -> Records<'_> {
        Records::new(&self.bytes, self.delimiter, offset, line)
    }

    fn header_of(&self, record: &ByteRecord) -> Result<Vec<String>, Error> {
        let mut names = Vec::with_capacity(record.len());
        for field in record {
            match std::str::from_utf8(field) {
                Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => {
                    names.push(text.trim().to_owned());
                }
                _ => {
                    return Err(Error::new(format!(
                        "the header of \"{}\" is not UTF-8 text",
                        self.name
                    ))
                    .with_hint(
                        "If the file is text in another encoding, iconv makes UTF-8 of it.",
                    ));
                }
            }
        }
        if names.iter().all(String::is_empty) {
            return Err(Error::new(format!(
                "the header of \"{}\" names no columns",
                self.name
            )));
        }
        Ok(names)
    }
}

fn refuse_what_is_no_text(name: &str, bytes: &[u8]) -> Result<(), Error> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Error::new(format!("\"{name}\" is UTF-16, not UTF-8"))
            .with_hint(format!("Run: iconv -f UTF-16 -t UTF-8 '{name}'")));
    }
    if bytes[..bytes.len().min(BINARY_PROBE)].contains(&0) {
        return Err(Error::new(format!("\"{name}\" is binary, not CSV")).with_hint(WHAT_TO_TAKE));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::new(format!("\"{name}\" is empty")).with_hint(WHAT_TO_TAKE));
    }
    Ok(())
}

/// Takes for the delimiter what the first line has most of, a comma when in doubt.
fn delimiter_of(bytes: &[u8]) -> u8 {
    let first_line = bytes
        .split(|byte| *byte == b'\n')
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let count = |delimiter: u8| {
        let mut quoted = false;
        first_line
            .iter()
            .filter(|byte| {
                quoted ^= **byte == b'"';
                !quoted && **byte == delimiter
            })
            .count()
    };
    // The last of equals wins.
    [b'|', b'\t', b';', b',']
        .into_iter()
        .max_by_key(|delimiter| count(*delimiter))
        .unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<CsvFile, Error> {
        CsvFile::parse("test.csv", Cow::Owned(text.to_vec()))
    }

    fn refusal(text: &[u8]) -> String {
        parse(text)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    /// Every record's line and fields, read from the spans as workers do.
    fn rows(text: &str) -> Vec<(u64, Vec<String>)> {
        let file = parse(text.as_bytes()).unwrap();
        let mut rows = Vec::new();
        for span in file.spans().unwrap() {
            let mut records = file.records_at(span.offset, span.line);
            for _ in 0..span.rows {
                let record = records.next_record().unwrap().unwrap();
                let fields = record
                    .fields
                    .iter()
                    .map(|field| String::from_utf8_lossy(field).into_owned())
                    .collect();
                rows.push((record.line, fields));
            }
        }
        rows
    }

    #[test]
    fn airports_have_their_rows_and_columns() {
        let file = CsvFile::airports().unwrap();
        assert_eq!(file.rows, 3_376);
        assert_eq!(
            file.header,
            [
                "iata",
                "name",
                "city",
                "state",
                "country",
                "latitude",
                "longitude"
            ]
        );
        let spans = file.spans().unwrap();
        assert_eq!(spans.iter().map(|span| span.rows).sum::<u64>(), 3_376);
    }

    #[test]
    fn every_span_begins_at_its_row() {
        let mut text = "n,quoted\r\n".to_owned();
        for n in 1..=1_234 {
            text += &format!("{n},\"a, b\r\n{n}\"\r\n");
        }
        let rows = rows(&text);
        assert_eq!(rows.len(), 1_234);
        for (n, (line, fields)) in (1_u64..).zip(rows) {
            assert_eq!(fields[0], n.to_string());
            assert_eq!(line, 2 * n);
        }
    }

    #[test]
    fn byte_order_mark_is_no_part_of_the_header() {
        assert_eq!(parse(b"\xef\xbb\xbfa,b\n1,2\n").unwrap().header, ["a", "b"]);
    }

    #[test]
    fn delimiter_is_what_the_header_has_most_of() {
        assert_eq!(parse(b"a;b;c\n1;2;3\n").unwrap().header, ["a", "b", "c"]);
        assert_eq!(parse(b"a\tb\n1\t2\n").unwrap().header, ["a", "b"]);
        assert_eq!(parse(b"\"x;y;z\",b\n1,2\n").unwrap().header, ["x;y;z", "b"]);
        assert_eq!(parse(b"alone\n1\n").unwrap().header, ["alone"]);
    }

    #[test]
    fn what_is_no_csv_is_refused_in_words() {
        assert!(refusal(b"").contains("is empty"));
        assert!(refusal(b" \n\r\n").contains("is empty"));
        assert!(refusal(b"a,b\n").contains("has no rows"));
        assert!(refusal(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").contains("is binary"));
        assert!(refusal(b"\xff\xfea\0,\0b\0").contains("UTF-16"));
        assert!(refusal(b"caf\xe9,b\n1,2\n").contains("not UTF-8"));
        assert!(refusal(b"\x1b\x02\x03junk\x07\n1\n").contains("not UTF-8 text"));
        assert!(refusal(b",,\n1,2,3\n").contains("names no columns"));
    }

    #[test]
    fn file_that_cannot_be_read_is_refused_in_words() {
        let refusal = |path: &str| {
            CsvFile::load(Path::new(path))
                .err()
                .map(|error| error.to_string())
                .unwrap()
        };
        assert!(refusal("/nowhere/at/all.csv").contains("No such file"));
        assert!(refusal("/").contains("is a directory"));
    }

    #[test]
    fn hash_depends_on_content_only() {
        let one = CsvFile::parse("one.csv", Cow::Borrowed(b"a\n1\n")).unwrap();
        let other = CsvFile::parse("other.csv", Cow::Borrowed(b"a\n1\n")).unwrap();
        assert_eq!(one.hash, other.hash);
        assert_ne!(one.hash, parse(b"a\n2\n").unwrap().hash);
    }
}
