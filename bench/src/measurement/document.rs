//! Documents of any size.

use crate::Result;
use crate::server::Server;

/// Bytes of one row of the table in such a document, as compact JSON.
const ROW_BYTES: usize = 61;

/// Starts a run, of ours and of theirs, with a document of about so many bytes: what a job knows about itself, and a table.
pub fn add_document(server: &Server, run: &str, bytes: usize) -> Result<()> {
    let rows = i32::try_from(bytes / ROW_BYTES)?;
    let session = server.session();
    let ours = session.prepare(include_str!("sql/document/ours.sql"))?;
    session.execute(&ours, &[&run, &rows])?;
    let theirs = session.prepare(include_str!("sql/document/theirs.sql"))?;
    session.execute(&theirs, &[&run])?;
    Ok(())
}
