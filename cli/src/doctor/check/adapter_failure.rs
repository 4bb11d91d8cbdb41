//! What to do about a change of a job that could not be recorded or followed: its SQLSTATE decides.

use super::super::facts::{Adapter, AdapterFailure};
use super::super::quantity::{count, span};
use super::{Facts, Finding};

/// Seconds after which a failure is none of now: what is mended may have been left there. A guess.
const RECENT: f64 = 3600.0;

const DELETE: &str = "delete the failures, as the owner: DELETE FROM runmeta.adapter_failure;";

/// Returns what is so if failures are kept: the last of them, and what mends it.
pub(super) fn check(facts: &Facts, check: &'static str) -> Option<Finding> {
    let all = facts.activity.as_ref()?.adapter_failures;
    if all == 0 {
        return None;
    }
    let found = Finding::warning(
        check,
        format!("{} could not be followed", count(all, "change")),
    );
    let last = facts
        .adapter_failures
        .iter()
        .min_by(|one, other| one.age.total_cmp(&other.age));
    let Some(last) = last else {
        return Some(
            found
                .with_detail(format!("Role \"{}\" may not read them.", facts.server.role))
                .with_hint("As the owner: SELECT * FROM runmeta.adapter_failure ORDER BY id DESC LIMIT 20;"),
        );
    };
    let adapter = facts
        .adapters
        .iter()
        .find(|adapter| adapter.id == last.adapter);
    let queue = adapter.map_or("a queue that is adapted no more", Adapter::name);
    let job = last
        .job
        .as_ref()
        .map_or_else(String::new, |job| format!(" of job {job}"));
    // The queue has changed under its adapter: no job is followed until somebody acts.
    let found =
        match last.operation != "follow" && last.sqlstate.starts_with("42") && last.age < RECENT {
            true => Finding::problem(check, found.message),
            false => found,
        };
    Some(
        found
            .with_detail(format!(
                "The last, {} ago in {queue}: {}{job} failed with SQLSTATE {}: {}.",
                span(last.age),
                last.operation,
                last.sqlstate,
                last.message.trim_end_matches('.')
            ))
            .with_hint(match adapter {
                Some(adapter) => remedy(last, adapter),
                None => format!("Nothing is to be mended: {DELETE}"),
            }),
    )
}

