//! Whether the table of roots has the same runs as the table of runs, where runs lie in parts.

use super::super::quantity::count;
use super::{Facts, Finding};

const CHECK: &str = "roots";
const HINT: &str = "Run: runmeta distribute --split. It makes the tables agree; start and prune runs by the functions.";

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let (unregistered, stale) = facts.roots?;
    let mut details = Vec::new();
    if unregistered > 0 {
        details.push(format!(
            "The functions do not find {}, inserted by hand.",
            count(unregistered, "run")
        ));
    }
    if stale > 0 {
        details.push(format!(
            "The ids of {}, deleted by hand, are taken.",
            count(stale, "run")
        ));
    }
    if details.is_empty() {
        return Some(Finding::ok(CHECK, "runs and their roots agree"));
    }
    Some(
        Finding::problem(CHECK, "runmeta.run and runmeta.run_root do not agree")
            .with_detail(details.join(" "))
            .with_hint(HINT),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(roots: Option<(i64, i64)>) -> Option<Finding> {
        check(&Facts {
            roots,
            ..Facts::healthy()
        })
    }

    #[test]
    fn runs_inserted_and_deleted_by_hand_are_counted() {
        let detail = |roots| found(Some(roots)).unwrap().detail;
        assert_eq!(
            detail((1, 1200)).unwrap(),
            "The functions do not find 1 run, inserted by hand. The ids of 1,200 runs, deleted by hand, are taken."
        );
        assert_eq!(detail((0, 0)), None);
        assert_eq!(found(None), None);
    }
}
