//! `runmeta adapt`: has runs follow the jobs of a queue.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Transaction};

use crate::connect::Database;
use crate::error::Error;
use crate::stdout::print;

const ADAPT: &str = include_str!("sql/adapt.sql");
const UNADAPT: &str = include_str!("sql/unadapt.sql");
const ADAPTERS: &str = include_str!("sql/adapters.sql");
const UNADAPT_BY_TABLE: &str = include_str!("sql/unadapt_by_table.sql");
const UNADAPT_BY_NAME: &str = include_str!("sql/unadapt_by_name.sql");
/// The table of jobs is locked against writes until the triggers are there: better to give up than to have workers wait
/// behind a transaction that holds it.
const PATIENCE: &str = "SET LOCAL lock_timeout = '5s'";
/// What the SQL function calls a table of one's own.
const OWN: &str = "table";
/// The interval by which it keeps runs until somebody prunes them.
const FOREVER: &str = "-1";

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
    /// Task whose jobs have runs; may be given several times; an empty one stands for all [default: all]
    #[arg(long = "task", value_name = "TASK")]
    tasks: Vec<String>,
    /// Document of a new run, a JSON object, merged into it when another attempt begins
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// SQL expression for the id of the parent's run, over the row j of a job
    #[arg(long, value_name = "EXPRESSION")]
    parent: Option<String>,
    /// Prune runs that finished longer ago, as in '7 days'; an empty one keeps them again [default: they are kept]
    #[arg(long, value_name = "INTERVAL")]
    keep: Option<String>,
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

/// What the columns of a table of one's own are; each may be an SQL expression over the row j. Those that are not given stay as they
/// were, and an empty one takes away what was given.
#[derive(Args, Default)]
#[command(
    next_help_heading = "A table of your own; an empty value takes away what was given before"
)]
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
        let mut client = self.database.connect().await?;
        let transaction = client.transaction().await?;
        transaction.batch_execute(PATIENCE).await?;
        let statements = match self.remove {
            true => self.remove(&transaction).await?,
            false => self.adapt(&transaction).await?,
        };
        transaction.commit().await?;
        if !self.dry_run {
            let no_more = if self.remove { " no more" } else { "" };
            print(&format!("runs follow the jobs of {}{no_more}", self.name()))?;
            return Ok(ExitCode::SUCCESS);
        }
        print(&format!("BEGIN;\n\n{PATIENCE};\n"))?;
        for statement in statements {
            print(&format!("{statement};\n"))?;
        }
        print("COMMIT;")?;
        Ok(ExitCode::SUCCESS)
    }

    /// Returns what the SQL functions call the queue.
    fn queue(&self) -> &str {
        self.queue.as_deref().unwrap_or(OWN)
    }

    /// Returns what a person calls it.
    fn name(&self) -> &str {
        self.table.as_deref().unwrap_or(self.queue())
    }

    async fn adapt(&self, transaction: &Transaction<'_>) -> Result<Vec<String>, Error> {
        // An empty one leaves none.
        let tasks: Vec<&String> = self.tasks.iter().filter(|task| !task.is_empty()).collect();
        let tasks = (!self.tasks.is_empty()).then_some(tasks);
        let keep = self.keep.as_deref();
        let keep = keep.map(|keep| if keep.is_empty() { FOREVER } else { keep });
        let arguments: [&(dyn ToSql + Sync); 10] = [
            &self.queue(),
            &self.schema,
            &self.prefix,
            &tasks,
            &self.metadata,
            &self.parent,
            &self.table,
            &self.columns.mapping(),
            &keep,
            &self.dry_run,
        ];
        texts(transaction.query(ADAPT, &arguments).await?)
    }

    async fn remove(&self, transaction: &Transaction<'_>) -> Result<Vec<String>, Error> {
        let queue = self.queue();
        let there = transaction.query_one(ADAPTERS, &[]).await?;
        let statements = match (there.try_get(0)?, there.try_get(1)?) {
            (true, _) => {
                let arguments: [&(dyn ToSql + Sync); 4] =
                    [&queue, &self.schema, &self.table, &self.dry_run];
                return texts(transaction.query(UNADAPT, &arguments).await?);
            }
            (false, true) => {
                let rows = transaction
                    .query(UNADAPT_BY_TABLE, &[&queue, &self.schema, &self.table])
                    .await?;
                match rows.as_slice() {
                    [own] => own.try_get(0)?,
                    [] => return Err(self.not_adapted()),
                    _ => {
                        return Err(Error::new(format!(
                            "\"{}\" is adapted more than once",
                            self.name()
                        ))
                        .with_hint("SELECT * FROM runmeta.adapter shows what is adapted: name the schema and the table."));
                    }
                }
            }
            (false, false) => {
                let statements = texts(transaction.query(UNADAPT_BY_NAME, &[&self.schema]).await?)?;
                if statements.is_empty() {
                    return Err(self
                        .not_adapted()
                        .with_detail("Neither runmeta nor a trigger of it is in this database."));
                }
                statements
            }
        };
        if !self.dry_run {
            // That triggers go with their functions is no news.
            transaction
                .batch_execute("SET LOCAL client_min_messages = 'warning'")
                .await?;
            for statement in &statements {
                transaction.batch_execute(statement).await?;
            }
        }
        Ok(statements)
    }

    fn not_adapted(&self) -> Error {
        Error::new(format!("queue \"{}\" is not adapted", self.name()))
    }
}

fn texts(rows: Vec<Row>) -> Result<Vec<String>, Error> {
    let texts: Result<_, tokio_postgres::Error> = rows.iter().map(|row| row.try_get(0)).collect();
    Ok(texts?)
}

impl Columns {
    /// Returns the mapping that the SQL function takes, if anything is given. What is empty takes away what was given before.
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
                mapping.insert(name.to_owned(), given_or_null(value));
            }
        }
        if !self.statuses.is_empty() {
            let words = self.statuses.iter();
            let words = words.map(|(word, status)| (word.clone(), given_or_null(status)));
            mapping.insert("statuses".to_owned(), Value::Object(words.collect()));
        }
        (!mapping.is_empty()).then(|| Value::Object(mapping).to_string())
    }
}

fn given_or_null(value: &str) -> Value {
    match value.is_empty() {
        true => Value::Null,
        false => Value::from(value),
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
    fn empty_column_and_word_are_null() {
        let columns = Columns {
            attempt: Some(String::new()),
            error: Some("problem".to_owned()),
            statuses: vec![pair("new=").unwrap(), pair("done=completed").unwrap()],
            ..Columns::default()
        };
        assert_eq!(
            columns.mapping().unwrap(),
            r#"{"attempt":null,"error":"problem","statuses":{"done":"completed","new":null}}"#
        );
        assert_eq!(Columns::default().mapping(), None);
    }

    #[test]
    fn pair_is_split_at_the_first_equals_sign() {
        assert_eq!(
            pair("done=completed").unwrap(),
            ("done".to_owned(), "completed".to_owned())
        );
        assert!(pair("done").is_err());
    }
}
