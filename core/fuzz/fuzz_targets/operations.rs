//! Any JSON is read as a list of operations or refused; applied, it leaves a document that can be stored,
//! and the shortened list leaves the same one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use runmeta_core::{Json, Parsed, Shortened, Tree, apply, parse_list};

fuzz_target!(|text: &str| {
    let Ok(Json::Array(parts)) = Json::parse(text) else { return };
    let mut parts: Vec<Json> = parts.into_iter().collect();
    let Some(mut document @ Json::Object(_)) = parts.pop() else { return };
    if document.check(0).is_err() {
        return;
    }
    let Ok(operations) = parse_list(&Json::from(parts)) else { return };
    let short: Shortened<Json> = operations.iter().flatten().cloned().collect();
    let short: Vec<Parsed<Json>> = short.into_iter().map(Ok).collect();

    let mut other = document.clone();
    let unapplied = apply(&mut document, &operations);
    apply(&mut other, &short);
    assert!(unapplied.len() <= operations.len());
    assert_eq!(document.check(0), Ok(()));
    assert!(document.same_value(&other));
    assert!(document.size() >= 2);
});
