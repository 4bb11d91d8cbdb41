//! The import of a file: begun or resumed.

use runmeta_client::{Client, NewRun, Run};
use serde_json::{Value, json};

use crate::demo::chunk::{Chunk, Span};
use crate::demo::csv_file::CsvFile;
use crate::error::Error;
use crate::printable::shortened;

/// Imports of one file after this many are not looked for.
const MOST_IMPORTS: i32 = 10_000;

/// Columns of the header that are kept in the metadata.
const MOST_COLUMNS: usize = 100;

/// Finds the newest import of a file. Ids are looked up one by one: what begins like them are their chunks, too.
const NEWEST: &str = "
    SELECT n, r.finished_at IS NOT NULL
    FROM generate_series(1, $2) AS n
    JOIN runmeta.run AS r ON r.id = $1 || '-' || n
    ORDER BY n DESC
    LIMIT 1";

/// An import that is under way.
pub(crate) struct Import {
    pub(crate) run: Run,
    /// The chunks of which rows are left, in the order of their rows.
    pub(crate) chunks: Vec<Chunk>,
    /// Whether it was begun before.
    pub(crate) resumed: bool,
}

impl Import {
    /// Goes on with the newest import of the file, or begins the next one if that is finished.
    ///
    /// Both are the same calls: to start the attempt of a run that it is at changes nothing, also when it has finished, and
    /// brings its metadata.
    pub(crate) async fn open(
        database: &tokio_postgres::Client,
        client: &Client,
        file: &CsvFile,
        workers: usize,
    ) -> Result<Self, Error> {
        let series = series(file);
        let newest = database
            .query_opt(NEWEST, &[&series, &MOST_IMPORTS])
            .await?;
        let (number, resumed) = match newest {
            None => (1, false),
            Some(row) => match (row.try_get::<_, i32>(0)?, row.try_get::<_, bool>(1)?) {
                (number, true) => (number + 1, false),
                (number, false) => (number, true),
            },
        };
        let spans = file.spans()?;
        let new = NewRun::new(format!("{series}-{number}"))
            .task("import-file")
            .tags(["demo"])
            .attempt(1);
        let run = client
            .start(new.metadata(metadata(file, workers, spans.len())))
            .await?;
        let digits = spans.len().to_string().len();
        let mut chunks = Vec::new();
        for (index, span) in spans.into_iter().enumerate() {
            let id = format!("{}/chunk-{:0digits$}", run.id(), index + 1);
            let chunk = start_chunk(client, &run, id, span).await?;
            if chunk.remaining() > 0 {
                chunks.push(chunk);
            } else {
                // Who did the last row may have been killed before it could say so.
                chunk.run.finish().await?;
            }
        }
        Ok(Self {
            run,
            chunks,
            resumed,
        })
    }

    /// Returns how many rows are done, and how many there are.
    pub(crate) fn rows(&self) -> (u64, u64) {
        let metadata = self.run.metadata();
        let number = |key: &str| metadata.get(key).unwrap_or(0);
        (number("processedRows"), number("totalRows"))
    }
}

/// Returns what the ids of all imports of this very file begin with.
fn series(file: &CsvFile) -> String {
    // An id may have 255 bytes, a character up to four of them.
    let name = shortened(&file.name, 40);
    let hash = file.hash.get(..8).unwrap_or_default();
    format!("{name}-{hash}")
}

/// Makes the metadata with which the file's run starts.
fn metadata(file: &CsvFile, workers: usize, chunks: usize) -> Value {
    let names = file.header.iter().take(MOST_COLUMNS);
    json!({
        "file": file.name,
        "bytes": file.size(),
        "sha256": file.hash,
        "columns": file.header.len(),
        "header": names.map(|name| shortened(name, 100)).collect::<Vec<_>>(),
        "workers": workers,
        "chunks": chunks,
        "totalRows": file.rows,
        "processedRows": 0,
        "invalidRows": 0,
        "problems": [],
    })
}

async fn start_chunk(client: &Client, file: &Run, id: String, span: Span) -> Result<Chunk, Error> {
    let new = NewRun::new(&id)
        .parent(file.id())
        .task("import-chunk")
        .tags(["demo"])
        .attempt(1);
    let run = client.start(new.metadata(span.metadata())).await?;
    let metadata = run.metadata().current().unwrap_or_default();
    let next_row = span.next_row(&metadata).ok_or_else(|| {
        Error::new(format!(
            "the metadata of run \"{id}\" is not that of its chunk"
        ))
        .with_detail("Somebody else has written to it, and where to go on is not known.")
        .with_hint(format!(
            "Give the import up with SELECT runmeta.finish('{}', 'failed'); and start a new one.",
            file.id()
        ))
    })?;
    Ok(Chunk {
        run,
        span,
        next_row,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn runs_are_named_after_name_and_content() {
        let file = CsvFile::parse("a.csv", Cow::Borrowed(b"a\n1\n")).unwrap();
        assert_eq!(series(&file), format!("a.csv-{}", &file.hash[..8]));
    }

    #[test]
    fn long_names_fit_into_an_id() {
        let file = CsvFile::parse(&"🦀".repeat(300), Cow::Borrowed(b"a\n1\n")).unwrap();
        assert!(series(&file).len() + "-10000/chunk-500".len() <= 255);
    }
}
