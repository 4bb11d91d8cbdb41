//! Whether the tables are those that this program knows.

use super::super::facts::Migrations;
use super::{Facts, Finding};

const CHECK: &str = "migrations";

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    if !facts.server.has_tables {
        return None;
    }
    match &facts.migrations {
        Migrations::Unreadable => Some(
            Finding::note(CHECK, "the migrations were not compared").with_detail(format!(
                "Only the owner may read their history, and not \"{}\".",
                facts.server.role
            )),
        ),
        Migrations::Read { pending, .. } if !pending.is_empty() => Some(
            Finding::problem(
                CHECK,
                format!("migrations are missing: {}", pending.join(", ")),
            )
            .with_hint("Run: runmeta migrate."),
        ),
        Migrations::Read { newer: true, .. } => Some(
            Finding::note(CHECK, "a newer version of runmeta migrated this database").with_hint(
                "Use a program of that version: this one may not know all that can be wrong.",
            ),
        ),
        Migrations::Read { .. } => Some(Finding::ok(CHECK, "the tables are up to date")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::*;

    fn severity(migrations: Migrations) -> Severity {
        let facts = Facts {
            migrations,
            ..Facts::healthy()
        };
        check(&facts).unwrap().severity
    }

    #[test]
    fn missing_migration_is_a_problem() {
        let pending = vec!["V2__streams".to_owned()];
        assert_eq!(
            severity(Migrations::Read {
                pending,
                newer: false
            }),
            Severity::Problem
        );
    }

    #[test]
    fn newer_or_unreadable_history_is_a_note() {
        let newer = Migrations::Read {
            pending: Vec::new(),
            newer: true,
        };
        assert_eq!(severity(newer), Severity::Note);
        assert_eq!(severity(Migrations::Unreadable), Severity::Note);
    }
}
