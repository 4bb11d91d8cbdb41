//! Reading JSONB as it lies in memory.
//!
//! A container is a header with its count, one entry of four bytes for each key and value, and the
//! data. An entry has a type and the length of its data or, each 32nd, the offset of their end, so
//! that neither long containers nor compression suffer. Numbers and containers begin at multiples of four.

use std::cmp::Ordering;
use std::ops::Range;

use super::check_for_interrupts;

const COUNT_MASK: u32 = 0x0FFF_FFFF;
pub(super) const SCALAR: u32 = 0x1000_0000;
pub(super) const OBJECT: u32 = 0x2000_0000;
pub(super) const ARRAY: u32 = 0x4000_0000;

const LENGTH_MASK: u32 = 0x0FFF_FFFF;
pub(super) const HAS_OFFSET: u32 = 0x8000_0000;
const TYPE_MASK: u32 = 0x7000_0000;
pub(super) const STRING: u32 = 0x0000_0000;
pub(super) const NUMERIC: u32 = 0x1000_0000;
pub(super) const FALSE: u32 = 0x2000_0000;
pub(super) const TRUE: u32 = 0x3000_0000;
pub(super) const NULL: u32 = 0x4000_0000;
pub(super) const CONTAINER: u32 = 0x5000_0000;

/// An entry that stores an offset instead of a length, each so many.
pub(super) const OFFSET_STRIDE: usize = 32;
/// The most bytes of data a container can have.
pub(super) const MAXIMUM_BYTES: usize = LENGTH_MASK as usize;

