//! The conformance cases, applied by this crate.

use runmeta_core::{apply, parse_list, same_value};
use serde_json::Value;

#[test]
fn every_case_gives_the_expected_document_and_positions() {
    let cases = include_str!("operations.jsonl");
    let mut count = 0;
    for (line, case) in cases.lines().enumerate() {
        let case: Value = serde_json::from_str(case).unwrap();
        let mut document = case["doc"].clone();
        let operations = parse_list(&case["ops"]).unwrap();
        let unapplied: Vec<usize> = apply(&mut document, &operations)
            .iter()
            .map(|skipped| skipped.index)
            .collect();
        assert!(
            same_value(&document, &case["expected"]),
            "case {}: {document} is not {}",
            line + 1,
            case["expected"]
        );
        assert_eq!(
            serde_json::json!(unapplied),
            case["unapplied"],
            "case {}",
            line + 1
        );
        count += 1;
    }
    assert_eq!(count, 3000);
}
