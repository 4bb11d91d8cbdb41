//! Reading lists of operations, within bounds.

use runmeta_core::wire::MAXIMUM_OPERATIONS;
use runmeta_core::{Key, NotAList, Operation, Parsed, parse_list};

use crate::jsonb::{Jsonb, Node, View, encode_array, from_index};
use crate::refusal::Refusal;

/// Reads a list of operations.
///
/// # Errors
///
/// [`Refusal::NotAList`], or [`Refusal::TooManyOperations`].
pub fn read<'a>(list: View<'a>) -> Result<Vec<Parsed<Node<'a>>>, Refusal> {
    check_count(list)?;
    Ok(parse_list(&Node::View(list))?)
}

/// Returns the number of operations of a list, without reading them.
///
/// # Errors
///
/// As [`read`].
pub fn count(list: View<'_>) -> Result<usize, Refusal> {
    check_count(list)?;
    let View::Array(elements) = list else {
        return Err(NotAList::NotAnArray.into());
    };
    let mut views = elements.elements();
    match views.position(|element| !matches!(element, View::Object(_))) {
        Some(position) => Err(NotAList::NotAnObject(position).into()),
        None => Ok(elements.count()),
    }
}

fn check_count(list: View<'_>) -> Result<(), Refusal> {
    match list {
        View::Array(elements) if elements.count() > MAXIMUM_OPERATIONS => {
            Err(Refusal::TooManyOperations {
                limit: MAXIMUM_OPERATIONS,
            })
        }
        _ => Ok(()),
    }
}

/// Writes a list of one operation.
///
/// # Errors
///
/// [`Refusal::TooManyBytes`].
pub fn of_one(operation: &Operation<Node<'_>>) -> Result<Jsonb<'static>, Refusal> {
    let keep = match operation {
        Operation::Append { keep, .. } => *keep,
        _ => None,
    };
    let keep = keep.map(|keep| usize::try_from(keep).unwrap_or(usize::MAX));
    let member = Node::of_members([
        operation
            .key()
            .map(Key::as_str)
            .map(|key| ("key", Node::text(key))),
        keep.map(|keep| ("keep", Node::Sum(from_index(keep).into()))),
        Some(("type", Node::text(operation.operation_type().name()))),
        operation.value().map(|value| ("value", value.clone())),
    ]);
    encode_array([member].into_iter()).map_err(|_| Refusal::TooManyBytes)
}

/// Writes a list without the operations that cannot be read.
///
/// # Errors
///
/// [`Refusal::TooManyBytes`].
pub fn readable(
    list: View<'_>,
    operations: &[Parsed<Node<'_>>],
) -> Result<Jsonb<'static>, Refusal> {
    let View::Array(elements) = list else {
        return Ok(Jsonb::empty_array());
    };
    let readable: Vec<Node<'_>> = elements
        .elements()
        .zip(operations)
        .filter(|(_, operation)| operation.is_ok())
        .map(|(element, _)| Node::View(element))
        .collect();
    encode_array(readable.into_iter()).map_err(|_| Refusal::TooManyBytes)
}
