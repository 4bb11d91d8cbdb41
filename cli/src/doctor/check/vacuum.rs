//! Whether something holds back vacuum.

use super::super::facts::{Activity, Holder};
use super::super::finding::Severity;
use super::super::quantity::{count, span};
use super::{Facts, Finding};

const CHECK: &str = "vacuum";
/// A session that is in a transaction for so long makes writes of busy runs slower. Guesses: 1,500 flushes in one
/// transaction made a run 69 times slower to write, and 10 minutes are 2,400 flushes of a client.
const LONG: f64 = 600.0;
const VERY_LONG: f64 = 3600.0;
/// The same where the age is not known, at 100 transactions a second.
const MANY: i64 = 60_000;
const VERY_MANY: i64 = 360_000;
/// Fewer are not worth a word.
const SOME: i64 = 1000;

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let activity = facts.activity.as_ref()?;
    if facts.server.standby {
        return None;
    }
    let Some(holder) = &activity.vacuum_held else {
        return Some(Finding::ok(CHECK, "nothing holds back vacuum"));
    };
    if holder.age.is_none() && holder.transactions >= SOME && severity(holder).is_none() {
        let began = count(holder.transactions, "transaction");
        return Some(
            Finding::note(
                CHECK,
                format!("{began} began since the oldest one that holds back vacuum"),
            )
            .with_detail("How long it has been open is not visible to this role.")
            .with_hint(format!(
                "Grant it: GRANT pg_read_all_stats TO \"{}\";",
                facts.server.role
            )),
        );
    }
    let Some(severity) = severity(holder) else {
        return Some(Finding::ok(CHECK, "nothing holds back vacuum for long"));
    };
    let (who, hint) = named(holder);
    let since = match holder.age {
        Some(age) => format!(" for {}", span(age)),
        None => String::new(),
    };
    Some(
        Finding::new(CHECK, severity, format!("{who} holds back vacuum{since}"))
            .with_detail(format!(
                "{} began since. {}",
                count(holder.transactions, "transaction"),
                dead(activity)
            ))
            .with_hint(hint),
    )
}

fn severity(holder: &Holder) -> Option<Severity> {
    let (long, very_long) = match holder.age {
        Some(age) => (age >= LONG, age >= VERY_LONG),
        None => (
            holder.transactions >= MANY,
            holder.transactions >= VERY_MANY,
        ),
    };
    match (long, very_long) {
        (_, true) => Some(Severity::Problem),
        (true, _) => Some(Severity::Warning),
        _ => None,
    }
}

fn dead(activity: &Activity) -> String {
    format!(
        "No version of a row that was replaced since can be removed, and each write of a busy run walks past all of its own. There are about {} in runmeta.run, {} of large documents and {} in runmeta.inbox.",
        count(activity.run_dead_rows, "dead row"),
        count(activity.run_dead_pieces, "dead piece"),
        count(activity.inbox_dead_rows, "dead row"),
    )
}

/// Returns what holds back vacuum, and how to end that.
fn named(holder: &Holder) -> (String, String) {
    let (name, pid) = (
        holder.name.as_deref().unwrap_or_default(),
        holder.pid.unwrap_or_default(),
    );
    match holder.kind.as_str() {
        "prepared transaction" => (
            format!("the prepared transaction \"{name}\""),
            format!(
                "Ask whoever prepared it, and end it: COMMIT PREPARED '{name}'; or ROLLBACK PREPARED '{name}';"
            ),
        ),
        "standby" => (
            format!("a query on the standby that process {pid} sends WAL to"),
            "Look for long queries on the standby, or set hot_standby_feedback = off there."
                .to_owned(),
        ),
        "replication slot" => (
            format!("the replication slot \"{name}\""),
            format!(
                "If its standby is gone, drop it: SELECT pg_drop_replication_slot('{name}'); Otherwise look for long queries on the standby, or set hot_standby_feedback = off there."
            ),
        ),
        _ => (
            format!("a transaction of process {pid}"),
            format!(
                "See what it does: SELECT * FROM pg_stat_activity WHERE pid = {pid}; and end it: SELECT pg_terminate_backend({pid}); Set idle_in_transaction_session_timeout, so that no transaction stays open by mistake."
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: &str, age: Option<f64>, transactions: i64) -> Finding {
        let facts = Facts::with(|activity| {
            activity.run_dead_rows = 5000;
            activity.vacuum_held = Some(Holder {
                kind: kind.to_owned(),
                pid: (kind == "session" || kind == "standby").then_some(42),
                name: (kind != "session").then(|| "job-7".to_owned()),
                transactions,
                age,
            });
        });
        check(&facts).unwrap()
    }

    #[test]
    fn long_transaction_is_named_with_its_process() {
        let found = found("session", Some(720.0), 9);
        assert_eq!(found.severity, Severity::Warning);
        assert_eq!(
            found.message,
            "a transaction of process 42 holds back vacuum for 12 minutes"
        );
        assert!(
            found
                .detail
                .unwrap()
                .contains("about 5,000 dead rows in runmeta.run")
        );
        assert!(found.hint.unwrap().contains("pg_terminate_backend(42)"));
    }

    #[test]
    fn prepared_transactions_and_slots_are_named() {
        let prepared = found("prepared transaction", Some(3600.0), 9);
        assert_eq!(prepared.severity, Severity::Problem);
        assert!(prepared.hint.unwrap().contains("ROLLBACK PREPARED 'job-7'"));
        let standby = found("standby", None, 70_000);
        assert_eq!(standby.severity, Severity::Warning);
        let slot = found("replication slot", None, 400_000);
        assert_eq!(
            slot.message,
            "the replication slot \"job-7\" holds back vacuum"
        );
        assert_eq!(slot.severity, Severity::Problem);
    }

    #[test]
    fn short_transaction_is_ok() {
        assert_eq!(found("session", Some(5.0), 100_000).severity, Severity::Ok);
        assert_eq!(found("session", None, 100).severity, Severity::Ok);
    }
}
