//! Any text is read as JSON exactly if `serde_json` reads it, and what is read is written and read the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use runmeta_core::Json;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let theirs = serde_json::from_str::<Value>(text);
    let Ok(ours) = Json::parse(text) else {
        assert!(theirs.is_err());
        return;
    };
    assert_eq!(Json::parse(&ours.to_string()).as_ref(), Ok(&ours));
    // Numbers beyond the largest float are exact here and refused there.
    match (Value::try_from(&ours), theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs),
        (ours, theirs) => assert!(ours.is_err() && theirs.is_err()),
    }
});
