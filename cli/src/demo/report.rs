//! What the database knows of an import at its end, read with SQL and set in 80 columns.

use std::fmt::Write;

use indicatif::HumanCount;
use tokio_postgres::Client;

use crate::demo::worker::KEPT_PROBLEMS;
use crate::error::Error;
use crate::printable::{printable, shortened};

/// Problems that are shown, of those the log keeps.
const SHOWN_PROBLEMS: i32 = 8;

/// Chunks that are shown.
const SHOWN_CHUNKS: i64 = 4;

/// Longest text that leaves a line within 80 columns.
const LONGEST_PROBLEM: usize = 62;

const SUMMARY: &str = "
    SELECT m->>'file',
        (m->>'totalRows')::int8,
        (m->>'processedRows')::int8,
        (m->>'invalidRows')::int8,
        r.status,
        extract(epoch FROM r.finished_at - r.created_at)::float8
    FROM runmeta.run AS r, runmeta.get(r.id) AS m
    WHERE r.id = $1";

const BY_CHUNK: &str = "
    SELECT t.count, t.min::text, t.max::text, round(t.average, 1)::text
    FROM runmeta.rollup($1, 'invalidRows') AS t";

const WORST_CHUNKS: &str = "
    SELECT d.id, (d.metadata->>'invalidRows')::int8, (d.metadata->>'totalRows')::int8
    FROM runmeta.descendants($1) AS d
    WHERE (d.metadata->>'invalidRows')::int8 > 0
    ORDER BY 2 DESC, 1
    LIMIT $2";

const LAST_PROBLEMS: &str = "
    SELECT p->>'line', p->>'problem'
    FROM jsonb_array_elements(runmeta.get($1, 'problems')) WITH ORDINALITY AS log (p, position)
    ORDER BY position DESC
    LIMIT $2";

/// An import as the report shows it.
struct Report {
    run: String,
    file: String,
    total: i64,
    processed: i64,
    invalid: i64,
    status: String,
    seconds: f64,
    /// Number of chunks; fewest, most and average invalid rows of one.
    by_chunk: (i64, String, String, String),
    /// Run, invalid rows, rows.
    worst_chunks: Vec<(String, i64, i64)>,
    /// Line and problem, the newest first.
    problems: Vec<(String, String)>,
}

/// Reads the report of an import.
pub(crate) async fn report(client: &Client, run: &str) -> Result<String, Error> {
    let summary = client.query_one(SUMMARY, &[&run]).await?;
    let by_chunk = client.query_one(BY_CHUNK, &[&run]).await?;
    let mut report = Report {
        run: run.to_owned(),
        file: summary.try_get(0)?,
        total: summary.try_get(1)?,
        processed: summary.try_get(2)?,
        invalid: summary.try_get(3)?,
        status: summary.try_get(4)?,
        seconds: summary.try_get(5)?,
        by_chunk: (
            by_chunk.try_get(0)?,
            by_chunk.try_get(1)?,
            by_chunk.try_get(2)?,
            by_chunk.try_get(3)?,
        ),
        worst_chunks: Vec::new(),
        problems: Vec::new(),
    };
    for row in client.query(WORST_CHUNKS, &[&run, &SHOWN_CHUNKS]).await? {
        report
            .worst_chunks
            .push((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    }
    for row in client
        .query(LAST_PROBLEMS, &[&run, &i64::from(SHOWN_PROBLEMS)])
        .await?
    {
        report.problems.push((row.try_get(0)?, row.try_get(1)?));
    }
    Ok(report.text())
}

impl Report {
    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut text);
        text.truncate(text.trim_end().len());
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let count = |number: i64| HumanCount(number.unsigned_abs()).to_string();
        let (chunks, fewest, most, average) = &self.by_chunk;
        writeln!(
            text,
            "{}: {} in {:.1} s",
            printable(&self.file),
            self.status,
            self.seconds
        )?;
        writeln!(text)?;
        writeln!(
            text,
            "  rows       {:>9} of {}",
            count(self.processed),
            count(self.total)
        )?;
        writeln!(
            text,
            "  valid      {:>9}",
            count(self.processed - self.invalid)
        )?;
        writeln!(text, "  invalid    {:>9}", count(self.invalid))?;
        writeln!(
            text,
            "  chunks     {:>9}, invalid rows in each: {fewest} to {most}, {average} on average",
            count(*chunks)
        )?;

        if !self.worst_chunks.is_empty() {
            writeln!(text, "\nChunks with most invalid rows")?;
            for (run, invalid, rows) in &self.worst_chunks {
                let name = run
                    .strip_prefix(&self.run)
                    .unwrap_or(run)
                    .trim_start_matches('/');
                writeln!(
                    text,
                    "  {:<16} {:>6} of {}",
                    printable(name),
                    count(*invalid),
                    count(*rows)
                )?;
            }
        }
        if !self.problems.is_empty() {
            writeln!(text, "\nLast problems (the log keeps {KEPT_PROBLEMS})")?;
            for (line, problem) in &self.problems {
                writeln!(
                    text,
                    "  line {line:>7}  {}",
                    shortened(&printable(problem), LONGEST_PROBLEM)
                )?;
            }
        }
        writeln!(text, "\nAsk for more in SQL")?;
        let run = printable(&self.run).replace('\'', "''");
        writeln!(text, "  SELECT jsonb_pretty(runmeta.get('{run}'));")?;
        writeln!(
            text,
            "  SELECT * FROM runmeta.rollup('{run}', 'invalidRows');"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            run: "airports.csv-0a1b2c3d-1".to_owned(),
            file: "airports.csv".to_owned(),
            total: 3_376,
            processed: 3_376,
            invalid: 12,
            status: "completed".to_owned(),
            seconds: 2.34,
            by_chunk: (34, "0".to_owned(), "3".to_owned(), "0.4".to_owned()),
            worst_chunks: vec![("airports.csv-0a1b2c3d-1/chunk-12".to_owned(), 3, 100)],
            problems: vec![("1137".to_owned(), "city is NA, state is NA".to_owned())],
        }
    }

    #[test]
    fn report_tells_rows_chunks_and_problems() {
        insta::assert_snapshot!(report().text(), @r"
        airports.csv: completed in 2.3 s

          rows           3,376 of 3,376
          valid          3,364
          invalid           12
          chunks            34, invalid rows in each: 0 to 3, 0.4 on average

        Chunks with most invalid rows
          chunk-12              3 of 100

        Last problems (the log keeps 20)
          line    1137  city is NA, state is NA

        Ask for more in SQL
          SELECT jsonb_pretty(runmeta.get('airports.csv-0a1b2c3d-1'));
          SELECT * FROM runmeta.rollup('airports.csv-0a1b2c3d-1', 'invalidRows');
        ");
    }

    #[test]
    fn report_of_a_clean_file_has_no_empty_sections() {
        let text = Report {
            invalid: 0,
            worst_chunks: Vec::new(),
            problems: Vec::new(),
            ..report()
        }
        .text();
        assert!(
            !text.contains("problems") && !text.contains("most invalid"),
            "{text}"
        );
    }

    #[test]
    fn report_fits_into_80_columns() {
        let text = Report {
            problems: vec![("1234567".to_owned(), "long ".repeat(50))],
            total: 12_345_678,
            processed: 12_345_678,
            ..report()
        }
        .text();
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}