fn remedy(failure: &AdapterFailure, adapter: &Adapter) -> String {
    let Adapter {
        arguments, schema, ..
    } = adapter;
    let role = &failure.role;
    let own = adapter.is_own();
    let mend = match failure.sqlstate.as_str() {
        "42501" if failure.operation == "follow" => format!(
            "Role \"{role}\" may not write every run, and so changes none by a job: GRANT runmeta_writer TO \"{role}\"; or, where policies of row-level security hold for it, have another role change jobs."
        ),
        "42501" => format!(
            "Triggers read the queue's tables as the role that changes a job: GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO \"{role}\";"
        ),
        // The run is there already, and has no parent for good.
        "P0002" => {
            return format!(
                "The run has no parent. See that the parent's job has a run, too, and that --parent gives the id of that run, with its prefix: runmeta adapt {arguments} --parent EXPRESSION; and {DELETE}"
            );
        }
        "23502" => format!(
            "A job has no status that its run could have: give it one, or mend the expression: runmeta adapt {arguments} --status EXPRESSION;"
        ),
        "23514" => format!(
            "The document that a new run begins with does not fit the contract of its task: change that with runmeta.contract, or the document: runmeta adapt {arguments} --metadata JSON;"
        ),
        code if code.starts_with("42") && own => format!(
            "The table has other columns or types than it had: name them as they are now, as in: runmeta adapt {arguments} --status COLUMN;"
        ),
        code if code.starts_with("42") => {
            return format!(
                "The queue has other tables, columns or types than this version of runmeta knows, as after a migration of its own. Adapt it again, with a newer runmeta: runmeta adapt {arguments}; and {DELETE}"
            );
        }
        "22023" if own => format!(
            "A job has a status that is not translated, or an id, a status or a task that is no text of 1 to 255 bytes: runmeta adapt {arguments} --map WORD=STATUS;"
        ),
        "22023" => format!(
            "A job has a status that this version of runmeta does not know, or an id or a task that is no text of 1 to 255 bytes: see whether a newer runmeta knows it: runmeta adapt {arguments};"
        ),
        code if code.starts_with("22") && own => format!(
            "An expression or a cast does not fit a value of the job: mend the expression, as in: runmeta adapt {arguments} --attempt EXPRESSION;"
        ),
        code if code.starts_with("22") => format!(
            "An expression or a cast does not fit a value of the job: mend that of the parent, if there is one: runmeta adapt {arguments} --parent EXPRESSION;"
        ),
        _ => "Look at them: SELECT * FROM runmeta.adapter_failure ORDER BY id DESC LIMIT 20;"
            .to_owned(),
    };
    format!("{mend} Then bring its runs up to date: runmeta adapt {arguments}; and {DELETE}")
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::*;

    fn found(queue: &str, operation: &str, sqlstate: &str) -> Finding {
        let mut facts = Facts::with(|activity| activity.adapter_failures = 3);
        facts.adapters = vec![Adapter {
            queue: queue.to_owned(),
            ..Adapter::healthy()
        }];
        facts.adapter_failures = vec![AdapterFailure {
            adapter: 1,
            role: "worker".to_owned(),
            operation: operation.to_owned(),
            job: Some("7".to_owned()),
            sqlstate: sqlstate.to_owned(),
            message: "it failed".to_owned(),
            age: 5.0,
        }];
        check(&facts, "adapter").unwrap()
    }

    #[test]
    fn last_failure_is_named_with_its_job() {
        let found = found("pg-boss", "UPDATE", "42703");
        assert_eq!(found.message, "3 changes could not be followed");
        assert_eq!(found.severity, Severity::Problem);
        assert_eq!(
            found.detail.unwrap(),
            "The last, 5 seconds ago in pg-boss: UPDATE of job 7 failed with SQLSTATE 42703: it failed."
        );
    }

    #[test]
    fn sqlstate_decides_what_is_to_be_done() {
        for (queue, operation, sqlstate, begin) in [
            ("pg-boss", "UPDATE", "42703", "The queue has other tables, "),
            ("pg-boss", "UPDATE", "42P01", "The queue has other tables, "),
            ("pg-boss", "UPDATE", "42883", "The queue has other tables, "),
            ("table", "UPDATE", "42703", "The table has other columns "),
            (
                "pg-boss",
                "INSERT",
                "42501",
                "Triggers read the queue's tables as the role that changes a job: GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO \"worker\"; ",
            ),
            (
                "pg-boss",
                "follow",
                "42501",
                "Role \"worker\" may not write every run, and so changes none by a job: GRANT runmeta_writer TO \"worker\"; ",
            ),
            ("pg-boss", "follow", "P0002", "The run has no parent. "),
            (
                "pg-boss",
                "INSERT",
                "22P02",
                "An expression or a cast does not fit a value of the job: mend that of the parent, ",
            ),
            (
                "table",
                "INSERT",
                "22003",
                "An expression or a cast does not fit a value of the job: mend the expression, ",
            ),
            (
                "table",
                "follow",
                "22023",
                "A job has a status that is not translated, ",
            ),
            (
                "pg-boss",
                "follow",
                "22023",
                "A job has a status that this version of runmeta does not know, ",
            ),
            ("table", "adapt", "23502", "A job has no status "),
            (
                "pg-boss",
                "follow",
                "23514",
                "The document that a new run begins with does not fit the contract ",
            ),
            ("pg-boss", "follow", "54000", "Look at them: "),
        ] {
            let hint = found(queue, operation, sqlstate).hint.unwrap();
            assert!(hint.starts_with(begin), "{sqlstate}: {hint}");
            assert!(
                hint.contains("runmeta adapt pg-boss --schema pgboss"),
                "{hint}"
            );
            assert!(hint.ends_with(DELETE), "{hint}");
        }
    }

    #[test]
    fn queue_that_is_adapted_no_more_needs_no_mend() {
        let mut facts = Facts::with(|activity| activity.adapter_failures = 1);
        // Nor are failures named to whoever may not read them.
        assert!(
            check(&facts, "adapter")
                .unwrap()
                .hint
                .unwrap()
                .starts_with("As the owner: ")
        );
        facts.adapter_failures = vec![AdapterFailure {
            adapter: 7,
            role: "worker".to_owned(),
            operation: "INSERT".to_owned(),
            job: None,
            sqlstate: "42703".to_owned(),
            message: "it failed".to_owned(),
            age: 5.0,
        }];
        let found = check(&facts, "adapter").unwrap();
        assert_eq!(
            found.detail.unwrap(),
            "The last, 5 seconds ago in a queue that is adapted no more: INSERT failed with SQLSTATE 42703: it failed."
        );
        assert_eq!(
            found.hint.unwrap(),
            format!("Nothing is to be mended: {DELETE}")
        );
    }
}
