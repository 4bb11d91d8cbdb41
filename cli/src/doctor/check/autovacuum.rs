//! Whether autovacuum does its work on our tables.

use super::super::facts::Table;
use super::super::quantity::{count, span};
use super::{Facts, Finding};

const CHECK: &str = "autovacuum";
/// Autovacuum begins at 5 % of dead rows. Many times that, for long, means that it does not keep up. Guesses.
const SHARE: f64 = 0.5;
const DEAD: i64 = 100_000;
const AGE: f64 = 600.0;

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    if !facts.server.has_tables || facts.server.standby {
        return None;
    }
    let off: Vec<String> = facts
        .tables
        .iter()
        .filter(|table| table.autovacuum_off)
        .map(|table| format!("runmeta.{}", table.name))
        .collect();
    let found = if !facts.server.autovacuum {
        Finding::problem(CHECK, "autovacuum is off")
            .with_detail("Runs are updated far more often than they are inserted: without vacuum, tables and indexes grow without end, and reading takes longer.")
            .with_hint("Set autovacuum = on, and reload the configuration.")
    } else if !facts.server.track_counts {
        Finding::problem(
            CHECK,
            "track_counts is off, so that autovacuum does nothing",
        )
        .with_detail("Autovacuum goes by the counts of changed rows.")
        .with_hint("Set track_counts = on, and reload the configuration.")
    } else if !off.is_empty() {
        Finding::problem(CHECK, format!("autovacuum is off for {}", off.join(", ")))
            .with_detail("The table grows without end, and reading takes longer.")
            .with_hint(format!(
                "Run: ALTER TABLE {} RESET (autovacuum_enabled);",
                off.first().map_or("", String::as_str)
            ))
    } else if let Some(table) = facts.tables.iter().find(|table| is_behind(table)) {
        behind(table)
    } else {
        Finding::ok(CHECK, "autovacuum keeps up")
    };
    Some(found)
}

#[allow(clippy::cast_precision_loss)] // rows in thousands
fn is_behind(table: &Table) -> bool {
    let share = table.dead as f64 / (table.live.max(0) as f64 + 1.0);
    table.dead >= DEAD && share >= SHARE && table.vacuum_age.is_none_or(|age| age >= AGE)
}

fn behind(table: &Table) -> Finding {
    let last = match table.vacuum_age {
        Some(age) => format!("It was vacuumed last {} ago", span(age)),
        None => "It was never vacuumed".to_owned(),
    };
    let (dead, live) = (count(table.dead, "dead row"), count(table.live, "live one"));
    Finding::warning(CHECK, format!("autovacuum does not keep up with runmeta.{}", table.name))
        .with_detail(format!("The table has about {dead} and {live}. {last}."))
        .with_hint("If nothing holds back vacuum, give autovacuum more: raise autovacuum_vacuum_cost_limit or autovacuum_max_workers, or lower autovacuum_naptime.")
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::*;

    fn table(dead: i64, vacuum_age: Option<f64>) -> Table {
        Table {
            name: "run".to_owned(),
            autovacuum_off: false,
            live: 100_000,
            dead,
            vacuum_age,
        }
    }

    #[test]
    fn autovacuum_that_is_off_is_a_problem_wherever_it_is_set() {
        let mut server = Facts::healthy();
        server.server.autovacuum = false;
        let mut counts = Facts::healthy();
        counts.server.track_counts = false;
        let mut one = Facts::healthy();
        one.tables = vec![Table {
            autovacuum_off: true,
            ..table(0, None)
        }];
        for facts in [server, counts, one] {
            assert_eq!(check(&facts).unwrap().severity, Severity::Problem);
        }
    }

    #[test]
    fn many_dead_rows_for_long_are_a_warning() {
        let severity = |table| {
            let facts = Facts {
                tables: vec![table],
                ..Facts::healthy()
            };
            check(&facts).unwrap().severity
        };
        assert_eq!(severity(table(300_000, None)), Severity::Warning);
        assert_eq!(severity(table(300_000, Some(700.0))), Severity::Warning);
        assert_eq!(severity(table(300_000, Some(5.0))), Severity::Ok);
        assert_eq!(severity(table(4000, None)), Severity::Ok);
    }
}
