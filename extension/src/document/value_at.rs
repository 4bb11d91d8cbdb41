//! The value at a key or path, as it lies in a document.

use runmeta_core::Key;

use crate::jsonb::View;
use crate::refusal::{Refusal, shown};

/// Returns the value at a key or path, or `None` if there is none.
///
/// # Errors
///
/// [`Refusal::BadPath`] if the key begins like a path and cannot be read as one, also where there is no document.
pub fn value_at<'a>(document: Option<View<'a>>, key: &str) -> Result<Option<View<'a>>, Refusal> {
    let key = Key::parse(key).map_err(|bad| Refusal::BadPath {
        key: shown(key),
        bad,
    })?;
    Ok(document.and_then(|document| value_at_key(document, &key)))
}

/// Returns the value at a key that was read, or `None` if there is none.
pub fn value_at_key<'a>(document: View<'a>, key: &Key) -> Option<View<'a>> {
    key.steps().try_fold(document, |place, step| match place {
        View::Object(object) => object.member(step.name.as_bytes()),
        View::Array(array) => array.element(step.position(array.count()).ok()?),
        _ => None,
    })
}
