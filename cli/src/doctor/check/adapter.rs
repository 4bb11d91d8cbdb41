//! Whether runs follow the jobs of queues that are adapted.

use super::super::facts::{Activity, Adapter};
use super::super::finding::Severity;
use super::super::quantity::{count, span};
use super::{Facts, Finding, adapter_failure};

const CHECK: &str = "adapter";
/// What was recorded is followed after the worker's interval, unless a session has locked the run. Guesses.
const LATE: f64 = 60.0;
const VERY_LATE: f64 = 600.0;
const FOLLOW: &str = "Have a worker run, as the finding of the worker says. Until then, SELECT runmeta.follow(); has the runs follow now.";

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    facts.activity.as_ref()?;
    facts
        .adapters
        .iter()
        .find_map(broken)
        .or_else(|| adapter_failure::check(facts, CHECK))
        .or_else(|| late(facts))
        .or_else(|| without_worker(facts))
        .or_else(|| facts.adapters.iter().find_map(by_row))
        .or_else(|| {
            (!facts.adapters.is_empty()).then(|| {
                Finding::ok(
                    CHECK,
                    format!(
                        "runs follow {}",
                        count(facts.adapters.len() as i64, "queue")
                    ),
                )
            })
        })
}

fn broken(adapter: &Adapter) -> Option<Finding> {
    let Adapter {
        table, arguments, ..
    } = adapter;
    let queue = adapter.name();
    if !adapter.has_table {
        return Some(
            Finding::problem(
                CHECK,
                match adapter.is_own() {
                    true => format!("the table {table} does not exist"),
                    false => format!("the table {table} of {queue} does not exist"),
                },
            )
            .with_detail("Its runs stay as they are.")
            .with_hint(format!(
                "If the queue is gone, remove its adapter: runmeta adapt {arguments} --remove;"
            )),
        );
    }
    if adapter.without_triggers > 0 {
        return Some(
            Finding::problem(CHECK, format!("runs do not follow the jobs of {queue}"))
                .with_detail(format!("Triggers of runmeta are missing or disabled on {table} or its partitions: a migration of the queue may have made the table anew."))
                .with_hint(format!("Adapt it again, which brings its runs up to date too: runmeta adapt {arguments};")),
        );
    }
    let role = adapter.role.as_ref()?;
    Some(
        Finding::warning(CHECK, format!("role \"{role}\" may enqueue in {queue}, and its jobs get no runs"))
            .with_detail("What it does to jobs cannot be recorded, and is logged as a WARNING only.")
            .with_hint(format!("If it works on the queue, have an administrator run: GRANT runmeta_writer TO \"{role}\";")),
    )
}

/// A worker lives, and changes of jobs wait all the same.
fn late(facts: &Facts) -> Option<Finding> {
    let activity = facts.activity.as_ref()?;
    let age = activity
        .job_changes_age
        .filter(|age| *age >= LATE && !facts.server.standby)?;
    let severity = match age {
        _ if age < VERY_LATE => Severity::Warning,
        _ => Severity::Problem,
    };
    let waiting = count(activity.job_changes, "change");
    let found = Finding::new(
        CHECK,
        severity,
        format!("runs have not followed their jobs for {}", span(age)),
    );
    Some(match has_worker(activity) {
        true => found
            .with_detail(format!("Waiting: {waiting} of jobs, though a background worker runs. A session may have locked a run, or row-level security hides runs from the owner of the tables."))
            .with_hint("SELECT run_id, status, at FROM runmeta.transition ORDER BY at LIMIT 5; shows the oldest changes, as the owner. SELECT pid, state, xact_start FROM pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY xact_start; shows the oldest sessions: a run follows when the one that has locked it ends its transaction."),
        false => found
            .with_detail(format!("Waiting: {waiting} of jobs, and no background worker runs."))
            .with_hint(FOLLOW),
    })
}

