//! Writing a node as JSONB, in one pass.
//!
//! The same bytes come out as from Postgres' own `convertToJsonb`, so values compare, hash and compress alike.

use std::fmt;
use std::ops::Range;

use super::rope::Piece;
use super::view::{
    ARRAY, CONTAINER, FALSE, HAS_OFFSET, MAXIMUM_BYTES, NULL, NUMERIC, OBJECT, OFFSET_STRIDE,
    SCALAR, STRING, TRUE,
};
use super::{Container, Jsonb, Node, View, check_for_interrupts};
use crate::memory;

/// A container would have more bytes than JSONB can count: 268,435,455.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyBytes;

impl fmt::Display for TooManyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a jsonb container would exceed {MAXIMUM_BYTES} bytes")
    }
}

/// Writes an object or array.
///
/// # Errors
///
/// [`TooManyBytes`] if JSONB cannot hold it.
pub fn encode(root: &Node<'_>, expected_bytes: usize) -> Result<Jsonb<'static>, TooManyBytes> {
    let mut buffer = Jsonb::header(expected_bytes);
    write(root, &mut buffer)?;
    Ok(Jsonb::from_buffer(buffer))
}

/// Writes an array of elements that are made one by one: none has to be kept.
///
/// # Errors
///
/// [`TooManyBytes`] if JSONB cannot hold it.
pub fn encode_array<'a>(
    elements: impl ExactSizeIterator<Item = Node<'a>>,
) -> Result<Jsonb<'static>, TooManyBytes> {
    let mut buffer = Jsonb::header(0);
    let mut entries = Entries::open(ARRAY, elements.len(), elements.len(), &mut buffer);
    for element in elements {
        entries.add(&mut buffer, |buffer| write(&element, buffer))?;
    }
    Ok(Jsonb::from_buffer(buffer))
}

