//! A worker: takes chunks, checks their rows, and says so in groups.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio_postgres::{Client, IsolationLevel};

use crate::connect::Database;
use crate::demo::chunk::Chunk;
use crate::demo::csv_file::CsvFile;
use crate::demo::pace::Pace;
use crate::demo::records::Records;
use crate::demo::row::Columns;
use crate::demo::stop::Stopping;
use crate::demo::turn::Turn;
use crate::error::Error;

/// Rows of one transaction: few enough that the bar moves, enough that the file is done soon.
const GROUP: u32 = 25;

/// Problems that the file's log keeps.
pub(crate) const KEPT_PROBLEMS: usize = 20;

/// What all workers of an import share.
pub(crate) struct Job {
    pub(crate) file: CsvFile,
    pub(crate) columns: Columns,
    pub(crate) waiting: Mutex<VecDeque<Chunk>>,
    pub(crate) pace: Pace,
    pub(crate) turn: Turn,
    pub(crate) database: Database,
}

/// What a group of rows came to.
struct Group {
    rows: u32,
    problems: Vec<Value>,
}

/// Works until no chunk is left, or somebody asks to stop.
pub(crate) async fn work(job: Arc<Job>, mut stopping: Stopping) -> Result<(), Error> {
    let mut client = job.database.connect_quietly().await?;
    job.turn.join(&client).await?;
    while let Some(chunk) = job.next_chunk() {
        if stopping.asked() || !work_on(&job, &mut client, chunk, &mut stopping).await? {
            break;
        }
    }
    Ok(())
}

impl Job {
    fn next_chunk(&self) -> Option<Chunk> {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }
}

/// Does what remains of a chunk; `false` when stopped before its end.
async fn work_on(
    job: &Job,
    client: &mut Client,
    mut chunk: Chunk,
    stopping: &mut Stopping,
) -> Result<bool, Error> {
    let mut records = job.file.records_at(chunk.span.offset, chunk.span.line);
    for _ in chunk.span.first_row..chunk.next_row {
        records.next_record()?;
    }
    loop {
        let rows = u32::try_from(chunk.remaining()).unwrap_or(GROUP).min(GROUP);
        tokio::select! {
            () = job.pace.wait(rows) => {}
            () = stopping.wait() => {}
        }
        if stopping.asked() {
            return Ok(false);
        }
        let group = check(&mut records, &job.columns, rows)?;
        chunk.next_row += u64::from(rows);
        record(client, &chunk, &group).await?;
        if chunk.remaining() == 0 {
            return Ok(true);
        }
    }
}

/// Checks the next rows.
fn check(records: &mut Records<'_>, columns: &Columns, rows: u32) -> Result<Group, Error> {
    let mut problems = Vec::new();
    for _ in 0..rows {
        // Rows that are gone are impossible, as the run's id holds the hash of the file.
        let Some(record) = records.next_record()? else {
            break;
        };
        if let Some(problem) = columns.problem(record.fields) {
            problems.push(json!({ "line": record.line, "problem": problem }));
        }
    }
    Ok(Group { rows, problems })
}

/// Tells the database about a group in one transaction, and closes a chunk that is done.
async fn record(client: &mut Client, chunk: &Chunk, group: &Group) -> Result<(), Error> {
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::ReadCommitted)
        .start()
        .await?;
    let refused = transaction
        .query_opt(
            "SELECT f.target::text, f.outcome
            FROM runmeta.flush($1) AS f
            WHERE f.outcome NOT IN ('applied', 'unchanged', 'queued') OR jsonb_array_length(f.unapplied) > 0
            LIMIT 1",
            &[&batch(chunk, group)],
        )
        .await?;
    if let Some(row) = refused {
        // Leaving here takes back what the others of the group have written.
        let (target, outcome): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        return Err(Error::new(format!(
            "the progress of run \"{}\" was not taken",
            chunk.run
        ))
        .with_detail(format!(
            "The outcome for its target \"{target}\" is \"{outcome}\"."
        )));
    }
    if chunk.remaining() == 0 {
        transaction
            .execute("SELECT runmeta.finish($1)", &[&chunk.run])
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Makes the batch that moves the chunk on and counts for the file, all or nothing.
fn batch(chunk: &Chunk, group: &Group) -> Value {
    let count = |key: &str, by: usize| json!({ "type": "increment", "key": key, "value": by });
    let mut counted = vec![count("processedRows", group.rows as usize)];
    if !group.problems.is_empty() {
        counted.push(count("invalidRows", group.problems.len()));
    }
    let mut operations = vec![json!({ "type": "set", "key": "nextRow", "value": chunk.next_row })];
    operations.extend(counted.iter().cloned());
    let mut parent_operations = counted;
    let superfluous = group.problems.len().saturating_sub(KEPT_PROBLEMS);
    parent_operations.extend(group.problems[superfluous..].iter().map(|problem| {
        json!({ "type": "append", "key": "problems", "value": problem, "keep": KEPT_PROBLEMS })
    }));
    json!([{ "run": chunk.run, "operations": operations, "parentOperations": parent_operations }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::chunk::Span;
    use std::borrow::Cow;

    fn chunk() -> Chunk {
        Chunk {
            run: "file/chunk-1".to_owned(),
            span: Span {
                first_row: 1,
                rows: 100,
                offset: 0,
                line: 2,
            },
            next_row: 26,
        }
    }

    #[test]
    fn batch_moves_the_chunk_and_counts_for_the_file() {
        let group = Group {
            rows: 25,
            problems: vec![json!({ "line": 7, "problem": "city is NA" })],
        };
        let counted = [
            json!({ "type": "increment", "key": "processedRows", "value": 25 }),
            json!({ "type": "increment", "key": "invalidRows", "value": 1 }),
        ];
        let problem = json!({ "line": 7, "problem": "city is NA" });
        assert_eq!(
            batch(&chunk(), &group),
            json!([{
                "run": "file/chunk-1",
                "operations": [{ "type": "set", "key": "nextRow", "value": 26 }, counted[0], counted[1]],
                "parentOperations": [
                    counted[0],
                    counted[1],
                    { "type": "append", "key": "problems", "value": problem, "keep": 20 },
                ],
            }])
        );
    }

    #[test]
    fn batch_sends_no_more_problems_than_are_kept() {
        let group = Group {
            rows: 25,
            problems: (1..=25)
                .map(|line| json!({ "line": line, "problem": "city is NA" }))
                .collect(),
        };
        let batch = batch(&chunk(), &group);
        let operations = batch[0]["parentOperations"].as_array().unwrap();
        assert_eq!(
            operations
                .iter()
                .filter(|operation| operation["type"] == "append")
                .count(),
            KEPT_PROBLEMS
        );
        assert_eq!(operations[1]["value"], 25);
        assert_eq!(operations.last().unwrap()["value"]["line"], 25);
    }

    #[test]
    fn rows_are_checked_where_the_chunk_goes_on() {
        let file = CsvFile::parse("a.csv", Cow::Borrowed(b"a,b\n1,2\nNA,4\n5,6\n7,\n")).unwrap();
        let columns = Columns::new(&file.header);
        let mut records = file.records_at(4, 2);
        records.next_record().unwrap();
        let group = check(&mut records, &columns, 3).unwrap();
        assert_eq!(
            group.problems,
            [
                json!({ "line": 3, "problem": "a is NA" }),
                json!({ "line": 5, "problem": "b is missing" }),
            ]
        );
    }
}