fn without_worker(facts: &Facts) -> Option<Finding> {
    let activity = facts.activity.as_ref()?;
    if facts.adapters.is_empty() || facts.server.standby || has_worker(activity) {
        return None;
    }
    let queues = count(facts.adapters.len() as i64, "queue");
    Some(
        Finding::warning(
            CHECK,
            format!("runs follow {queues}, but no background worker runs"),
        )
        .with_detail("What happens to a job is recorded, and its run follows only when somebody writes it or calls follow.")
        .with_hint(FOLLOW),
    )
}

fn has_worker(activity: &Activity) -> bool {
    ["running", "starting"].contains(&activity.worker.as_str())
}

fn by_row(adapter: &Adapter) -> Option<Finding> {
    (adapter.by_row > 0).then(|| {
        Finding::note(
            CHECK,
            format!("{} of {} {} followed row by row", count(adapter.by_row, "partition"), adapter.name(), if adapter.by_row == 1 { "is" } else { "are" }),
        )
        .with_detail("They are newer than the adapter. Nothing is missed, but each job costs its queue more.")
        .with_hint(format!("Adapt it again when that suits you: runmeta adapt {};", adapter.arguments))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(change: impl FnOnce(&mut Activity)) -> Facts {
        let mut facts = Facts::with(change);
        facts.adapters = vec![Adapter::healthy()];
        facts
    }

    fn message(facts: &Facts) -> String {
        check(facts).unwrap().message
    }

    #[test]
    fn nothing_is_said_where_no_queue_is_adapted() {
        assert!(check(&Facts::healthy()).is_none());
    }

    #[test]
    fn worst_thing_comes_first() {
        let mut facts = facts(|_| {});
        assert_eq!(message(&facts), "runs follow 1 queue");
        facts.adapters[0].by_row = 1;
        assert_eq!(
            message(&facts),
            "1 partition of pg-boss is followed row by row"
        );
        facts.activity.as_mut().unwrap().job_changes_age = Some(120.0);
        assert_eq!(
            message(&facts),
            "runs have not followed their jobs for 2 minutes"
        );
        facts.activity.as_mut().unwrap().adapter_failures = 3;
        assert_eq!(message(&facts), "3 changes could not be followed");
        facts.adapters[0].without_triggers = 1;
        let found = check(&facts).unwrap();
        assert_eq!(found.message, "runs do not follow the jobs of pg-boss");
        assert_eq!(
            found.hint.unwrap(),
            "Adapt it again, which brings its runs up to date too: runmeta adapt pg-boss --schema pgboss;"
        );
    }

    #[test]
    fn changes_that_wait_long_are_a_warning_and_then_a_problem() {
        let found = |worker: &str, age| {
            check(&facts(|activity| {
                worker.clone_into(&mut activity.worker);
                (activity.job_changes, activity.job_changes_age) = (12, Some(age));
            }))
            .unwrap()
        };
        assert_eq!(found("running", 1.0).severity, Severity::Ok);
        let late = found("running", 90.0);
        assert_eq!(late.severity, Severity::Warning);
        assert!(
            late.detail
                .unwrap()
                .starts_with("Waiting: 12 changes of jobs, though a background worker runs. ")
        );
        assert_eq!(found("running", 900.0).severity, Severity::Problem);
        let alone = found("no_slot", 90.0);
        assert_eq!(
            alone.detail.unwrap(),
            "Waiting: 12 changes of jobs, and no background worker runs."
        );
        assert!(alone.hint.unwrap().contains("runmeta.follow()"));
    }

    #[test]
    fn adapter_without_a_worker_is_a_warning_unless_this_is_a_standby() {
        let mut facts = facts(|activity| "stopped".clone_into(&mut activity.worker));
        let found = check(&facts).unwrap();
        assert_eq!(found.severity, Severity::Warning);
        assert_eq!(
            found.message,
            "runs follow 1 queue, but no background worker runs"
        );
        facts.server.standby = true;
        assert_eq!(message(&facts), "runs follow 1 queue");
    }
}
