//! Whether the two roles have their rights.

use super::{Facts, Finding};

const CHECK: &str = "grants";

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let (role, _) = facts.missing_grants.first()?;
    let missing: Vec<String> = facts
        .missing_grants
        .iter()
        .map(|(role, right)| format!("{role} lacks {right}"))
        .collect();
    Some(
        Finding::problem(CHECK, format!("role {role} lacks rights"))
            .with_detail(format!("Missing: {}.", missing.join(", ")))
            .with_hint("Run: runmeta migrate. What is granted on a function goes with it when the extension is dropped."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_right_is_named() {
        let mut facts = Facts::healthy();
        facts.missing_grants = vec![(
            "runmeta_writer".to_owned(),
            "EXECUTE on runmeta.flush".to_owned(),
        )];
        let detail = check(&facts).unwrap().detail.unwrap();
        assert_eq!(
            detail,
            "Missing: runmeta_writer lacks EXECUTE on runmeta.flush."
        );
    }
}
