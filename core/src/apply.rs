//! Applying a list of operations to a document: the one place that says what each operation does.
//!
//! An operation either takes effect whole or not at all. Containers are created only below a place
//! that was missing or null, and nothing below such a place can fail any more, so a failed operation
//! leaves none behind.

use std::mem;

use crate::{BadValue, Key, Kind, Operation, Parsed, Reason, Tree};

/// An operation that was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unapplied {
    /// The position in the list, from 0.
    pub index: usize,
    /// Why it was skipped.
    pub reason: Reason,
}

/// Applies the operations in order, each to the result of the one before.
///
/// `document` is an object. Returns those operations that could not be applied; they had no effect
/// and the others took theirs.
pub fn apply<T: Tree>(document: &mut T, operations: &[Parsed<T>]) -> Vec<Unapplied> {
    let mut unapplied = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        T::interrupt_point();
        let result = operation.as_ref().map_err(|reason| *reason);
        if let Err(reason) = result.and_then(|operation| apply_one(document, operation)) {
            unapplied.push(Unapplied { index, reason });
        }
    }
    unapplied
}

fn apply_one<T: Tree>(document: &mut T, operation: &Operation<T>) -> Result<(), Reason> {
    match operation {
        Operation::Set { key, value } => *slot(document, key)?.0 = value.clone(),
        Operation::Delete { key } => delete(document, key),
        Operation::Update { value } => *document = value.clone(),
        Operation::Merge { key: None, value } => merge(document, value),
        Operation::Merge {
            key: Some(key),
            value,
        } if value.kind() == Kind::Null => {
            delete(document, key);
        }
        Operation::Merge {
            key: Some(key),
            value,
        } => merge(slot(document, key)?.0, value),
        Operation::Append { key, value, keep } => append(document, key, value, *keep)?,
        Operation::Remove { key, value } => match find(document, key) {
            Some(array) if array.kind() == Kind::Array => array.remove_equal(value),
            _ => return Err(Reason::NotAnArray),
        },
        Operation::Increment { key, value } => {
            let (number, _) = slot(document, key)?;
            *number = match number.kind() {
                Kind::Number => number.sum(value).ok_or(BadValue::NumberOutOfRange)?,
                _ => value.clone(),
            };
        }
    }
    Ok(())
}

/// Returns the place that a key addresses, created as null if it was missing, and whether it was
/// there before.
fn slot<'a, T: Tree>(document: &'a mut T, key: &Key) -> Result<(&'a mut T, bool), Reason> {
    let mut place = document;
    let mut existed = true;
    for step in key.steps() {
        if place.kind() == Kind::Null {
            *place = T::object();
        }
        (place, existed) = match place.kind() {
            Kind::Object => place.member_or_null(step.name),
            Kind::Array => {
                let length = place.length();
                let position = step.position(length)?;
                if position == length {
                    place.push(T::null());
                }
                let element = place.element_mut(position).ok_or(Reason::IndexOutOfRange)?;
                (element, position < length)
            }
            _ => return Err(Reason::NotAContainer),
        };
    }
    Ok((place, existed))
}

/// Returns the place that a key addresses, if it is there.
fn find<'a, T: Tree>(document: &'a mut T, key: &Key) -> Option<&'a mut T> {
    let mut place = document;
    for step in key.steps() {
        place = match place.kind() {
            Kind::Object => place.member_mut(step.name)?,
            Kind::Array => {
                let position = step.position(place.length()).ok()?;
                place.element_mut(position)?
            }
            _ => return None,
        };
    }
    Some(place)
}

fn delete<T: Tree>(document: &mut T, key: &Key) {
    let mut place = document;
    let mut steps = key.steps().peekable();
    while let Some(step) = steps.next() {
        let last = steps.peek().is_none();
        let next = match place.kind() {
            Kind::Object if last => return place.remove_member(step.name),
            Kind::Object => place.member_mut(step.name),
            Kind::Array => match step.position(place.length()) {
                Ok(position) if last => return place.remove_element(position),
                Ok(position) => place.element_mut(position),
                Err(_) => None,
            },
            _ => None,
        };
        match next {
            Some(next) => place = next,
            None => return,
        }
    }
}

fn append<T: Tree>(
    document: &mut T,
    key: &Key,
    value: &T,
    keep: Option<u64>,
) -> Result<(), Reason> {
    let (place, existed) = slot(document, key)?;
    match place.kind() {
        Kind::Array => place.push(value.clone()),
        // The only element that stays is the new one, however deep the old value nests.
        _ if !existed || keep == Some(1) => *place = T::array(vec![value.clone()]),
        _ => {
            place.check(key.len() + 1)?;
            let old = mem::replace(place, T::null());
            *place = T::array(vec![old, value.clone()]);
        }
    }
    if let Some(keep) = keep {
        place.keep_last(keep);
    }
    Ok(())
}

/// Merges as RFC 7396 says. Recurses as deep as `patch`, whose depth was checked.
fn merge<T: Tree>(target: &mut T, patch: &T) {
    if patch.kind() != Kind::Object {
        *target = patch.clone();
        return;
    }
    if target.kind() != Kind::Object {
        *target = T::object();
    }
    patch.each_member(&mut |name, value| match value.kind() {
        Kind::Null => target.remove_member(name),
        _ => merge(target.member_or_null(name).0, value),
    });
}
