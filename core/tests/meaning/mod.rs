//! What the page of meanings says, sentence by sentence, as cases written by hand.
//!
//! A test is a sentence; its cases are a document, a list of operations, the document that must come out
//! and the operations that must be skipped. Everything is JSON text, and documents are compared number by
//! number as text: 1 and 1.0 are different here, so a case also fixes how a sum is written. Nothing that
//! this crate computes is used to judge it.

mod array;
mod depth;
mod document;
mod equality;
mod get;
mod increment;
mod key;
mod list;
mod merge;
mod path;
mod set_and_delete;
mod shortening;

use runmeta_core::{Json, Parsed, apply, parse_list};

/// A document, a list, the document that must come out, and what must be skipped: position and reason.
type Case<'a> = (&'a str, &'a str, &'a str, &'a [(usize, &'a str)]);

/// Nothing is skipped.
const NONE: &[(usize, &str)] = &[];

fn json(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Checks the cases, and of each that the list stays as it is and does the same when it is applied again.
fn check(cases: &[Case<'_>]) {
    for (document, operations, expected, unapplied) in cases {
        let list = parse_list(&json(operations)).unwrap();
        let before = list.clone();
        for round in ["at first", "again"] {
            let (result, skipped) = applied(document, &list);
            assert_eq!(
                result.to_string(),
                json(expected).to_string(),
                "{round}: {operations} on {document}"
            );
            assert_eq!(skipped, *unapplied, "{round}: {operations} on {document}");
            assert_eq!(list, before, "{round}: {operations} on {document}");
        }
    }
}

fn applied(document: &str, list: &[Parsed<Json>]) -> (Json, Vec<(usize, &'static str)>) {
    let mut document = json(document);
    let unapplied = apply(&mut document, list);
    let skipped = unapplied.iter();
    (
        document,
        skipped.map(|one| (one.index, one.reason.code())).collect(),
    )
}
