//! The numbers of the view, each with a name and what it is.

use super::facts::Facts;

/// A number at this moment.
pub(crate) struct Figure {
    /// Its name: with its unit at the end, as Prometheus wants it.
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    /// A value for each set of labels; most figures have one value without labels, or none where it is not known.
    pub(crate) values: Vec<(Vec<(&'static str, String)>, f64)>,
}

const STATES: [&str; 6] = [
    "running",
    "starting",
    "stuck",
    "no_slot",
    "stopped",
    "unavailable",
];

/// Lists the numbers, in the order of the view.
pub(crate) fn figures(facts: &Facts) -> Vec<Figure> {
    let Some(activity) = &facts.activity else {
        return Vec::new();
    };
    let held = activity.vacuum_held.as_ref();
    vec![
        labelled(
            "worker_state",
            "1 for the state that the background worker is in, 0 for the others",
            STATES.map(|state| ("state", state.to_owned(), flag(activity.worker == state))),
        ),
        optional(
            "worker_error_age_seconds",
            "time since the last error of the background worker",
            activity.worker_error_age,
        ),
        one(
            "preloaded",
            "1 if the server loaded the library when it started",
            flag(activity.preloaded),
        ),
        one(
            "standby",
            "1 if the server follows another one",
            flag(facts.server.standby),
        ),
        one(
            "waiting_lists",
            "lists that wait in the inbox",
            number(activity.waiting_lists),
        ),
        one(
            "waiting_runs",
            "runs that lists wait for, at least",
            number(activity.waiting_runs),
        ),
        one(
            "waiting_bytes",
            "bytes of the lists that wait",
            number(activity.waiting_bytes),
        ),
        one(
            "waiting_age_seconds",
            "how long the oldest list has waited",
            activity.waiting_age.unwrap_or(0.0),
        ),
        one(
            "job_changes",
            "changes of jobs in queues that their runs have not followed yet",
            number(activity.job_changes),
        ),
        one(
            "job_changes_age_seconds",
            "how long the oldest change of a job has waited",
            activity.job_changes_age.unwrap_or(0.0),
        ),
        one(
            "adapter_failures",
            "changes of jobs that could not be recorded or followed, the last 100 of each adapter",
            number(activity.adapter_failures),
        ),
        one(
            "unannounced_age_seconds",
            "how long changes have waited to be announced",
            activity.unannounced_age.unwrap_or(0.0),
        ),
        one(
            "unannounced_bytes",
            "bytes of changes in shared memory that wait to be announced",
            number(activity.unannounced_bytes),
        ),
        one(
            "unannounced_prepared_changes",
            "changes of two-phase commits that wait to be announced",
            number(activity.unannounced_prepared),
        ),
        one(
            "owes_resync",
            "1 if listeners are yet to be asked to read everything",
            flag(activity.owes_resync),
        ),
        one(
            "notification_queue_usage_ratio",
            "part of the notification queue of the server that is in use",
            activity.notification_queue_usage,
        ),
        one(
            "unapplied_operations",
            "operations that waited and could not be applied",
            number(activity.unapplied),
        ),
        one(
            "writers",
            "client processes that sent numbered batches",
            number(activity.writers),
        ),
        one(
            "recent_writers",
            "client processes that sent one within the last minute",
            number(activity.recent_writers),
        ),
        one("runs", "runs, an estimate", number(activity.runs)),
        one(
            "unfinished_runs",
            "runs that have not finished, counted up to 10000",
            number(activity.unfinished_runs),
        ),
        one(
            "vacuum_held_transactions",
            "transactions that began since the oldest one that holds back vacuum",
            held.map_or(0.0, |held| number(held.transactions)),
        ),
        match held {
            None => one("vacuum_held_age_seconds", HELD_AGE, 0.0),
            Some(held) => optional("vacuum_held_age_seconds", HELD_AGE, held.age),
        },
        labelled(
            "dead_rows",
            "dead rows, an estimate",
            [
                ("table", "run".to_owned(), number(activity.run_dead_rows)),
                (
                    "table",
                    "run_pieces".to_owned(),
                    number(activity.run_dead_pieces),
                ),
                (
                    "table",
                    "inbox".to_owned(),
                    number(activity.inbox_dead_rows),
                ),
            ],
        ),
        labelled(
            "table_bytes",
            "bytes of a table with its indexes",
            [
                ("table", "run".to_owned(), number(activity.run_bytes)),
                ("table", "inbox".to_owned(), number(activity.inbox_bytes)),
                (
                    "table",
                    "unapplied".to_owned(),
                    number(activity.unapplied_bytes),
                ),
            ],
        ),
    ]
}

const HELD_AGE: &str = "how long the oldest one has held back vacuum";

fn one(name: &'static str, help: &'static str, value: f64) -> Figure {
    optional(name, help, Some(value))
}

fn optional(name: &'static str, help: &'static str, value: Option<f64>) -> Figure {
    let values = value.into_iter().map(|value| (Vec::new(), value)).collect();
    Figure { name, help, values }
}

fn labelled<const N: usize>(
    name: &'static str,
    help: &'static str,
    values: [(&'static str, String, f64); N],
) -> Figure {
    let values = values
        .into_iter()
        .map(|(label, text, value)| (vec![(label, text)], value));
    Figure {
        name,
        help,
        values: values.collect(),
    }
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

/// Counts beyond 2^53 lose their last digits.
#[allow(clippy::cast_precision_loss)]
fn number(count: i64) -> f64 {
    count as f64
}
