//! Who may set contracts, and that they hold for everybody.

use super::{SCHEMA, enforced};
use crate::harness::{Database, Role, refusal, rows};

#[tokio::test]
async fn writer_is_checked_and_may_not_change_contracts() {
    let writer = Role::with("IN ROLE runmeta_writer");
    let (database, _client) = enforced(SCHEMA).await;
    let client = database.connect_as(writer.name()).await;
    let mut refusals = Vec::new();
    for statement in [
        "SELECT runmeta.set('a', 'rows', '\"one\"')",
        "SELECT runmeta.contract('import', NULL)",
        "DELETE FROM runmeta.contract",
        "UPDATE runmeta.contract SET mode = 'warn'",
    ] {
        refusals.push(
            refusal(client.simple_query(statement).await)
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    23514: metadata of run "a" does not fit the contract of task "import"
    42501: permission denied for function contract
    42501: permission denied for table contract
    42501: permission denied for table contract
    "#);
    client
        .batch_execute("SELECT runmeta.set('a', 'rows', '1')")
        .await
        .unwrap();
    let seen = "SELECT task, mode FROM runmeta.contract; SELECT * FROM runmeta.contract_violations('import')";
    assert_eq!(rows(&client, seen).await, "import | enforce");
}

/// Rights on the function alone let nobody set a contract.
#[tokio::test]
async fn role_that_may_only_call_the_function_changes_nothing() {
    let role = Role::with("IN ROLE runmeta_writer");
    let database = Database::new().await;
    let owner = database.connect().await;
    owner
        .batch_execute(&format!(
            "GRANT EXECUTE ON FUNCTION runmeta.contract TO {}",
            role.quoted()
        ))
        .await
        .unwrap();
    let client = database.connect_as(role.name()).await;
    let refused = refusal(
        client
            .simple_query("SELECT runmeta.contract('import', '{}')")
            .await,
    );
    assert!(
        refused.starts_with("42501: permission denied for table"),
        "{refused}"
    );
    // Who has the very table still makes no trigger.
    owner.batch_execute(&format!("GRANT INSERT, UPDATE, DELETE ON runmeta.contract TO {0}; GRANT UPDATE ON runmeta.run TO {0}", role.quoted())).await.unwrap();
    let refused = refusal(
        client
            .simple_query("SELECT runmeta.contract('import', '{}')")
            .await,
    );
    assert_eq!(refused, "42501: permission denied for table run");
    assert_eq!(
        rows(&owner, "SELECT count(*) FROM runmeta.contract").await,
        "0"
    );
    owner.batch_execute(&format!("REVOKE ALL ON runmeta.contract, runmeta.run FROM {0}; REVOKE ALL ON FUNCTION runmeta.contract FROM {0}", role.quoted())).await.unwrap();
}

#[tokio::test]
async fn contract_holds_for_roles_that_may_not_read_it() {
    let role = Role::new();
    let (database, owner) = enforced(SCHEMA).await;
    owner
        .batch_execute(&format!(
            "GRANT USAGE ON SCHEMA runmeta TO {0}; GRANT SELECT, UPDATE ON runmeta.run TO {0};
            ALTER TABLE runmeta.contract ENABLE ROW LEVEL SECURITY;
            ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
            CREATE POLICY own ON runmeta.run TO {0} USING (id = 'a')",
            role.quoted()
        ))
        .await
        .unwrap();
    let client = database.connect_as(role.name()).await;
    client
        .batch_execute(
            "SET search_path = pg_temp; UPDATE runmeta.run SET metadata = '{\"rows\": 1}'",
        )
        .await
        .unwrap();
    let update = client.simple_query("UPDATE runmeta.run SET metadata = '{\"rows\": \"one\"}'");
    assert!(refusal(update.await).starts_with("23514: "));
    owner
        .batch_execute(&format!("DROP OWNED BY {}", role.quoted()))
        .await
        .unwrap();
}

#[tokio::test]
async fn nobody_calls_the_trigger_function_by_hand() {
    let (database, client) = enforced(SCHEMA).await;
    let writer = database.connect_as("runmeta_writer").await;
    let call = writer.simple_query("SELECT runmeta._check_contract()");
    assert_eq!(
        refusal(call.await),
        "42501: permission denied for function _check_contract"
    );
    // On another table it finds nothing to check.
    client
        .batch_execute(
            "CREATE TABLE plain (a int);
            CREATE TRIGGER odd BEFORE INSERT OR UPDATE OR DELETE ON plain FOR EACH ROW EXECUTE FUNCTION runmeta._check_contract();
            CREATE TRIGGER odd_statement AFTER INSERT ON plain EXECUTE FUNCTION runmeta._check_contract();
            INSERT INTO plain VALUES (1); UPDATE plain SET a = 2",
        )
        .await
        .unwrap();
}
