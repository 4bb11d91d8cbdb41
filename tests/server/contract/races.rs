//! Contracts that are set while others write.

use super::{SCHEMA, declare};
use crate::harness::{Database, process, refusal, until_waiting};

/// The write has committed when the contract is there, so that whoever asks then for runs that do not fit finds it.
#[tokio::test]
async fn contract_waits_for_writes_and_writes_for_the_contract() {
    let database = Database::new().await;
    let (mut owner, mut early, late) = (
        database.connect().await,
        database.connect().await,
        database.connect().await,
    );
    declare(&owner, "{}", "enforce").await;
    owner
        .batch_execute(
            "SELECT runmeta.start('a', task => 'import'), runmeta.start('b', task => 'import')",
        )
        .await
        .unwrap();
    let writing = early.transaction().await.unwrap();
    writing
        .batch_execute("SELECT runmeta.set('a', 'rows', '\"one\"')")
        .await
        .unwrap();
    let (declarer, writer) = (process(&owner).await, process(&late).await);
    let declared = async {
        let declaring = owner.transaction().await.unwrap();
        let set = declaring.execute(
            "SELECT runmeta.contract('import', $1::text::jsonb, 'enforce')",
            &[&SCHEMA],
        );
        set.await.unwrap();
        let found = declaring
            .query(
                "SELECT run_id FROM runmeta.contract_violations('import')",
                &[],
            )
            .await
            .unwrap();
        let found: Vec<String> = found.iter().map(|row| row.get(0)).collect();
        declaring.commit().await.unwrap();
        found
    };
    let committed = async {
        let watching = database.connect().await;
        until_waiting(&watching, declarer).await;
        // Its transaction goes on with the contract that there was.
        writing
            .batch_execute("SELECT runmeta.set('a', 'rows', '\"two\"')")
            .await
            .unwrap();
        let late = late.simple_query("SELECT runmeta.set('b', 'rows', '\"one\"')");
        let commit = async {
            until_waiting(&watching, writer).await;
            writing.commit().await.unwrap();
        };
        tokio::join!(late, commit).0
    };
    let (found, late) = tokio::join!(declared, committed);
    assert_eq!(found, ["a"]);
    assert!(refusal(late).starts_with("23514: "));
}

#[tokio::test]
async fn sessions_take_over_a_contract_that_another_one_changes() {
    let database = Database::new().await;
    let (owner, writer) = (database.connect().await, database.connect().await);
    declare(&owner, SCHEMA, "enforce").await;
    owner
        .batch_execute("SELECT runmeta.start('a', task => 'import')")
        .await
        .unwrap();
    let set = "SELECT runmeta.set('a', 'rows', '\"one\"')";
    assert!(refusal(writer.simple_query(set).await).starts_with("23514: "));
    declare(&owner, "{}", "enforce").await;
    writer.batch_execute(set).await.unwrap();
    declare(&owner, SCHEMA, "enforce").await;
    let again = "SELECT runmeta.set('a', 'rows', '\"two\"')";
    assert!(refusal(writer.simple_query(again).await).starts_with("23514: "));
    // By hand, too.
    owner
        .batch_execute("UPDATE runmeta.contract SET mode = 'warn'")
        .await
        .unwrap();
    writer.batch_execute(again).await.unwrap();
}
