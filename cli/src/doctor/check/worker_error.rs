//! Whether something went wrong in the background worker.

use super::super::quantity::span;
use super::{Facts, Finding};
use crate::error::sentence;

/// An error that did not come again for so long is history. A guess.
const RECENT: f64 = 3600.0;

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let activity = facts.activity.as_ref()?;
    let age = activity.worker_error_age.filter(|age| *age < RECENT)?;
    let error = activity.worker_error.as_ref()?;
    let message = format!("the background worker had an error {} ago", span(age));
    Some(
        Finding::warning("worker_error", message)
            .with_detail(sentence(error))
            .with_hint("It goes on by itself, and tries again what failed. If the error comes again, look into the server's log for lines with \"runmeta worker\"."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_error_is_a_warning_and_an_old_one_is_history() {
        let with_age = |age| {
            Facts::with(|activity| {
                activity.worker_error = Some("canceling statement due to lock timeout".to_owned());
                activity.worker_error_age = Some(age);
            })
        };
        let found = check(&with_age(125.0)).unwrap();
        assert_eq!(
            found.message,
            "the background worker had an error 2 minutes ago"
        );
        assert_eq!(
            found.detail.unwrap(),
            "Canceling statement due to lock timeout."
        );
        assert_eq!(check(&with_age(4000.0)), None);
    }
}
