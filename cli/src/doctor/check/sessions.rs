//! Whether the role sees what it was asked to judge.

use super::{Facts, Finding};

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let server = &facts.server;
    (!server.sees_sessions).then(|| {
        Finding::note("sessions", format!("role \"{}\" cannot see what other roles do", server.role))
            .with_detail("How long their transactions have been open is not known, nor what uses background workers.")
            .with_hint(format!("Have an administrator run: GRANT pg_read_all_stats TO \"{}\";", server.role))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_that_sees_no_sessions_is_told_what_it_lacks() {
        let mut facts = Facts::healthy();
        facts.server.sees_sessions = false;
        assert!(
            check(&facts)
                .unwrap()
                .hint
                .unwrap()
                .contains("GRANT pg_read_all_stats TO \"monitor\"")
        );
        assert_eq!(check(&Facts::healthy()), None);
    }
}