/// A JSON value, borrowed.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number, as the bytes of a `numeric` with its header.
    Number(&'a [u8]),
    /// The bytes of a text.
    String(&'a [u8]),
    /// An array.
    Array(Container<'a>),
    /// An object.
    Object(Container<'a>),
}

/// An array or an object, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// From the header on.
    bytes: &'a [u8],
}

/// The order in which an object keeps its names: short ones first, then by bytes.
pub fn compare_names(left: &[u8], right: &[u8]) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

impl<'a> View<'a> {
    /// Reads a whole value, which begins with the header of its outermost container. A scalar is kept
    /// as an array of one.
    pub fn root(bytes: &'a [u8]) -> View<'a> {
        let container = Container { bytes };
        let header = container.word(0);
        if header & SCALAR != 0 {
            return container.elements().next().unwrap_or(View::Null);
        }
        View::container(bytes)
    }

    /// Returns `{}`.
    pub fn empty_object() -> View<'static> {
        const EMPTY: [u8; 4] = OBJECT.to_ne_bytes();
        View::Object(Container { bytes: &EMPTY })
    }

    fn container(bytes: &'a [u8]) -> View<'a> {
        let container = Container { bytes };
        match container.word(0) & OBJECT {
            0 => View::Array(container),
            _ => View::Object(container),
        }
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            View::String(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

impl<'a> Container<'a> {
    /// Returns the bytes from the header on.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the number of elements of an array, or of members of an object.
    pub fn count(&self) -> usize {
        (self.word(0) & COUNT_MASK) as usize
    }

    /// Returns the elements of an array.
    pub fn elements(self) -> impl Iterator<Item = View<'a>> {
        self.views(0..self.count())
    }

    /// Returns the members of an object, in the order of [`compare_names`].
    pub fn members(self) -> impl Iterator<Item = (&'a [u8], View<'a>)> {
        let count = self.count();
        let data = 4 + 8 * count;
        let (mut name_end, mut value_end) = (0, self.end_of_names(count));
        (0..count).map(move |index| {
            interrupt_now_and_then(index);
            let (_, start, end) = self.next_entry(index, &mut name_end);
            let name = self.slice(data + start, data + end);
            (name, self.next_view(count + index, data, &mut value_end))
        })
    }

    /// Returns the member of an object with this name.
    pub fn member(&self, name: &[u8]) -> Option<View<'a>> {
        let count = self.count();
        let data = 4 + 8 * count;
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            let (start, end) = (self.start_of(middle), self.end_of(middle));
            match compare_names(self.slice(data + start, data + end), name) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(self.view_at(count + middle, data)),
            }
        }
        None
    }

    /// Returns the element of an array at this position.
    pub fn element(&self, position: usize) -> Option<View<'a>> {
        let count = self.count();
        (position < count).then(|| self.view_at(position, 4 + 4 * count))
    }

    /// Returns the name of the member of an object at this position.
    pub fn name(&self, position: usize) -> &'a [u8] {
        let data = 4 + 8 * self.count();
        self.slice(data + self.start_of(position), data + self.end_of(position))
    }

    /// Returns the value of the member of an object at this position.
    pub fn value(&self, position: usize) -> View<'a> {
        let count = self.count();
        self.view_at(count + position, 4 + 8 * count)
    }

    /// Returns the values of entries as they are counted in the container: the elements of an array; the names of an
    /// object, as texts, and behind them its values.
    pub(super) fn views(self, entries: Range<usize>) -> impl Iterator<Item = View<'a>> {
        let data = self.data();
        let mut end = self.start_of(entries.start);
        entries.map(move |index| {
            interrupt_now_and_then(index);
            self.next_view(index, data, &mut end)
        })
    }

    /// Returns the types and lengths of entries, and the data of all of them, which begin at an offset.
    pub(super) fn stored(
        self,
        entries: Range<usize>,
    ) -> (usize, &'a [u8], impl Iterator<Item = (u32, usize)>) {
        let data = self.data();
        let first = self.start_of(entries.start);
        let last = self.start_of(entries.end);
        let mut end = first;
        let lengths = entries.map(move |index| {
            interrupt_now_and_then(index);
            let (kind, start, end) = self.next_entry(index, &mut end);
            (kind, end.wrapping_sub(start))
        });
        (first, self.slice(data + first, data + last), lengths)
    }

    fn data(&self) -> usize {
        match self.word(0) & OBJECT {
            0 => 4 + 4 * self.count(),
            _ => 4 + 8 * self.count(),
        }
    }

    fn view_at(&self, index: usize, data: usize) -> View<'a> {
        let mut end = self.start_of(index);
        self.next_view(index, data, &mut end)
    }

    /// Returns the view of the entry `index`, whose data begin at `end`, and moves `end` behind them.
    fn next_view(&self, index: usize, data: usize, end: &mut usize) -> View<'a> {
        let (kind, start, end) = self.next_entry(index, end);
        // Padding stands before the data, inside what the entry counts as its own.
        let aligned = || self.slice(data + start.next_multiple_of(4), data + end);
        match kind {
            STRING => View::String(self.slice(data + start, data + end)),
            NUMERIC => View::Number(aligned()),
            FALSE => View::Boolean(false),
            TRUE => View::Boolean(true),
            CONTAINER => View::container(aligned()),
            _ => View::Null,
        }
    }

    fn next_entry(&self, index: usize, end: &mut usize) -> (u32, usize, usize) {
        let entry = self.word(4 + 4 * index);
        let length = (entry & LENGTH_MASK) as usize;
        let start = *end;
        *end = if entry & HAS_OFFSET != 0 {
            length
        } else {
            start + length
        };
        (entry & TYPE_MASK, start, *end)
    }

    fn end_of_names(&self, count: usize) -> usize {
        self.start_of(count)
    }

    fn end_of(&self, index: usize) -> usize {
        self.start_of(index + 1)
    }

    /// Returns the offset at which the data of an entry begin: where those of the one before end.
    fn start_of(&self, index: usize) -> usize {
        let mut length = 0;
        for before in (0..index).rev() {
            let entry = self.word(4 + 4 * before);
            length += (entry & LENGTH_MASK) as usize;
            if entry & HAS_OFFSET != 0 {
                break;
            }
        }
        length
    }

    fn word(&self, at: usize) -> u32 {
        match self.bytes.get(at..at + 4) {
            Some(&[a, b, c, d]) => u32::from_ne_bytes([a, b, c, d]),
            _ => corrupt(),
        }
    }

    fn slice(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end).unwrap_or_else(|| corrupt())
    }
}

/// Lets a walk over a container of millions be cancelled. A check costs 2 ns, as much as half an entry.
#[inline]
fn interrupt_now_and_then(index: usize) {
    if index.is_multiple_of(1024) {
        check_for_interrupts();
    }
}

/// Stops at a value that is no JSONB. Such a value comes from broken memory or storage, or from a
/// function that makes wrong ones; nobody can write one in SQL.
#[cold]
fn corrupt() -> ! {
    pgrx::ereport!(
        ERROR,
        pgrx::PgSqlErrorCode::ERRCODE_DATA_CORRUPTED,
        "a jsonb value is corrupt"
    );
}
