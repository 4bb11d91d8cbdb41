//! Whether operations that waited could not be applied.

use super::super::facts;
use super::super::quantity::{count, span};
use super::{Facts, Finding};

const CHECK: &str = "unapplied";

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let number = facts.activity.as_ref()?.unapplied;
    if number == 0 {
        return Some(Finding::ok(CHECK, "every operation was applied"));
    }
    let newest: Vec<String> = facts.unapplied.iter().map(named).collect();
    let newest = match newest.is_empty() {
        true => "Row-level security, or a missing right, hides them from this role.".to_owned(),
        false => format!("The newest: {}.", newest.join("; ")),
    };
    Some(
        Finding::warning(CHECK, format!("{} could not be applied", count(number, "operation")))
            .with_detail(format!("They were accepted and waited in the inbox. When they were applied, the value at their key had another type, a constraint, an index or a trigger on runmeta.run refused the document, or their run had been deleted. {newest}"))
            .with_hint("Look at them: SELECT * FROM runmeta.unapplied ORDER BY created_at DESC LIMIT 20; then mend the writers that use one key with different types. When you have seen them, delete them, as the owner: DELETE FROM runmeta.unapplied;"),
    )
}

fn named(unapplied: &facts::Unapplied) -> String {
    let writer = match &unapplied.writer {
        Some(writer) => format!(" of writer {writer}"),
        None => String::new(),
    };
    let reason = unapplied
        .detail
        .as_deref()
        .map_or(&*unapplied.reason, |detail| detail.trim_end_matches('.'));
    format!(
        "for run \"{}\"{writer}, {reason}, {} ago",
        unapplied.run,
        span(unapplied.age)
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::facts::Unapplied;
    use super::*;

    #[test]
    fn run_writer_and_reason_are_named() {
        let mut facts = Facts::with(|activity| activity.unapplied = 1);
        facts.unapplied = vec![Unapplied {
            run: "nightly".to_owned(),
            writer: Some("00000000-0000-4000-8000-000000000001".to_owned()),
            reason: "not_a_number".to_owned(),
            detail: None,
            age: 60.0,
        }];
        let found = check(&facts).unwrap();
        assert_eq!(found.message, "1 operation could not be applied");
        let detail = found.detail.unwrap();
        assert!(detail.ends_with("The newest: for run \"nightly\" of writer 00000000-0000-4000-8000-000000000001, not_a_number, 1 minute ago."), "{detail}");
    }

    #[test]
    fn hidden_ones_are_counted_all_the_same() {
        let facts = Facts::with(|activity| activity.unapplied = 1200);
        assert_eq!(
            check(&facts).unwrap().message,
            "1,200 operations could not be applied"
        );
    }
}
