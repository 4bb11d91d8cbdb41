//! A worker: takes chunks, checks their rows, and says so in groups.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use runmeta_client::Metadata;
use serde_json::{Value, json};

use crate::demo::chunk::Chunk;
use crate::demo::csv_file::CsvFile;
use crate::demo::pace::Pace;
use crate::demo::records::Records;
use crate::demo::row::Columns;
use crate::demo::stop::Stopping;
use crate::error::Error;

/// Rows that are said at once: few enough that the bar moves, enough that the file is done soon.
const GROUP: u32 = 25;

/// Problems that the file's log keeps.
pub(crate) const KEPT_PROBLEMS: u64 = 20;

/// What all workers of an import share.
pub(crate) struct Job {
    pub(crate) file: CsvFile,
    pub(crate) columns: Columns,
    pub(crate) waiting: Mutex<VecDeque<Chunk>>,
    pub(crate) pace: Pace,
}

/// Works until no chunk is left, or somebody asks to stop.
pub(crate) async fn work(job: Arc<Job>, mut stopping: Stopping) -> Result<(), Error> {
    while let Some(chunk) = job.next_chunk() {
        tokio::select! {
            done = work_on(&job, chunk) => done?,
            // Wherever that was: a group is said as a whole, or not yet.
            () = stopping.wait() => break,
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

/// Does what remains of a chunk, and closes it.
async fn work_on(job: &Job, mut chunk: Chunk) -> Result<(), Error> {
    let mut records = job.file.records_at(chunk.span.offset, chunk.span.line);
    for _ in chunk.span.first_row..chunk.next_row {
        records.next_record()?;
    }
    let metadata = chunk.run.metadata();
    while chunk.remaining() > 0 {
        let rows = u32::try_from(chunk.remaining()).unwrap_or(GROUP).min(GROUP);
        job.pace.wait(rows).await;
        let problems = check(&mut records, &job.columns, rows)?;
        chunk.next_row += u64::from(rows);
        metadata.atomically(|metadata| {
            metadata.set("nextRow", chunk.next_row);
            count(metadata, rows, &problems);
            count(&metadata.parent(), rows, &problems);
            for problem in &problems {
                metadata
                    .parent()
                    .append_keep("problems", problem, KEPT_PROBLEMS);
            }
        });
        metadata.flush().await?;
    }
    chunk.run.finish().await?;
    Ok(())
}

/// Checks the next rows and returns their problems.
fn check(records: &mut Records<'_>, columns: &Columns, rows: u32) -> Result<Vec<Value>, Error> {
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
    Ok(problems)
}

fn count(metadata: &Metadata, rows: u32, problems: &[Value]) {
    metadata.increment("processedRows", rows);
    if !problems.is_empty() {
        metadata.increment("invalidRows", problems.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn rows_are_checked_where_the_chunk_goes_on() {
        let file = CsvFile::parse("a.csv", Cow::Borrowed(b"a,b\n1,2\nNA,4\n5,6\n7,\n")).unwrap();
        let columns = Columns::new(&file.header);
        let mut records = file.records_at(4, 2);
        records.next_record().unwrap();
        let problems = check(&mut records, &columns, 3).unwrap();
        assert_eq!(
            problems,
            [
                json!({ "line": 3, "problem": "a is NA" }),
                json!({ "line": 5, "problem": "b is missing" }),
            ]
        );
    }
}
