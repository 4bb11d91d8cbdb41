//! Whether what waits in the inbox is folded.

use super::super::finding::Severity;
use super::super::quantity::{count, size, span};
use super::{Facts, Finding};

const CHECK: &str = "inbox";
/// Lists for small documents are folded after the worker's interval, those for large ones after seconds. Guesses.
const LATE: f64 = 60.0;
const VERY_LATE: f64 = 600.0;

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let activity = facts.activity.as_ref()?;
    if activity.waiting_lists == 0 {
        return Some(Finding::ok(CHECK, "nothing waits in the inbox"));
    }
    let age = activity.waiting_age.unwrap_or_default();
    let about = if activity.waiting_is_estimate {
        "about "
    } else {
        ""
    };
    let waiting = format!(
        "{about}{} for {} ({})",
        count(activity.waiting_lists, "list"),
        count(activity.waiting_runs, "run"),
        size(activity.waiting_bytes)
    );
    let severity = match age {
        _ if age < LATE || facts.server.standby => {
            return Some(Finding::ok(
                CHECK,
                format!("in the inbox: {waiting}, the oldest for {}", span(age)),
            ));
        }
        _ if age < VERY_LATE => Severity::Warning,
        _ => Severity::Problem,
    };
    Some(
        Finding::new(CHECK, severity, format!("lists have waited in the inbox for {}", span(age)))
            .with_detail(format!("Waiting: {waiting}. Nothing is lost, and functions that read apply them on the fly; but a plain SELECT from runmeta.run does not see them, and reading takes longer."))
            .with_hint("Lists for a run that a session has locked are folded when it ends its transaction: SELECT pid, state, xact_start FROM pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY xact_start; shows the oldest. Where no background worker runs, SELECT runmeta.fold(); folds the others now."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(age: f64) -> Finding {
        let facts = Facts::with(|activity| {
            activity.waiting_lists = 12_000;
            activity.waiting_runs = 1;
            activity.waiting_bytes = 1_200_000;
            activity.waiting_age = Some(age);
        });
        check(&facts).unwrap()
    }

    #[test]
    fn lists_that_wait_for_a_moment_are_ok() {
        assert_eq!(
            found(1.0).message,
            "in the inbox: 12,000 lists for 1 run (1200 kB), the oldest for 1 second"
        );
    }

    #[test]
    fn lists_that_wait_long_are_a_warning_and_then_a_problem() {
        assert_eq!(found(90.0).severity, Severity::Warning);
        let found = found(3700.0);
        assert_eq!(found.severity, Severity::Problem);
        assert_eq!(found.message, "lists have waited in the inbox for 1 hour");
    }
}
