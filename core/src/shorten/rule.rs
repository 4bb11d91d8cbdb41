//! What a new operation does to the earlier ones.

use super::slots::Earlier;
use crate::{Key, Operation, Tree};

/// What a new operation does to the earlier ones.
pub(super) enum Effect<T> {
    /// It makes all of them needless, and nothing that comes later may touch any before it.
    Update,
    /// It touches every path, so nothing that comes later may touch any before it.
    All,
    /// No document takes it. It stays, so that it is reported to whoever recorded it, and touches no other.
    Refused,
    /// It is added to the increment at this position, to this sum.
    Sum(usize, T),
    /// It follows the bounded appends at this position, and makes so many of them needless.
    Append(usize, usize),
    /// It makes those at these positions needless, and comes after the others.
    Needless(Vec<usize>),
}

/// Finds out what `operation` does to the earlier ones that may overlap with it, the last one first.
pub(super) fn effect<'a, T: Tree + 'a, I: Iterator<Item = Earlier<'a, T>>>(
    operation: &Operation<T>,
    earlier: impl FnOnce(&Key) -> I,
) -> Effect<T> {
    let key = match (operation.check(), operation) {
        (Err(_), _) => return Effect::Refused,
        (Ok(()), Operation::Update { .. }) => return Effect::Update,
        (Ok(()), _) => match operation.key() {
            None => return Effect::All,
            Some(key) => key,
        },
    };
    let mut needless = Vec::new();
    for Earlier {
        position,
        operation: earlier,
        count,
    } in earlier(key)
    {
        match earlier.key() {
            Some(other) if other == key => {}
            Some(other) if !other.overlaps(key) => continue,
            _ => break,
        }
        match (earlier, operation) {
            (Operation::Increment { value: sum, .. }, Operation::Increment { value, .. }) => {
                return match sum.sum(value) {
                    Some(sum) => Effect::Sum(position, sum),
                    None => Effect::Needless(Vec::new()),
                };
            }
            (
                Operation::Append { keep: Some(_), .. },
                Operation::Append {
                    keep: Some(keep), ..
                },
            ) => {
                let keep = usize::try_from(*keep).unwrap_or(usize::MAX);
                return Effect::Append(position, (count + 1).saturating_sub(keep));
            }
            _ if makes_needless(key, operation, earlier) => needless.push(position),
            _ => break,
        }
    }
    Effect::Needless(needless)
}

/// Returns true if `later` leaves the same behind whether `earlier`, on the same key, ran or not.
fn makes_needless<T>(key: &Key, later: &Operation<T>, earlier: &Operation<T>) -> bool {
    let one_step = key.len() == 1;
    if !one_step && key.steps().any(|step| step.index.is_some()) {
        return false;
    }
    match later {
        Operation::Set { .. } => true,
        Operation::Delete { .. } => {
            one_step || matches!(earlier, Operation::Delete { .. } | Operation::Remove { .. })
        }
        _ => false,
    }
}
