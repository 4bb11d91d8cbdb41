//! The checks, each in a file of its own: a function from facts to what it finds in them.

mod adapter;
mod adapter_failure;
mod announcing;
mod autovacuum;
mod grants;
mod inbox;
mod installed;
mod large;
mod migrations;
mod nodes;
mod notify;
mod pooler;
mod preload;
mod queue;
mod roots;
mod sessions;
mod standby;
mod unapplied;
mod vacuum;
mod version;
mod worker;
mod worker_error;

use super::facts::Facts;
use super::finding::Finding;

/// Every check, in the order in which a person would ask.
const CHECKS: [fn(&Facts) -> Option<Finding>; 21] = [
    installed::check,
    migrations::check,
    version::check,
    grants::check,
    roots::check,
    nodes::check,
    standby::check,
    worker::check,
    worker_error::check,
    preload::check,
    announcing::check,
    queue::check,
    notify::check,
    pooler::check,
    inbox::check,
    unapplied::check,
    adapter::check,
    vacuum::check,
    autovacuum::check,
    large::check,
    sessions::check,
];

/// Runs all checks.
pub(crate) fn findings(facts: &Facts) -> Vec<Finding> {
    CHECKS.iter().filter_map(|check| check(facts)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    #[test]
    fn healthy_database_has_nothing_but_what_is_ok() {
        let findings = findings(&Facts::healthy());
        let bad: Vec<_> = findings
            .iter()
            .filter(|finding| finding.severity > Severity::Ok)
            .collect();
        assert!(bad.is_empty(), "{bad:?}");
        assert!(findings.len() > 5);
    }

    #[test]
    fn messages_are_in_the_style_of_errors() {
        let mut facts = Facts::healthy();
        facts.activity = None;
        facts.server.installed = None;
        for finding in findings(&facts).iter().chain(&findings(&Facts::healthy())) {
            assert!(!finding.message.ends_with('.'), "{finding:?}");
            for sentence in [&finding.detail, &finding.hint].into_iter().flatten() {
                assert!(sentence.ends_with(['.', ';']), "{finding:?}");
            }
        }
    }
}
