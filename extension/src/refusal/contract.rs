//! Errors about contracts.

use pgrx::prelude::*;

use super::shown;

/// A call that is refused because of a contract, or a contract that is.
#[derive(Debug)]
pub enum ContractRefusal {
    /// A document does not fit the contract of the run's task.
    DoesNotFit {
        run: String,
        task: String,
        detail: String,
    },
    /// A schema is none, for a reason at this path within it.
    BadSchema { path: String, problem: String },
    /// A schema passes one of the limits.
    SchemaTooLarge { problem: String },
    /// There is no such mode.
    UnknownMode { mode: String },
    /// The task has no contract, and no schema is given.
    NoContract { task: String },
}

impl ContractRefusal {
    pub(super) fn parts(&self) -> (PgSqlErrorCode, String, Option<String>, Option<String>) {
        use PgSqlErrorCode::*;
        let text = |text: &str| Some(text.to_owned());
        match self {
            ContractRefusal::DoesNotFit { run, task, detail } => (
                ERRCODE_CHECK_VIOLATION,
                format!(
                    "metadata of run \"{}\" does not fit the contract of task \"{}\"",
                    shown(run),
                    shown(task)
                ),
                Some(detail.clone()),
                text(
                    "Write what the schema in runmeta.contract asks for, or have its owner change it with runmeta.contract().",
                ),
            ),
            ContractRefusal::BadSchema { path, problem } => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                "schema is not a valid JSON Schema".to_owned(),
                Some(format!("At {path}: {problem}.")),
                text(
                    "Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.",
                ),
            ),
            ContractRefusal::SchemaTooLarge { problem } => (
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "schema is too large".to_owned(),
                Some(problem.clone()),
                text(
                    "Have the contract describe what reports and other programs rely on, and leave out the rest.",
                ),
            ),
            ContractRefusal::UnknownMode { mode } => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                format!("unknown mode: \"{}\"", shown(mode)),
                None,
                text("Write warn or enforce."),
            ),
            ContractRefusal::NoContract { task } => (
                ERRCODE_NO_DATA_FOUND,
                format!("task \"{}\" has no contract", shown(task)),
                None,
                text(
                    "Give the schema as the third argument, or set it first with runmeta.contract().",
                ),
            ),
        }
    }
}
