//! Compiling a schema, within bounds: nothing is fetched, and no value of a document costs more than linear time in a pattern.

use jsonschema::json::jsonb::take_pending_error;
use jsonschema::json::{Jsonb as Form, Node};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::node::Document;
use super::violation::{path_of, shorten};
use crate::jsonb::{self, Jsonb, View, check_for_interrupts, fits_depth};
use crate::refusal::{ContractRefusal, Refusal};

/// Bytes of a schema as compact JSON. One of 200 properties with descriptions has some 20 kB; compiling 64 takes 30 ms at the
/// most, once a session.
const MAXIMUM_BYTES: usize = 64 * 1024;
/// Patterns of a schema. Each is compiled to at most [`PATTERN_BYTES`].
const MAXIMUM_PATTERNS: usize = 64;
/// Bytes of a compiled pattern. A guess: enough for a class of letters, repeated a hundred times.
const PATTERN_BYTES: usize = 4 * 1024 * 1024;

/// Compiles a schema.
///
/// # Errors
///
/// [`ContractRefusal::BadSchema`] with the place within the schema, or [`ContractRefusal::SchemaTooLarge`].
pub fn compile(schema: &Jsonb<'_>) -> Result<Validator<Document>, Refusal> {
    let View::Object(container) = schema.view() else {
        return Err(bad("", "is not an object"));
    };
    let size = jsonb::size(schema.view());
    if size > MAXIMUM_BYTES {
        let problem =
            format!("It has {size} bytes as compact JSON, and the limit is {MAXIMUM_BYTES}.");
        return Err(ContractRefusal::SchemaTooLarge { problem }.into());
    }
    if !fits_depth(schema.view(), 0) {
        let problem = format!("It nests more than {} levels.", runmeta_core::MAXIMUM_DEPTH);
        return Err(ContractRefusal::SchemaTooLarge { problem }.into());
    }
    drop(take_pending_error());
    let schema = Form::root(container.bytes()).to_value().into_owned();
    if take_pending_error().is_some() {
        return Err(bad("", "a number is beyond those of 64-bit floats"));
    }
    let patterns = count_patterns(&schema);
    if patterns > MAXIMUM_PATTERNS {
        let problem = format!("It has {patterns} patterns, and the limit is {MAXIMUM_PATTERNS}.");
        return Err(ContractRefusal::SchemaTooLarge { problem }.into());
    }
    let patterns = PatternOptions::regex()
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(PATTERN_BYTES);
    let validator = jsonschema::options_for::<Document>()
        .offline()
        .with_pattern_options(patterns)
        .build(&schema)
        .map_err(|error| refused(&error));
    // What it has taken is looked at here, since nobody can look while it is made.
    check_for_interrupts();
    validator
}

fn refused(error: &ValidationError<'_>) -> Refusal {
    bad(&path_of(error.instance_path()), &error.to_string())
}

fn bad(path: &str, problem: &str) -> Refusal {
    let path = match path {
        "" => "$",
        path => path,
    };
    ContractRefusal::BadSchema {
        path: shorten(path).into_owned(),
        problem: shorten(problem).into_owned(),
    }
    .into()
}

/// Counts what may be a pattern. Nests no deeper than a schema may.
fn count_patterns(schema: &Value) -> usize {
    match schema {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let own = match (name.as_str(), value) {
                    ("pattern", Value::String(_)) => 1,
                    ("patternProperties", Value::Object(patterns)) => patterns.len(),
                    _ => 0,
                };
                own + count_patterns(value)
            })
            .sum(),
        Value::Array(elements) => elements.iter().map(count_patterns).sum(),
        _ => 0,
    }
}
