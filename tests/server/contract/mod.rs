//! Contracts: schemas that the metadata of a task's runs is to fit.

mod attack;
mod client;
mod declaring;
mod flush;
mod folding;
mod numbers;
mod races;
mod rights;
mod warnings;
mod writing;

use tokio_postgres::Client;

use crate::harness::Database;

/// Asks for a whole number of rows, and a name that is a text.
const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {"rows": {"type": "integer", "minimum": 0}, "file": {"type": "object", "properties": {"name": {"type": "string"}}}}
}"#;

/// Makes a database in which the task `import` has this contract, enforced, and a run `a` of the task.
async fn enforced(schema: &str) -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    declare(&client, schema, "enforce").await;
    let start = "SELECT runmeta.start('a', task => 'import')";
    client.batch_execute(start).await.unwrap();
    (database, client)
}

async fn declare(client: &Client, schema: &str, mode: &str) -> bool {
    let declare = "SELECT runmeta.contract('import', $1::text::jsonb, $2)";
    let row = client.query_one(declare, &[&schema, &mode]).await;
    row.unwrap().get(0)
}

/// Returns true if runs have the trigger.
async fn has_trigger(client: &Client) -> bool {
    let found =
        "SELECT FROM pg_trigger WHERE tgrelid = 'runmeta.run'::regclass AND tgname = 'zz_contract'";
    !client.query(found, &[]).await.unwrap().is_empty()
}
