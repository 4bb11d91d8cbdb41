//! Whether changes are announced.

use super::super::quantity::{count, span};
use super::{Facts, Finding};

const CHECK: &str = "announcing";
/// A worker announces after its interval, some milliseconds. Past this it does not count as one that lives, in the
/// extension too.
const LATE: f64 = 2.0;

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let activity = facts.activity.as_ref()?;
    if facts.server.standby {
        return None;
    }
    let found = if let Some(age) = activity.unannounced_age.filter(|age| *age >= LATE) {
        Finding::problem(CHECK, format!("changes have not been announced for {}", span(age)))
            .with_detail("Watchers see an older state. Nothing is lost: the changes are announced together as soon as the background worker does its work.")
            .with_hint("See what is said of the background worker.")
    } else if activity.owes_resync {
        Finding::warning(CHECK, "changes could not be announced one by one")
            .with_detail("The notification queue had no room, or too much changed at once. Listeners will be asked to read everything.")
            .with_hint("See what is said of the notification queue.")
    } else if activity.unannounced_prepared > 0 && activity.worker != "running" {
        let changes = count(activity.unannounced_prepared, "change");
        Finding::warning(
            CHECK,
            format!("{changes} of two-phase commits wait to be announced"),
        )
        .with_detail("Only the background worker announces these.")
        .with_hint("See what is said of the background worker.")
    } else {
        Finding::ok(CHECK, "changes are announced")
    };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::super::facts::Activity;
    use super::super::super::finding::Severity;
    use super::*;

    fn severity(change: impl FnOnce(&mut Activity)) -> Severity {
        check(&Facts::with(change)).unwrap().severity
    }

    #[test]
    fn late_announcement_is_a_problem() {
        assert_eq!(
            severity(|activity| activity.unannounced_age = Some(6.0)),
            Severity::Problem
        );
        assert_eq!(
            severity(|activity| activity.unannounced_age = Some(0.02)),
            Severity::Ok
        );
    }

    #[test]
    fn resync_that_is_owed_is_a_warning() {
        assert_eq!(
            severity(|activity| activity.owes_resync = true),
            Severity::Warning
        );
    }

    #[test]
    fn prepared_changes_wait_for_a_worker() {
        assert_eq!(
            severity(|activity| activity.unannounced_prepared = 2),
            Severity::Ok
        );
        let without = severity(|activity| {
            activity.unannounced_prepared = 2;
            "no_slot".clone_into(&mut activity.worker);
        });
        assert_eq!(without, Severity::Warning);
    }
}
