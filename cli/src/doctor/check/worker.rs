//! Whether a background worker serves the database.

use super::super::facts::{Activity, Server};
use super::super::quantity::{count, span};
use super::{Facts, Finding};

const CHECK: &str = "worker";
const MEANWHILE: &str = "Meanwhile each transaction notifies listeners when it commits, one at a time on the whole server, and writers wait for each other at a common parent.";

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let activity = facts.activity.as_ref()?;
    if facts.server.standby {
        return None;
    }
    let process = activity.worker_pid.unwrap_or_default();
    let found = match activity.worker.as_str() {
        "running" => Finding::ok(CHECK, format!("the background worker runs as process {process}")),
        "starting" => Finding::ok(CHECK, format!("the background worker starts as process {process}")),
        "stuck" => stuck(activity, process),
        "no_slot" => no_slot(&facts.server, &facts.processes),
        "unavailable" => Finding::problem(CHECK, "sessions cannot reach the background worker")
            .with_detail(format!("The memory that they share was made by another version of the library, or 64 databases of this server use runmeta already. {MEANWHILE}"))
            .with_hint("Restart the server, with the new version of the library on its machine."),
        _ => stopped(activity),
    };
    Some(found)
}

fn stuck(activity: &Activity, process: i32) -> Finding {
    let waited = span(activity.unannounced_age.unwrap_or_default());
    Finding::problem(CHECK, format!("the background worker, process {process}, does nothing"))
        .with_detail(format!("It has not taken changes for {waited}. {MEANWHILE}"))
        .with_hint(format!("See what it waits for: SELECT * FROM pg_stat_activity WHERE pid = {process}; SELECT pg_terminate_backend({process}) has another one started."))
}

fn no_slot(server: &Server, processes: &[(String, i64)]) -> Finding {
    let used: Vec<String> = processes
        .iter()
        .map(|(kind, number)| format!("{number} {kind}"))
        .collect();
    let used = match (used.is_empty(), server.sees_sessions) {
        (false, _) => format!("now in use: {}", used.join(", ")),
        (true, true) => "none is in use now".to_owned(),
        (true, false) => format!("role \"{}\" cannot see what uses them", server.role),
    };
    Finding::problem(CHECK, "no process is free for the background worker")
        .with_detail(format!("max_worker_processes is {}; {used}. {MEANWHILE}", server.max_worker_processes))
        .with_hint("Raise max_worker_processes by one for each database with runmeta, and by one more where the library is preloaded, and restart the server.")
}

/// Whoever looks has one started, and has waited for it.
fn stopped(activity: &Activity) -> Finding {
    let log = "The server's log says why in lines with \"runmeta worker\".";
    if activity.waiting_lists == 0 && activity.notify == "commit" {
        return Finding::note(
            CHECK,
            "no background worker runs, and this role asks for none",
        )
        .with_detail("Sessions with runmeta.notify = commit do without.");
    }
    let why = match activity.waiting_lists {
        0 => "One was asked for and did not start".to_owned(),
        lists => format!("{} in the inbox for one", count_waiting(lists)),
    };
    Finding::problem(CHECK, "no background worker runs")
        .with_detail(format!("{why}. {MEANWHILE}"))
        .with_hint(log)
}

fn count_waiting(lists: i64) -> String {
    let verb = if lists == 1 { "waits" } else { "wait" };
    format!("{} {verb}", count(lists, "list"))
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::*;

    fn found(worker: &str, change: impl FnOnce(&mut Activity)) -> Finding {
        let facts = Facts::with(|activity| {
            worker.clone_into(&mut activity.worker);
            change(activity);
        });
        check(&facts).unwrap()
    }

    #[test]
    fn worker_that_runs_is_named() {
        assert_eq!(
            found("running", |_| {}),
            Finding::ok(CHECK, "the background worker runs as process 4711")
        );
    }

    #[test]
    fn worker_that_does_nothing_is_a_problem() {
        let found = found("stuck", |activity| activity.unannounced_age = Some(61.0));
        assert_eq!(found.severity, Severity::Problem);
        assert!(
            found
                .detail
                .unwrap()
                .starts_with("It has not taken changes for 1 minute.")
        );
        assert!(found.hint.unwrap().contains("pg_terminate_backend(4711)"));
    }

    #[test]
    fn missing_slot_tells_what_uses_the_others() {
        let mut facts = Facts::with(|activity| "no_slot".clone_into(&mut activity.worker));
        facts.processes = vec![
            ("parallel worker".to_owned(), 7),
            ("logical replication launcher".to_owned(), 1),
        ];
        let detail = check(&facts).unwrap().detail.unwrap();
        assert!(detail.starts_with("max_worker_processes is 8; now in use: 7 parallel worker, 1 logical replication launcher. "), "{detail}");
        facts.processes = Vec::new();
        facts.server.sees_sessions = false;
        let detail = check(&facts).unwrap().detail.unwrap();
        assert!(
            detail.contains("role \"monitor\" cannot see what uses them"),
            "{detail}"
        );
    }

    #[test]
    fn worker_that_does_not_start_is_a_problem_unless_nobody_asks_for_one() {
        assert_eq!(found("stopped", |_| {}).severity, Severity::Problem);
        let commits = found("stopped", |activity| {
            "commit".clone_into(&mut activity.notify)
        });
        assert_eq!(commits.severity, Severity::Note);
        let waited_for = found("stopped", |activity| {
            "commit".clone_into(&mut activity.notify);
            activity.waiting_lists = 3;
        });
        assert_eq!(waited_for.severity, Severity::Problem);
        let detail = waited_for.detail.unwrap();
        assert!(
            detail.starts_with("3 lists wait in the inbox for one."),
            "{detail}"
        );
    }

    #[test]
    fn memory_of_another_version_is_a_problem() {
        assert_eq!(found("unavailable", |_| {}).severity, Severity::Problem);
    }

    #[test]
    fn standby_has_none() {
        let mut facts = Facts::with(|activity| "stopped".clone_into(&mut activity.worker));
        facts.server.standby = true;
        assert_eq!(check(&facts), None);
    }
}
