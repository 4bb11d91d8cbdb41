//! What the indexes of `runmeta.run` save: pages read by the queries of a dashboard.

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;

/// A question, the index that answers it, and the query.
const QUESTIONS: [(&str, &str, &str); 4] = [
    (
        "newest trees",
        "runmeta.run_created_at_idx",
        include_str!("sql/indexes/newest_trees.sql"),
    ),
    (
        "unfinished runs",
        "runmeta.run_unfinished_idx",
        include_str!("sql/indexes/unfinished.sql"),
    ),
    (
        "newest runs of a task",
        "runmeta.run_task_created_at_idx",
        include_str!("sql/indexes/newest_of_task.sql"),
    ),
    (
        "newest runs with a tag",
        "runmeta.run_tags_idx",
        include_str!("sql/indexes/newest_with_tag.sql"),
    ),
];

/// Counts the pages of 20 rows with each index and without it, in a table of 200,000 runs.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let session = server.session();
    session.run(include_str!("sql/indexes/runs.sql"))?;
    let mut lines = Vec::new();
    for (question, index, query) in QUESTIONS {
        let pages = || -> Result<Figures> {
            let explain = include_str!("sql/indexes/pages.sql").replace("{query}", query);
            session.run(&explain)?;
            let pages: f64 = session.value(include_str!("sql/indexes/counted.sql"), &[])?;
            Ok(Figures::once(pages))
        };
        let with = pages()?;
        session.run(&include_str!("sql/indexes/without.sql").replace("{index}", index))?;
        let without = pages()?;
        session.run("ROLLBACK")?;
        lines.push(Line::beside(
            format!("{question}: pages read for 20 of 200,000 runs"),
            &with,
            ("without the index", &without),
            Unit::Cost("pages"),
            Budget::None,
        ));
    }
    session.run("DROP INDEX runmeta.run_tags_idx")?;
    Ok(lines)
}
