//! Whether the notification queue fills.

use super::super::facts::Transaction;
use super::super::finding::Severity;
use super::super::quantity::span;
use super::{Facts, Finding};

const CHECK: &str = "queue";
/// The queue is empty but for moments, unless somebody holds it. Postgres itself warns at 0.5.
const FILLING: f64 = 0.1;
/// From here on, nothing more of ours is put into it.
const FULL: f64 = 0.5;

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let usage = facts.activity.as_ref()?.notification_queue_usage;
    let severity = match usage {
        _ if usage > FULL => Severity::Problem,
        _ if usage > FILLING => Severity::Warning,
        _ => return Some(Finding::ok(CHECK, "the notification queue has room")),
    };
    let message = format!("the notification queue is {:.0} % full", usage * 100.0);
    let effect = match severity {
        Severity::Problem => {
            "Changes are no longer announced: when there is room again, listeners are asked to read everything. Other programs that notify will get errors when they commit (54000)."
        }
        _ => "From 50 % on, changes are no longer announced.",
    };
    Some(
        Finding::new(CHECK, severity, message)
            .with_detail(format!("A session that listens to any channel, in any database, and stays in a transaction keeps everybody's notifications. {effect} {}", suspects(facts)))
            .with_hint("End the session that listens: SELECT pg_terminate_backend(PID); and have its program commit, or set idle_in_transaction_session_timeout for it."),
    )
}

/// Postgres does not show who listens, but that the oldest transaction is one that began before what is kept.
fn suspects(facts: &Facts) -> String {
    if facts.transactions.is_empty() {
        return match facts.server.sees_sessions {
            true => "No session is in a transaction now, so the queue is emptied with the next notification.".to_owned(),
            false => format!("Role \"{}\" cannot see the sessions: grant it pg_read_all_stats.", facts.server.role),
        };
    }
    let named: Vec<String> = facts.transactions.iter().map(named).collect();
    format!(
        "It is among those in the oldest transactions: {}.",
        named.join("; ")
    )
}

fn named(transaction: &Transaction) -> String {
    let Transaction {
        pid,
        database,
        role,
        state,
        age,
    } = transaction;
    format!(
        "process {pid} of \"{role}\" in database \"{database}\", {state}, for {}",
        span(*age)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(usage: f64) -> Facts {
        let mut facts = Facts::with(|activity| activity.notification_queue_usage = usage);
        facts.transactions = vec![Transaction {
            pid: 42,
            database: "other".to_owned(),
            role: "app".to_owned(),
            state: "idle in transaction".to_owned(),
            age: 7200.0,
        }];
        facts
    }

    #[test]
    fn filling_queue_is_a_warning_and_a_full_one_a_problem() {
        let severities = [0.05, 0.2, 0.6].map(|usage| check(&facts(usage)).unwrap().severity);
        assert_eq!(
            severities,
            [Severity::Ok, Severity::Warning, Severity::Problem]
        );
    }

    #[test]
    fn oldest_transactions_are_named() {
        let found = check(&facts(0.75)).unwrap();
        assert_eq!(found.message, "the notification queue is 75 % full");
        let detail = found.detail.unwrap();
        assert!(
            detail.contains(
                "process 42 of \"app\" in database \"other\", idle in transaction, for 2 hours."
            ),
            "{detail}"
        );
    }

    #[test]
    fn role_that_sees_no_sessions_is_told_what_to_grant() {
        let mut facts = facts(0.75);
        facts.transactions = Vec::new();
        facts.server.sees_sessions = false;
        assert!(
            check(&facts)
                .unwrap()
                .detail
                .unwrap()
                .contains("grant it pg_read_all_stats")
        );
    }
}
