//! Writing a node as JSONB, in one pass.
//!
//! The same bytes come out as from Postgres' own `convertToJsonb`, so values compare, hash and compress alike.

use std::fmt;

use super::view::{
    ARRAY, CONTAINER, FALSE, HAS_OFFSET, MAXIMUM_BYTES, NULL, NUMERIC, OBJECT, OFFSET_STRIDE,
    SCALAR, STRING, TRUE,
};
use super::{Jsonb, Node, View, check_for_interrupts};

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
        buffer.extend_from_slice(bytes);
        Ok(kind)
    };
    match node {
        Node::View(View::Null) => Ok(NULL),
        Node::View(View::Boolean(false)) => Ok(FALSE),
        Node::View(View::Boolean(true)) => Ok(TRUE),
        Node::View(View::String(text)) => {
            buffer.extend_from_slice(text);
            Ok(STRING)
        }
        Node::View(View::Number(number)) => raw(number, NUMERIC, buffer),
        Node::Sum(number) => raw(number, NUMERIC, buffer),
        Node::View(View::Array(container) | View::Object(container)) => {
            raw(container.bytes(), CONTAINER, buffer)
        }
        Node::Array(elements) => {
            let mut entries = Entries::open(ARRAY, elements.len(), elements.len(), buffer);
            for element in elements {
                entries.add(buffer, |buffer| write(element, buffer))?;
            }
            Ok(CONTAINER)
        }
        Node::Object(members) => {
            let mut entries = Entries::open(OBJECT, members.len(), 2 * members.len(), buffer);
            for (name, _) in members {
                entries.add(buffer, |buffer| {
                    buffer.extend_from_slice(name);
                    Ok(STRING)
                })?;
            }
            for (_, value) in members {
                entries.add(buffer, |buffer| write(value, buffer))?;
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
        buffer.extend_from_slice(&header.to_ne_bytes());
        let at = buffer.len();
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
        let end = buffer.len() - self.data;
        if end > MAXIMUM_BYTES {
            return Err(TooManyBytes);
        }
        let length = match self.index % OFFSET_STRIDE {
            0 => end as u32 | HAS_OFFSET,
            _ => (buffer.len() - start) as u32,
        };
        buffer[self.at..self.at + 4].copy_from_slice(&(kind | length).to_ne_bytes());
        self.at += 4;
        self.index += 1;
        Ok(())
    }
}

fn pad(buffer: &mut Vec<u8>) {
    buffer.resize(buffer.len().next_multiple_of(4), 0);
}
