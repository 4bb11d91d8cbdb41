//! The conformance cases, applied by this crate.

use runmeta_core::{Json, apply, parse_list};

#[test]
fn every_case_gives_the_expected_document_and_positions() {
    let cases = include_str!("operations.jsonl");
    let mut count = 0;
    for (line, case) in cases.lines().enumerate() {
        let case = Json::parse(case).unwrap();
        let part = |name: &str| case.get(name).unwrap();
        let mut document = part("doc").clone();
        let operations = parse_list(part("ops")).unwrap();
        let unapplied: Json = apply(&mut document, &operations)
            .iter()
            .map(|skipped| Json::from(skipped.index))
            .collect();
        assert!(
            document.same_value(part("expected")),
            "case {}: {document} is not {}",
            line + 1,
            part("expected")
        );
        assert_eq!(&unapplied, part("unapplied"), "case {}", line + 1);
        count += 1;
    }
    assert_eq!(count, 3000);
}
