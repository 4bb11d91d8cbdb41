//! Whether documents are large.

use super::super::quantity::size;
use super::{Facts, Finding};

const CHECK: &str = "large";
/// Such a document is written in a millisecond and leaves as many bytes behind. A guess at where that begins to matter.
const LARGE: i64 = 100_000;

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let limit = facts.activity.as_ref()?.maximum_size;
    // With a low limit, documents are near it long before they are large.
    let near = limit / 10 * 9;
    let large: Vec<&(String, i64)> = facts
        .large
        .iter()
        .filter(|(_, bound)| *bound >= LARGE.min(near))
        .collect();
    if large.is_empty() {
        return None;
    }
    let named: Vec<String> = large
        .iter()
        .map(|(run, bound)| format!("\"{run}\" (up to {})", size(*bound)))
        .collect();
    let message = match large.iter().any(|(_, bound)| *bound >= near) {
        true => "unfinished runs have documents that reach the limit of their size",
        false => "unfinished runs have large documents",
    };
    Some(
        Finding::warning(CHECK, message)
            .with_detail(format!("The largest of the newest 10,000 that have not finished: {}. The limit, runmeta.maximum_size, is {}. Each write stores the whole document anew.", named.join(", "), size(limit)))
            .with_hint("Keep logs short with append's keep, put the data of a part of the job into a child run, and send operations in batches."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bound: i64) -> Option<Finding> {
        let mut facts = Facts::healthy();
        facts.large = vec![("nightly".to_owned(), bound), ("small".to_owned(), 500)];
        check(&facts)
    }

    #[test]
    fn large_documents_are_named_and_small_ones_not() {
        let large = found(150_000).unwrap();
        assert_eq!(large.message, "unfinished runs have large documents");
        let detail = large.detail.unwrap();
        assert!(
            detail.contains("finished: \"nightly\" (up to 150 kB). The limit"),
            "{detail}"
        );
        assert_eq!(found(5000), None);
    }

    #[test]
    fn document_near_the_limit_is_said_to_be_so() {
        assert!(found(250_000).unwrap().message.contains("reach the limit"));
    }
}
