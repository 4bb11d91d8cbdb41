//! Whether runs follow the jobs of queues that are adapted.

use super::super::quantity::{count, span};
use super::{Facts, Finding};
use crate::doctor::facts;

const CHECK: &str = "adapter";
/// What was recorded is followed after the worker's interval, unless a session has locked the run. A guess.
const LATE: f64 = 60.0;

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    facts.activity.as_ref()?;
    facts
        .adapters
        .iter()
        .find_map(broken)
        .or_else(|| failed(&facts.adapter_failures))
        .or_else(|| late(facts))
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

fn broken(adapter: &facts::Adapter) -> Option<Finding> {
    let facts::Adapter {
        queue,
        table,
        arguments,
        ..
    } = adapter;
    if !adapter.has_table {
        return Some(
            Finding::problem(
                CHECK,
                format!("the table {table} of {queue} does not exist"),
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

fn failed(failures: &[facts::AdapterFailure]) -> Option<Finding> {
    let last = failures
        .iter()
        .min_by(|one, other| one.age.total_cmp(&other.age))?;
    let all = failures.iter().map(|failure| failure.count).sum();
    let job = last
        .job
        .as_ref()
        .map_or_else(String::new, |job| format!(" of job {job}"));
    Some(
        Finding::warning(CHECK, format!("{} could not be followed", count(all, "change")))
            .with_detail(format!(
                "The last, {} ago in {}: {}{job} failed with SQLSTATE {}: {}.",
                span(last.age), last.queue, last.operation, last.sqlstate, last.message.trim_end_matches('.')
            ))
            .with_hint("Look at them: SELECT * FROM runmeta.adapter_failure ORDER BY id DESC LIMIT 20; 42703 and 42P01 mean that the queue has other columns than this version of runmeta knows. Then adapt the queue again, which brings its runs up to date, and delete them, as the owner: DELETE FROM runmeta.adapter_failure;"),
    )
}

fn late(facts: &Facts) -> Option<Finding> {
    let age = facts
        .jobs_age
        .filter(|age| *age >= LATE && !facts.server.standby)?;
    Some(
        Finding::warning(CHECK, format!("runs have not followed their jobs for {}", span(age)))
            .with_detail("A session may have locked a run, a run may wait for its parent, or no background worker runs.")
            .with_hint("SELECT run_id, status, at FROM runmeta.transition ORDER BY at LIMIT 5; shows the oldest changes. Where no background worker runs, SELECT runmeta.follow(); has the runs follow now."),
    )
}

fn by_row(adapter: &facts::Adapter) -> Option<Finding> {
    (adapter.by_row > 0).then(|| {
        Finding::note(
            CHECK,
            format!("{} of {} {} followed row by row", count(adapter.by_row, "partition"), adapter.queue, if adapter.by_row == 1 { "is" } else { "are" }),
        )
        .with_detail("They are newer than the adapter. Nothing is missed, but each job costs its queue more.")
        .with_hint(format!("Adapt it again when that suits you: runmeta adapt {};", adapter.arguments))
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::facts::{Adapter, AdapterFailure};
    use super::*;

    fn facts() -> Facts {
        let mut facts = Facts::healthy();
        facts.adapters = vec![Adapter {
            queue: "pg-boss".to_owned(),
            table: "pgboss.job".to_owned(),
            arguments: "pg-boss --schema pgboss".to_owned(),
            has_table: true,
            without_triggers: 0,
            by_row: 0,
            role: None,
        }];
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
        let mut facts = facts();
        assert_eq!(message(&facts), "runs follow 1 queue");
        facts.adapters[0].by_row = 1;
        assert_eq!(
            message(&facts),
            "1 partition of pg-boss is followed row by row"
        );
        facts.jobs_age = Some(120.0);
        assert_eq!(
            message(&facts),
            "runs have not followed their jobs for 2 minutes"
        );
        facts.adapter_failures = vec![AdapterFailure {
            queue: "pg-boss".to_owned(),
            count: 3,
            operation: "UPDATE".to_owned(),
            job: Some("7".to_owned()),
            sqlstate: "42703".to_owned(),
            message: "column j.output does not exist".to_owned(),
            age: 5.0,
        }];
        let found = check(&facts).unwrap();
        assert_eq!(found.message, "3 changes could not be followed");
        assert_eq!(
            found.detail.unwrap(),
            "The last, 5 seconds ago in pg-boss: UPDATE of job 7 failed with SQLSTATE 42703: column j.output does not exist."
        );
        facts.adapters[0].without_triggers = 1;
        let found = check(&facts).unwrap();
        assert_eq!(found.message, "runs do not follow the jobs of pg-boss");
        assert_eq!(
            found.hint.unwrap(),
            "Adapt it again, which brings its runs up to date too: runmeta adapt pg-boss --schema pgboss;"
        );
    }
}
