//! What an error of the server means for a batch: the one table of SQLSTATEs.

use tokio_postgres::error::{DbError, Severity};

/// What the sender of a batch has to do after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The batch may have been applied or not: nobody answered, or a pooler answered in the server's place.
    InDoubt,
    /// The batch had no effect, and may succeed unchanged later.
    Passes,
    /// A lock was not available, or somebody cancelled the statement: which lock, a diagnosis shows.
    Locked,
    /// The server may miss batches before this one. A trigger of the user's may raise the same error: a diagnosis shows.
    GapSuspect,
    /// The server lacks memory: half the batch may fit.
    TooMuchMemory,
    /// The queue of notifications may be full, which passes; anything else is final: a diagnosis shows.
    QueueSuspect,
    /// The same batch will never be applied.
    Final,
}

impl Meaning {
    /// Returns the meaning of an error with which the server answered a statement.
    pub(crate) fn of(code: &str) -> Meaning {
        match code {
            "53200" => Meaning::TooMuchMemory,
            "54000" => Meaning::QueueSuspect,
            "55000" => Meaning::GapSuspect,
            // 57014 is also what a `statement_timeout` of the user's raises while a lock is waited for.
            "55P03" | "57014" => Meaning::Locked,
            // The server only reads for now, because it is about to be promoted or was demoted.
            "25006" => Meaning::Passes,
            // The transaction's end is unknown.
            "40003" => Meaning::InDoubt,
            _ => match code.get(..2) {
                // PgBouncer reports in this class that it lost the server.
                Some("08") => Meaning::InDoubt,
                // The session was ended by an administrator or a crash (57P01 to 57P05), perhaps after the commit.
                Some("57") => Meaning::InDoubt,
                // Rolled back (40), out of resources (53), trouble outside Postgres (58).
                Some("40" | "53" | "58") => Meaning::Passes,
                _ => Meaning::Final,
            },
        }
    }

    /// Returns true if another attempt at the same may succeed without anybody's help.
    pub(crate) fn is_retryable(self) -> bool {
        match self {
            Meaning::InDoubt | Meaning::Passes | Meaning::Locked | Meaning::TooMuchMemory => true,
            Meaning::GapSuspect | Meaning::QueueSuspect | Meaning::Final => false,
        }
    }
}

/// Returns the SQLSTATE of an error. Citus has none for a node that it lost in the middle of a statement, because libpq gives it none:
/// it reports XX000, after which nothing else is tried again.
pub(crate) fn code(error: &DbError) -> &str {
    let is_of_another_node = matches!(
        error.file(),
        Some("placement_connection.c" | "remote_commands.c" | "remote_transaction.c")
    );
    match error.code().code() {
        "XX000" if is_of_another_node => "08006",
        code => code,
    }
}

/// Returns true for an error that ends the session, whatever became of the statement.
pub(crate) fn ends_session(error: &DbError) -> bool {
    match error.parsed_severity() {
        Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
        None => matches!(error.severity(), "FATAL" | "PANIC"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_one_meaning() {
        for (meaning, codes) in [
            (Meaning::InDoubt, "08006 08P01 40003 57P01 57P02 57P03"),
            (Meaning::Passes, "40001 40P01 53100 53300 58030 25006"),
            (Meaning::Locked, "55P03 57014"),
            (Meaning::GapSuspect, "55000"),
            (Meaning::TooMuchMemory, "53200"),
            (Meaning::QueueSuspect, "54000"),
            (Meaning::Final, "22023 23514 42501 42P01 54001 XX000 P0001"),
            (Meaning::Final, ""),
        ] {
            for code in codes.split(' ') {
                assert_eq!(Meaning::of(code), meaning, "{code}");
            }
        }
    }
}