/// Writes any value, a scalar as Postgres keeps it at the top: in an array of one with a mark.
///
/// # Errors
///
/// [`TooManyBytes`] if JSONB cannot hold it.
pub fn encode_value(value: View<'_>) -> Result<Jsonb<'static>, TooManyBytes> {
    if let View::Array(container) | View::Object(container) = value {
        return encode(&Node::View(value), container.bytes().len());
    }
    let mut buffer = Jsonb::header(64);
    let mut entries = Entries::open(ARRAY | SCALAR, 1, 1, &mut buffer);
    entries.add(&mut buffer, |buffer| write(&Node::View(value), buffer))?;
    Ok(Jsonb::from_buffer(buffer))
}

/// Writes a value at the end of the buffer, behind padding if its form needs it. Returns the type that its
/// entry has.
fn write(node: &Node<'_>, buffer: &mut Vec<u8>) -> Result<u32, TooManyBytes> {
    let raw = |bytes: &[u8], kind, buffer: &mut Vec<u8>| {
        pad(buffer);
        append(buffer, bytes);
        Ok(kind)
    };
    match node {
        Node::View(View::Null) => Ok(NULL),
        Node::View(View::Boolean(false)) => Ok(FALSE),
        Node::View(View::Boolean(true)) => Ok(TRUE),
        Node::View(View::String(text)) => {
            append(buffer, text);
            Ok(STRING)
        }
        Node::View(View::Number(number)) => raw(number, NUMERIC, buffer),
        Node::Sum(number) => raw(number, NUMERIC, buffer),
        Node::View(View::Array(container) | View::Object(container)) => {
            raw(container.bytes(), CONTAINER, buffer)
        }
        Node::Array(elements) => {
            let count = elements.length();
            let mut entries = Entries::open(ARRAY, count, count, buffer);
            for piece in elements.pieces() {
                match piece {
                    Piece::One(element) => entries.add(buffer, |buffer| write(element, buffer))?,
                    Piece::Run(run) => entries.copy(buffer, run.container, run.start..run.end)?,
                }
            }
            Ok(CONTAINER)
        }
        Node::Object(members) => {
            let count = members.length();
            let mut entries = Entries::open(OBJECT, count, 2 * count, buffer);
            for piece in members.pieces() {
                match piece {
                    Piece::One(member) => entries.add(buffer, |buffer| {
                        append(buffer, &member.name);
                        Ok(STRING)
                    })?,
                    Piece::Run(run) => entries.copy(buffer, run.container, run.start..run.end)?,
                }
            }
            for piece in members.pieces() {
                match piece {
                    Piece::One(member) => {
                        entries.add(buffer, |buffer| write(&member.value, buffer))?;
                    }
                    Piece::Run(run) => {
                        let names = run.container.count();
                        entries.copy(buffer, run.container, names + run.start..names + run.end)?;
                    }
                }
            }
            Ok(CONTAINER)
        }
    }
}

/// The entries of a container while its data are written behind them.
struct Entries {
    /// Where the next entry stands in the buffer.
    at: usize,
    index: usize,
    /// Where the data begin.
    data: usize,
}

impl Entries {
    fn open(kind: u32, count: usize, entries: usize, buffer: &mut Vec<u8>) -> Entries {
        pad(buffer);
        // A count beyond 28 bits has more bytes of entries than the container may have of data.
        let header = kind | u32::try_from(count).unwrap_or(u32::MAX) & 0x0FFF_FFFF;
        append(buffer, &header.to_ne_bytes());
        let at = buffer.len();
        memory::reserve(buffer, 4 * entries);
        buffer.resize(at + 4 * entries, 0);
        Entries {
            at,
            index: 0,
            data: buffer.len(),
        }
    }

    /// Lets `write` write the data of the next entry, and fills the entry in.
    fn add(
        &mut self,
        buffer: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>) -> Result<u32, TooManyBytes>,
    ) -> Result<(), TooManyBytes> {
        check_for_interrupts();
        let start = buffer.len();
        let kind = write(buffer)?;
        let end = buffer.len();
        self.fill_in(buffer, kind, end - start, end - self.data)
    }

    /// Writes entries of another container as they are stored there.
    fn copy(
        &mut self,
        buffer: &mut Vec<u8>,
        container: Container<'_>,
        range: Range<usize>,
    ) -> Result<(), TooManyBytes> {
        let (first, data, lengths) = container.stored(range.clone());
        let mut end = buffer.len() - self.data;
        // Padding stands before numbers and containers, so it stays right only where the place moves by whole words.
        if end % 4 != first % 4 {
            return container
                .views(range)
                .try_for_each(|view| self.add(buffer, |buffer| write(&Node::View(view), buffer)));
        }
        append(buffer, data);
        for (kind, length) in lengths {
            end += length;
            self.fill_in(buffer, kind, length, end)?;
        }
        Ok(())
    }

    /// Fills the next entry in: the type, the length of its data and, behind those of the others, their end.
    fn fill_in(
        &mut self,
        buffer: &mut [u8],
        kind: u32,
        length: usize,
        end: usize,
    ) -> Result<(), TooManyBytes> {
        if end > MAXIMUM_BYTES {
            return Err(TooManyBytes);
        }
        let length = match self.index % OFFSET_STRIDE {
            0 => end as u32 | HAS_OFFSET,
            _ => length as u32,
        };
        buffer[self.at..self.at + 4].copy_from_slice(&(kind | length).to_ne_bytes());
        self.at += 4;
        self.index += 1;
        Ok(())
    }
}

/// Puts bytes at the end of the buffer.
fn append(buffer: &mut Vec<u8>, bytes: &[u8]) {
    memory::reserve(buffer, bytes.len());
    buffer.extend_from_slice(bytes);
}

fn pad(buffer: &mut Vec<u8>) {
    let length = buffer.len().next_multiple_of(4);
    memory::reserve(buffer, length - buffer.len());
    buffer.resize(length, 0);
}
