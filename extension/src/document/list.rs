//! Reading lists of operations, within bounds.

use runmeta_core::wire::MAXIMUM_OPERATIONS;
use runmeta_core::{NotAList, Parsed, parse_list};

use crate::jsonb::{Node, View};
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
