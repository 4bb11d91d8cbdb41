//! Whether the server loads the library when it starts.

use super::{Facts, Finding};

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let activity = facts.activity.as_ref()?;
    if activity.preloaded || facts.server.standby {
        return None;
    }
    Some(
        Finding::note("preload", "the library is not preloaded")
            .with_detail("It works without. But after a restart of the server, lists that wait in the inbox are folded only once somebody uses runmeta again.")
            .with_hint("Add runmeta to shared_preload_libraries, and restart the server when that suits you."),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::*;

    #[test]
    fn library_that_is_not_preloaded_is_a_note() {
        let facts = Facts::with(|activity| activity.preloaded = false);
        assert_eq!(check(&facts).unwrap().severity, Severity::Note);
    }
}
