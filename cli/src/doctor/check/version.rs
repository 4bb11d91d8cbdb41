//! Whether library, files and extension are of one version.

use runmeta_migrations::Version;

use super::{Facts, Finding};

const CHECK: &str = "version";
const RESTART: &str = "Restart the server: it loaded the library when it started.";
const INSTALL: &str = "On the server's machine, in a newer clone of runmeta, run: make install PG_CONFIG=/path/to/bin/pg_config.";

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let activity = facts.activity.as_ref()?;
    let installed = Version::new(facts.server.installed.clone()?);
    let loaded = Version::new(activity.library_version.clone());
    let Some(available) = facts.server.available.clone().map(Version::new) else {
        return Some(
            Finding::problem(
                CHECK,
                "the files of the extension are missing on the server's machine",
            )
            .with_detail("The library is loaded still. New sessions, dumps and upgrades will fail.")
            .with_hint(INSTALL),
        );
    };
    let renew = if activity.preloaded && available >= installed {
        RESTART
    } else {
        INSTALL
    };
    let found = if loaded < installed {
        Finding::problem(
            CHECK,
            format!("the library is older than the extension: {loaded}, and not {installed}"),
        )
        .with_detail("Functions that it lacks fail.")
        .with_hint(renew)
    } else if available < installed {
        Finding::warning(CHECK, format!("the files on the server's machine are older than the extension: {available}, and not {installed}"))
            .with_hint(INSTALL)
    } else if loaded < available {
        Finding::warning(CHECK, format!("the library in use is {loaded}, and {available} is installed on the server's machine"))
            .with_hint(RESTART)
    } else if installed < available {
        Finding::warning(
            CHECK,
            format!(
                "the extension is {installed}, and {available} is installed on the server's machine"
            ),
        )
        .with_detail("What is new in it is missing in this database.")
        .with_hint("Run: ALTER EXTENSION runmeta UPDATE; and runmeta migrate.")
    } else {
        Finding::ok(
            CHECK,
            format!("extension and library are version {installed}"),
        )
    };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::*;

    fn found(loaded: &str, installed: &str, available: Option<&str>) -> Finding {
        let mut facts = Facts::with(|activity| loaded.clone_into(&mut activity.library_version));
        facts.server.installed = Some(installed.to_owned());
        facts.server.available = available.map(str::to_owned);
        check(&facts).unwrap()
    }

    #[test]
    fn library_older_than_the_extension_is_a_problem() {
        let found = found("0.1.0", "0.2.0", Some("0.2.0"));
        assert_eq!(
            (found.severity, found.hint.as_deref()),
            (Severity::Problem, Some(RESTART))
        );
    }

    #[test]
    fn library_that_was_replaced_under_the_server_asks_for_a_restart() {
        let found = found("0.1.0", "0.1.0", Some("0.2.0"));
        assert_eq!(
            (found.severity, found.hint.as_deref()),
            (Severity::Warning, Some(RESTART))
        );
    }

    #[test]
    fn extension_that_was_not_updated_is_a_warning() {
        let found = found("0.2.0", "0.1.0", Some("0.2.0"));
        assert!(found.hint.unwrap().contains("ALTER EXTENSION"));
    }

    #[test]
    fn files_that_are_missing_or_older_are_found() {
        assert_eq!(found("0.1.0", "0.1.0", None).severity, Severity::Problem);
        assert_eq!(
            found("0.2.0", "0.2.0", Some("0.1.0")).severity,
            Severity::Warning
        );
    }
}
