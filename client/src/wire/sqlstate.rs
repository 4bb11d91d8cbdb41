//! What an error of the server means for the statement: whether another attempt may help.

use tokio_postgres::error::{DbError, Severity, SqlState};

/// Returns true for what ends the session.
pub(crate) fn is_fatal(error: &DbError) -> bool {
    match error.parsed_severity() {
        Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
        None => matches!(error.severity(), "FATAL" | "PANIC"),
    }
}

/// Returns true for what can be mended by trying again: connection lost (08), transaction rolled back (40), out of
/// resources (53), interrupted by an operator (57), trouble outside Postgres (58), a lock not had, and a server that only
/// reads for now, because it is about to take over.
pub(crate) fn is_passing(code: &SqlState) -> bool {
    let code = code.code();
    ["08", "40", "53", "57", "58"]
        .iter()
        .any(|class| code.starts_with(class))
        || matches!(code, "55P03" | "25006")
}
