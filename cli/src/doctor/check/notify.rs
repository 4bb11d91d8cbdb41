//! Whether transactions are set to announce by themselves, or not at all.

use super::super::facts::NotifySetting;
use super::super::finding::Severity;
use super::{Facts, Finding};

const CHECK: &str = "notify";

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let unusual: Vec<&NotifySetting> = facts
        .notify
        .iter()
        .filter(|setting| setting.value != "worker")
        .collect();
    let commits = unusual.iter().any(|setting| setting.value == "commit");
    if unusual.is_empty() {
        return None;
    }
    let places: Vec<String> = unusual.iter().map(|setting| place(setting)).collect();
    let (severity, message, detail) = match commits {
        true => (
            Severity::Warning,
            "transactions notify when they commit",
            "A transaction that notifies holds a lock of the whole server until it has committed: 32 sessions that made 27,700 updates a second made 3,900.",
        ),
        false => (
            Severity::Note,
            "some changes are not announced",
            "Watchers do not see them until another change of the same run is announced.",
        ),
    };
    Some(
        Finding::new(CHECK, severity, message)
            .with_detail(format!("{detail} Set: {}.", places.join("; ")))
            .with_hint("Unless that is meant, reset it: ALTER DATABASE … RESET runmeta.notify; or ALTER ROLE … RESET runmeta.notify;"),
    )
}

fn place(setting: &NotifySetting) -> String {
    let place = match (&setting.database, &setting.role) {
        (Some(database), Some(role)) => format!("role \"{role}\" in database \"{database}\""),
        (Some(database), None) => format!("database \"{database}\""),
        (None, Some(role)) => format!("role \"{role}\""),
        (None, None) => "the server".to_owned(),
    };
    format!("{} for {place}", setting.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(role: Option<&str>, value: &str) -> NotifySetting {
        NotifySetting {
            database: Some("app".to_owned()),
            role: role.map(str::to_owned),
            value: value.to_owned(),
        }
    }

    #[test]
    fn notifying_at_commit_is_a_warning_that_names_where_it_is_set() {
        let mut facts = Facts::healthy();
        facts.notify = vec![
            set(None, "commit"),
            set(Some("bulk"), "off"),
            set(Some("x"), "worker"),
        ];
        let found = check(&facts).unwrap();
        assert_eq!(found.severity, Severity::Warning);
        let detail = found.detail.unwrap();
        assert!(
            detail.ends_with(
                "Set: commit for database \"app\"; off for role \"bulk\" in database \"app\"."
            ),
            "{detail}"
        );
    }

    #[test]
    fn announcing_nothing_is_a_note() {
        let mut facts = Facts::healthy();
        facts.notify = vec![set(Some("bulk"), "off")];
        assert_eq!(check(&facts).unwrap().severity, Severity::Note);
    }
}
