//! Whether there is anything to look at.

use super::{Facts, Finding};

const CHECK: &str = "installed";

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let server = &facts.server;
    if let Some(error) = &facts.activity_error {
        let found = Finding::problem(CHECK, "the library of the extension cannot be used")
            .with_detail(format!("The server returned: {error}."))
            .with_hint("On the server's machine, in a clone of runmeta that is as new as this program, run: make install PG_CONFIG=/path/to/bin/pg_config. Where shared_preload_libraries names runmeta, restart the server then.");
        return Some(found);
    }
    match (&server.installed, server.has_tables) {
        (None, false) => Some(
            Finding::problem(CHECK, "runmeta is not installed in this database")
                .with_hint("Run: runmeta migrate."),
        ),
        (None, true) => Some(
            Finding::problem(
                CHECK,
                "the extension runmeta was dropped from this database",
            )
            .with_detail("The tables are there, and the functions are missing.")
            .with_hint("Run: runmeta migrate."),
        ),
        (Some(_), _) if !server.has_view => Some(
            Finding::problem(CHECK, "the view runmeta.activity is missing")
                .with_detail(
                    "An older version of runmeta migrated this database, or the view was dropped.",
                )
                .with_hint("Run: runmeta migrate."),
        ),
        (Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_extension_is_told_from_one_that_never_was() {
        let mut facts = Facts::healthy();
        facts.server.installed = None;
        assert!(check(&facts).unwrap().message.contains("was dropped"));
        facts.server.has_tables = false;
        assert!(check(&facts).unwrap().message.contains("not installed"));
    }

    #[test]
    fn library_that_does_not_load_is_a_problem() {
        let mut facts = Facts::healthy();
        facts.activity = None;
        facts.activity_error = Some("could not access file".to_owned());
        assert_eq!(
            check(&facts).unwrap().detail.unwrap(),
            "The server returned: could not access file."
        );
    }
}
