//! What of a document does not fit, in words: where, and what the schema asks for. Never a value.

use std::borrow::Cow;
use std::fmt::Write as _;

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{ValidationError, Validator};

use super::node::{Document, DocumentNode};
use crate::jsonb::{Jsonb, View, fits_depth};

/// Violations that are told of a document. More are counted.
const TOLD: usize = 5;
/// Bytes of a path and of a message. A guess: enough for the keys that people use, too few to flood a log.
const MAXIMUM_BYTES: usize = 200;

/// A place of a document that does not fit.
pub struct Violation {
    /// The place, as the functions take it: `$.user.name`.
    pub path: String,
    /// What the schema asks for there.
    pub message: String,
    /// The place within the schema that asks for it.
    pub keyword: String,
}

/// The places of a document that do not fit, of which there is at least one.
pub struct Violations {
    /// The first of them.
    pub first: Vec<Violation>,
    more: usize,
}

/// Returns what of a document does not fit. `None` if all does.
pub fn find(validator: &Validator<Document>, document: &Jsonb<'_>) -> Option<Violations> {
    let view = document.view();
    let node = match view {
        View::Object(container) | View::Array(container) if fits_depth(view, 0) => {
            DocumentNode::of(container)
        }
        View::Object(_) | View::Array(_) => {
            return Some(Violations::of(
                "the document nests more than 100 levels",
                "depth",
            ));
        }
        _ => return Some(Violations::of("the document is not an object", "type")),
    };
    // Most documents fit, and that is found out in a fifth of the time.
    if validator.is_valid(node) {
        return None;
    }
    let mut errors = validator.iter_errors(node);
    let first: Vec<Violation> = errors
        .by_ref()
        .take(TOLD)
        .map(|error| Violation::of(&error))
        .collect();
    match first.is_empty() {
        true => Some(Violations::of("the document does not fit the schema", "")),
        false => Some(Violations {
            first,
            more: errors.count(),
        }),
    }
}

impl Violations {
    fn of(message: &str, keyword: &str) -> Self {
        Violations {
            first: vec![Violation {
                path: "$".to_owned(),
                message: message.to_owned(),
                keyword: keyword.to_owned(),
            }],
            more: 0,
        }
    }

    /// Returns all of them as the detail of an error.
    pub fn detail(&self) -> String {
        let mut detail = String::new();
        for (position, Violation { path, message, .. }) in self.first.iter().enumerate() {
            let before = if position == 0 { "At" } else { "; at" };
            // Writing to a text cannot fail.
            let _ = write!(detail, "{before} {path}: {message}");
        }
        if self.more > 0 {
            let _ = write!(detail, "; and {} more", self.more);
        }
        detail.push('.');
        detail
    }
}

impl Violation {
    fn of(error: &ValidationError<'_>) -> Self {
        let message = match error.kind() {
            ValidationErrorKind::AdditionalItems { limit } => {
                format!("there are more than {limit} items")
            }
            ValidationErrorKind::UnevaluatedItems { unexpected } => {
                format!("{} items are not expected", unexpected.len())
            }
            // The library's text has the schema, which may be long.
            ValidationErrorKind::Not { .. } => "value fits what the schema excludes".to_owned(),
            ValidationErrorKind::FalseSchema => "the schema allows no value here".to_owned(),
            _ => error.masked().to_string(),
        };
        Violation {
            path: shorten(&path_of(error.instance_path())).into_owned(),
            message: shorten(&message).into_owned(),
            keyword: error.schema_path().as_str().to_owned(),
        }
    }
}

/// Writes a location as the path by which the functions address it.
pub fn path_of(location: &Location) -> String {
    let mut path = "$".to_owned();
    for segment in location {
        match segment {
            LocationSegment::Index(index) => {
                let _ = write!(path, "[{index}]");
            }
            LocationSegment::Property(name) if is_plain(&name) => {
                let _ = write!(path, ".{name}");
            }
            LocationSegment::Property(name) => {
                let _ = write!(path, "[\"{}\"]", name.escape_debug());
            }
        }
    }
    path
}

fn is_plain(name: &str) -> bool {
    let is_plain =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '$' | '@');
    !name.is_empty() && name.chars().all(is_plain)
}

/// Shortens a text at a character's border, and puts it on one line.
pub fn shorten(text: &str) -> Cow<'_, str> {
    let has_control = text.chars().any(char::is_control);
    if text.len() <= MAXIMUM_BYTES && !has_control {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(MAXIMUM_BYTES);
    let mut short = text[..end].replace(char::is_control, " ");
    if end < text.len() {
        short.push_str("...");
    }
    Cow::Owned(short)
}
