//! The reports of `docs/reports.md`, asked of 204,000 runs: what the page shows is what is measured.

use std::time::Instant;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;

const PAGE: &str = include_str!("../../../docs/reports.md");

/// Trees of ten runs each; the page has 1,000, for its tests.
const TREES: &str = "20000";

const TURNS: usize = 5;

/// What a person waits without noticing.
const MILLISECONDS: f64 = 100.0;

/// Measures each report, and tells by which indexes it finds its runs.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let session = server.session();
    session.run(&runs().ok_or("docs/reports.md makes no runs")?)?;
    session.run("VACUUM ANALYZE runmeta.run")?;
    let mut lines = Vec::new();
    for (title, query) in reports() {
        session.run(&include_str!("sql/reports/plan.sql").replace("{query}", query))?;
        let found: String = session.value(include_str!("sql/reports/found_by.sql"), &[])?;
        let mut figures = Figures::default();
        for _ in 0..TURNS {
            let start = Instant::now();
            session.run(query)?;
            figures.push(start.elapsed().as_secs_f64() * 1e3);
        }
        lines.push(Line::alone(
            format!("report {title} ({found})"),
            figures,
            Unit::Cost("ms"),
            Budget::AtMost(MILLISECONDS),
        ));
    }
    session.run("DROP INDEX runmeta.run_tags_idx; SELECT runmeta.untrack('import-chunk')")?;
    Ok(lines)
}

/// Returns the block that makes the runs, without what is for psql and for the page.
fn runs() -> Option<String> {
    let (_, block) = PAGE.split_once("```sql\n")?;
    let (block, _) = block.split_once("```")?;
    let lines = block
        .lines()
        .filter(|line| !line.starts_with('\\') && *line != "BEGIN;");
    let script: Vec<String> = lines.map(|line| line.replace(":trees", TREES)).collect();
    Some(script.join("\n"))
}

/// Returns the title of each report with its number, and its query.
fn reports() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGE.split("\n### ").skip(1).filter_map(|section| {
        let (title, rest) = section.split_once('\n')?;
        let (_, block) = rest.split_once("```sql\n")?;
        let (query, _) = block.split_once("```")?;
        Some((title, query.trim_end().trim_end_matches(';')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_twenty_reports_with_a_query_each() {
        let numbers: Vec<String> = reports()
            .filter(|(_, query)| query.contains("runmeta."))
            .filter_map(|(title, _)| Some(title.split_once(". ")?.0.to_owned()))
            .collect();
        let expected: Vec<String> = (1..=20).map(|number| number.to_string()).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn runs_are_made_by_sql_alone() {
        let runs = runs().unwrap();
        assert!(runs.contains("INSERT INTO runmeta.run"));
        assert!(!runs.contains('\\') && !runs.contains(":trees"), "{runs}");
    }
}
