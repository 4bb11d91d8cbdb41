//! Any text is read as a key or refused, and what is read addresses what it says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use runmeta_core::{Json, Key, MAXIMUM_DEPTH, Operation, Tree, apply};

fuzz_target!(|text: &str| {
    let Ok(key) = Key::parse(text) else { return };
    assert_eq!(key.as_str(), text);
    assert_eq!(key.steps().count(), key.len());
    assert!((1..=MAXIMUM_DEPTH).contains(&key.len()));
    assert!(key.overlaps(&key));
    assert_eq!(key.is_plain(), !text.starts_with("$."));

    // In an empty document every step is a name, so what is set can be read, and deleted again.
    let mut document = Json::object();
    let set = Operation::Set { key: key.clone(), value: Json::from(7) };
    assert_eq!(apply(&mut document, &[Ok(set)]), []);
    assert_eq!(document.lookup(&key), Some(&Json::from(7)));
    apply(&mut document, &[Ok(Operation::Delete { key: key.clone() })]);
    assert_eq!(document.lookup(&key), None);
});
