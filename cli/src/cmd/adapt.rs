//! `runmeta adapt`: has runs follow the jobs of a queue.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value};

use crate::connect::Database;
use crate::error::Error;
use crate::stdout::print;

const ADAPT: &str = include_str!("sql/adapt.sql");
const UNADAPT: &str = include_str!("sql/unadapt.sql");
/// The table of jobs is locked against writes until the triggers are there: better to give up than to have workers wait
/// behind a transaction that holds it.
const PATIENCE: &str = "SET LOCAL lock_timeout = '5s'";
/// What the SQL function calls a table of one's own.
const OWN: &str = "table";

/// Have runs follow the jobs of a queue: triggers on its table record what happens to a job
#[derive(Args)]
pub(crate) struct Adapt {
    /// pg-boss, graphile-worker, procrastinate, river, oban, pgmq or dbos; none for a table of your own
    #[arg(required_unless_present = "table")]
    queue: Option<String>,
    /// Schema of the queue's tables, if it is not the usual one
    #[arg(long)]
    schema: Option<String>,
    /// What stands before the id of a job in the id of its run [default: the queue and a colon]
    #[arg(long)]
    prefix: Option<String>,
    /// Task whose jobs have runs; may be given several times [default: all]
    #[arg(long = "task", value_name = "TASK")]
    tasks: Vec<String>,
    /// Document of a new run, a JSON object, merged into it when another attempt begins
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// SQL expression for the id of the parent's run, over the row j of a job
    #[arg(long, value_name = "EXPRESSION")]
    parent: Option<String>,
    /// Table of jobs: that of a queue of pgmq, or your own
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    #[command(flatten)]
    columns: Columns,
    /// Only print the SQL that would run
    #[arg(long)]
    dry_run: bool,
    /// Remove the triggers. Runs stay
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    database: Database,
}

/// What the columns of a table of one's own are; each may be an SQL expression over the row j.
#[derive(Args)]
#[command(next_help_heading = "A table of your own")]
struct Columns {
    /// Column that identifies a job, with a unique index
    #[arg(long, value_name = "COLUMN", requires = "table")]
    id: Option<String>,
    /// Status of the job
    #[arg(long, value_name = "COLUMN", requires = "table")]
    status: Option<String>,
    /// How many attempts have begun
    #[arg(long, value_name = "COLUMN", requires = "table")]
    attempt: Option<String>,
    /// What went wrong last
    #[arg(long, value_name = "COLUMN", requires = "table")]
    error: Option<String>,
    /// Name of the task
    #[arg(long, value_name = "COLUMN", requires = "table")]
    task_column: Option<String>,
    /// When the job came
    #[arg(long, value_name = "COLUMN", requires = "table")]
    created_at: Option<String>,
    /// When its attempt began to work
    #[arg(long, value_name = "COLUMN", requires = "table")]
    started_at: Option<String>,
    /// When it finished
    #[arg(long, value_name = "COLUMN", requires = "table")]
    finished_at: Option<String>,
    /// Status of the run of a job that is deleted before it finished [default: cancelled]
    #[arg(long, value_name = "STATUS", requires = "table")]
    deleted: Option<String>,
    /// Status of the run for a word of the table, as in done=completed; may be given several times
    #[arg(long = "map", value_name = "WORD=STATUS", requires = "table", value_parser = pair)]
    statuses: Vec<(String, String)>,
}

impl Adapt {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let queue = self.queue.as_deref().unwrap_or(OWN);
        let mut client = self.database.connect().await?;
        let transaction = client.transaction().await?;
        transaction.batch_execute(PATIENCE).await?;
        let rows = if self.remove {
            let arguments: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
                [&queue, &self.schema, &self.table, &self.dry_run];
            transaction.query(UNADAPT, &arguments).await?
        } else {
            let tasks = (!self.tasks.is_empty()).then_some(&self.tasks);
            let arguments: [&(dyn tokio_postgres::types::ToSql + Sync); 9] = [
                &queue,
                &self.schema,
                &self.prefix,
                &tasks,
                &self.metadata,
                &self.parent,
                &self.table,
                &self.columns.mapping(),
                &self.dry_run,
            ];
            transaction.query(ADAPT, &arguments).await?
        };
        transaction.commit().await?;
        let name = self.table.as_deref().unwrap_or(queue);
        if !self.dry_run {
            print(&match self.remove {
                true => format!("runs follow the jobs of {name} no more"),
                false => format!("runs follow the jobs of {name}"),
            })?;
            return Ok(ExitCode::SUCCESS);
        }
        print(&format!("BEGIN;\n\n{PATIENCE};\n"))?;
        for row in rows {
            print(&format!("{};\n", row.try_get::<_, String>(0)?))?;
        }
        print("COMMIT;")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Columns {
    /// Returns the mapping that the SQL function takes, if anything is given.
    fn mapping(&self) -> Option<String> {
        let given = [
            ("id", &self.id),
            ("status", &self.status),
            ("attempt", &self.attempt),
            ("error", &self.error),
            ("task", &self.task_column),
            ("created_at", &self.created_at),
            ("started_at", &self.started_at),
            ("finished_at", &self.finished_at),
            ("deleted", &self.deleted),
        ];
        let mut mapping = Map::new();
        for (name, value) in given {
            if let Some(value) = value {
                mapping.insert(name.to_owned(), Value::from(value.as_str()));
            }
        }
        if !self.statuses.is_empty() {
            let words = self.statuses.iter();
            let words = words.map(|(word, status)| (word.clone(), Value::from(status.as_str())));
            mapping.insert("statuses".to_owned(), Value::Object(words.collect()));
        }
        (!mapping.is_empty()).then(|| Value::Object(mapping).to_string())
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((word, status)) => Ok((word.to_owned(), status.to_owned())),
        None => Err("it is no WORD=STATUS".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pair_is_split_at_the_first_equals_sign() {
        assert_eq!(
            pair("done=completed").unwrap(),
            ("done".to_owned(), "completed".to_owned())
        );
        assert!(pair("done").is_err());
    }
}
