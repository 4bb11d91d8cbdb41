//! Whether the server follows another one.

use super::{Facts, Finding};

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    facts.server.standby.then(|| {
        Finding::note("standby", "this server is a standby")
            .with_detail("Nothing is written, folded or announced here. Functions that read apply the lists that wait, and LISTEN works on the primary only.")
            .with_hint("Run the doctor on the primary too.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standby_is_a_note() {
        let mut facts = Facts::healthy();
        facts.server.standby = true;
        assert!(check(&facts).is_some());
    }
}
