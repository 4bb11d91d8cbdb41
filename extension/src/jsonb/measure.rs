//! Walking a value for its size and its depth.
//!
//! JSONB may nest about 14,000 levels, so the walks keep what is still to be visited in a list and do
//! not recurse.

use runmeta_core::MAXIMUM_DEPTH;

use super::{Container, View, check_for_interrupts, numeric};

/// Returns the number of UTF-8 bytes of the compact JSON text, without writing it.
pub fn size(root: View<'_>) -> usize {
    let mut open = Vec::new();
    let mut total = own_size(root, &mut open);
    while let Some(container) = open.pop() {
        check_for_interrupts();
        total += container_size(container, &mut open);
    }
    total
}

/// Returns the size of a scalar. A container is put into `open` and counts nothing yet.
fn own_size<'a>(view: View<'a>, open: &mut Vec<View<'a>>) -> usize {
    match view {
        View::Null | View::Boolean(true) => 4,
        View::Boolean(false) => 5,
        View::Number(number) => numeric::text_length(number),
        View::String(text) => string_size(text),
        View::Array(_) | View::Object(_) => {
            open.push(view);
            0
        }
    }
}

/// Returns the size of a container's brackets, commas, names and scalars.
fn container_size<'a>(view: View<'a>, open: &mut Vec<View<'a>>) -> usize {
    let brackets = |count: usize| 2 + count.saturating_sub(1);
    match view {
        View::Object(object) => {
            let members = object
                .members()
                .map(|(name, value)| string_size(name) + 1 + own_size(value, open))
                .sum::<usize>();
            brackets(object.count()) + members
        }
        View::Array(array) => {
            let elements = array
                .elements()
                .map(|element| own_size(element, open))
                .sum::<usize>();
            brackets(array.count()) + elements
        }
        _ => 0,
    }
}

/// Returns the bytes of a text as JSON, quoted and escaped.
fn string_size(text: &[u8]) -> usize {
    let escaped = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    // Blocks without a branch inside are done with vector instructions; few have anything to escape.
    let growth = |part: &[u8]| {
        check_for_interrupts();
        let blocks = part
            .chunks(64)
            .filter(|block| block.iter().fold(false, |any, &byte| any | escaped(byte)));
        let bytes = blocks.flatten();
        bytes
            .map(|&byte| runmeta_core::escape_growth(byte))
            .sum::<usize>()
    };
    // A megabyte at a time, which takes a millisecond at most, so that a text of 250 can be cancelled.
    2 + text.len() + text.chunks(1024 * 1024).map(growth).sum::<usize>()
}

/// Returns true if a value nests no deeper than a document may, when it is put `level` levels deep.
pub fn fits_depth(root: View<'_>, level: usize) -> bool {
    let mut open = Vec::new();
    let container = |view: View<'_>| matches!(view, View::Array(_) | View::Object(_));
    if container(root) {
        open.push((root, level));
    }
    while let Some((view, level)) = open.pop() {
        check_for_interrupts();
        if level >= MAXIMUM_DEPTH {
            return false;
        }
        let inner = children(view).filter(|child| container(*child));
        open.extend(inner.map(|child| (child, level + 1)));
    }
    true
}

fn children<'a>(view: View<'a>) -> Box<dyn Iterator<Item = View<'a>> + 'a> {
    fn values<'a>(object: Container<'a>) -> impl Iterator<Item = View<'a>> {
        object.members().map(|(_, value)| value)
    }
    match view {
        View::Array(array) => Box::new(array.elements()),
        View::Object(object) => Box::new(values(object)),
        _ => Box::new(std::iter::empty()),
    }
}
