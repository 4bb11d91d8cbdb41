//! The import of a file: begun, resumed, finished.

use serde_json::{Value, json};
use tokio_postgres::{Client, IsolationLevel};

use crate::demo::chunk::Chunk;
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

const CHUNKS: &str = "
    SELECT r.id, runmeta.get(r.id)
    FROM runmeta.run AS r
    WHERE r.root_id = $1 AND r.parent_id = $1 AND r.finished_at IS NULL";

/// An import that is under way.
pub(crate) struct Import {
    /// The id of its run.
    pub(crate) run: String,
    /// The chunks that are not finished, in the order of their rows.
    pub(crate) chunks: Vec<Chunk>,
    /// Whether it was begun before.
    pub(crate) resumed: bool,
}

impl Import {
    /// Goes on with the newest import of the file, or begins the next one if that is finished.
    pub(crate) async fn open(
        client: &mut Client,
        file: &CsvFile,
        workers: usize,
    ) -> Result<Self, Error> {
        let series = series(file);
        let newest = client.query_opt(NEWEST, &[&series, &MOST_IMPORTS]).await?;
        let (number, resumed) = match newest {
            None => (1, false),
            Some(row) => match (row.try_get::<_, i32>(0)?, row.try_get::<_, bool>(1)?) {
                (number, true) => (number + 1, false),
                (number, false) => (number, true),
            },
        };
        let run = format!("{series}-{number}");
        if !resumed {
            begin(client, file, &run, workers).await?;
        }
        let chunks = read_chunks(client, &run).await?;
        Ok(Self {
            run,
            chunks,
            resumed,
        })
    }

    /// Reads how many rows are done, and how many there are.
    pub(crate) async fn rows(&self, client: &Client) -> Result<(u64, u64), Error> {
        let metadata: Value = client
            .query_one("SELECT runmeta.get($1)", &[&self.run])
            .await?
            .try_get(0)?;
        let number = |key: &str| metadata[key].as_u64().unwrap_or(0);
        Ok((number("processedRows"), number("totalRows")))
    }

    /// Closes the run of the file.
    pub(crate) async fn finish(&self, client: &Client) -> Result<(), Error> {
        client
            .execute("SELECT runmeta.finish($1)", &[&self.run])
            .await?;
        Ok(())
    }
}

/// Returns what the ids of all imports of this very file begin with.
fn series(file: &CsvFile) -> String {
    // An id may have 255 bytes, a character up to four of them.
    let name = shortened(&file.name, 40);
    let hash = file.hash.get(..8).unwrap_or_default();
    format!("{name}-{hash}")
}

/// Starts the run of the file and those of all chunks, or none of them.
async fn begin(
    client: &mut Client,
    file: &CsvFile,
    run: &str,
    workers: usize,
) -> Result<(), Error> {
    let spans = file.spans()?;
    let metadata = json!({
        "file": file.name,
        "bytes": file.size(),
        "sha256": file.hash,
        "columns": file.header.len(),
        "header": file.header.iter().take(MOST_COLUMNS).map(|name| shortened(name, 100)).collect::<Vec<_>>(),
        "workers": workers,
        "chunks": spans.len(),
        "totalRows": file.rows,
        "processedRows": 0,
        "invalidRows": 0,
        "problems": [],
    });
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::ReadCommitted)
        .start()
        .await?;
    transaction
        .execute(
            "SELECT runmeta.start($1, $2, task => 'import-file', tags => ARRAY['demo'])",
            &[&run, &metadata],
        )
        .await?;
    let start = transaction
        .prepare("SELECT runmeta.start($1, $2, parent_run_id => $3, task => 'import-chunk', tags => ARRAY['demo'])")
        .await?;
    let digits = spans.len().to_string().len();
    for (index, span) in spans.iter().enumerate() {
        let chunk = format!("{run}/chunk-{:0digits$}", index + 1);
        transaction
            .execute(&start, &[&chunk, &span.metadata(), &run])
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

async fn read_chunks(client: &Client, run: &str) -> Result<Vec<Chunk>, Error> {
    let mut chunks = Vec::new();
    for row in client.query(CHUNKS, &[&run]).await? {
        let id: String = row.try_get(0)?;
        let metadata: Value = row.try_get(1)?;
        let chunk = Chunk::from_metadata(id.clone(), &metadata).ok_or_else(|| {
            Error::new(format!("the metadata of run \"{id}\" is not that of a chunk"))
                .with_detail("Somebody else has written to it, and where to go on is not known.")
                .with_hint(format!("Give the import up with SELECT runmeta.finish('{run}', 'failed'); and start a new one."))
        })?;
        chunks.push(chunk);
    }
    chunks.sort_by_key(|chunk| chunk.span.first_row);
    Ok(chunks)
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
