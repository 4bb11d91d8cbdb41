//! Whether a pooler is between programs and the server.

use super::{Facts, Finding};
use runmeta_client::pooler::Pooler;

const CHECK: &str = "pooler";

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    match facts.pooler {
        Pooler::None => Some(Finding::ok(CHECK, "connections keep their session, so LISTEN works")),
        Pooler::Transaction => Some(
            Finding::warning(CHECK, "a pooler in transaction mode is between this program and the server")
                .with_detail("Two transactions of a connection ran in different processes of the server, or two connections shared one. All functions work like this. But a LISTEN stays with a process that the pooler lends to others: notifications do not arrive. And a SET stays with it too.")
                .with_hint("Give programs that watch runs a URL that goes to the server directly. Use SET LOCAL in a transaction, or ALTER ROLE … SET."),
        ),
        Pooler::Unknown => Some(
            Finding::note(CHECK, "it could not be found out whether a pooler is between this program and the server")
                .with_detail("Two connections at a time are needed for that, and transactions of several statements."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::*;

    #[test]
    fn pooler_in_transaction_mode_is_a_warning() {
        let severity = |pooler| {
            let facts = Facts {
                pooler,
                ..Facts::healthy()
            };
            check(&facts).unwrap().severity
        };
        assert_eq!(severity(Pooler::Transaction), Severity::Warning);
        assert_eq!(severity(Pooler::Unknown), Severity::Note);
        assert_eq!(severity(Pooler::None), Severity::Ok);
    }
}
