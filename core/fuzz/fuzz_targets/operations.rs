//! Any JSON is read as a list of operations or refused; applied, it leaves a document that can be stored,
//! and the shortened list leaves the same one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use runmeta_core::{Parsed, Shortened, Tree, apply, parse_list, same_value, size};
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Ok(Value::Array(mut parts)) = serde_json::from_str(text) else { return };
    let Some(mut document @ Value::Object(_)) = parts.pop() else { return };
    if document.check(0).is_err() {
        return;
    }
    let Ok(operations) = parse_list(&Value::Array(parts)) else { return };
    let short: Shortened<Value> = operations.iter().flatten().cloned().collect();
    let short: Vec<Parsed<Value>> = short.into_iter().map(Ok).collect();

    let mut other = document.clone();
    let unapplied = apply(&mut document, &operations);
    apply(&mut other, &short);
    assert!(unapplied.len() <= operations.len());
    assert_eq!(document.check(0), Ok(()));
    assert!(same_value(&document, &other));
    assert!(size(&document) >= 2);
});
