//! What somebody planted in the schema before the toolkit came does not run as the one who migrates, perhaps a superuser.

use crate::harness::{Database, Role};
use crate::rights::owner_of_a_migrated_database;

/// The functions of a view and of a table's policies run as whoever reads it: here, one who migrates or only looks.
#[tokio::test]
async fn history_that_somebody_planted_is_not_run() {
    let (alice, mallory) = (Role::new(), Role::new());
    let database = Database::owned_by(&alice).await;
    let open = format!(
        "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {mallory}', current_database()); END $$;
        SET SESSION AUTHORIZATION {mallory};
        CREATE SCHEMA runmeta;
        GRANT USAGE ON SCHEMA runmeta TO PUBLIC;
        CREATE FUNCTION runmeta.trap() RETURNS int LANGUAGE plpgsql AS $$
        BEGIN
            IF current_user <> '{mallory}' THEN RAISE EXCEPTION 'trapped'; END IF;
            RETURN 1;
        END $$;",
        mallory = mallory.name()
    );
    let attacker = database.connect().await;
    attacker.batch_execute(&open).await.unwrap();
    let view = "CREATE VIEW runmeta.schema_history AS
        SELECT runmeta.trap() AS version, ''::text AS name, ''::text AS applied_on, ''::text AS checksum";
    let policy = "CREATE TABLE runmeta.schema_history (version int, name text, applied_on text, checksum text);
        INSERT INTO runmeta.schema_history VALUES (1, '', '', '');
        CREATE POLICY trap ON runmeta.schema_history USING (runmeta.trap() = 1);
        ALTER TABLE runmeta.schema_history ENABLE ROW LEVEL SECURITY";
    for (history, kind) in [(view, "view"), (policy, "table")] {
        let plant = format!("{history}; GRANT SELECT ON runmeta.schema_history TO PUBLIC");
        attacker.batch_execute(&plant).await.unwrap();
        for reader in ["postgres", alice.name()] {
            let mut client = database.connect_as(reader).await;
            let refused = runmeta_migrations::migrate(&mut client).await.unwrap_err();
            assert!(refused.is_schema_taken(), "{refused}");
            let refused = runmeta_migrations::plan(&mut client).await.unwrap_err();
            assert!(refused.is_schema_taken(), "{refused}");
            let refused = runmeta_migrations::status(&mut client).await.unwrap_err();
            assert!(refused.is_schema_taken(), "{refused}");
            let expected = format!("Among them: {kind} runmeta.schema_history.");
            assert_eq!(refused.detail().unwrap(), expected);
        }
        let clear = format!("DROP {kind} runmeta.schema_history");
        attacker.batch_execute(&clear).await.unwrap();
    }
}

#[tokio::test]
async fn superuser_may_read_the_status_of_another_ones_database() {
    let (_alice, database) = owner_of_a_migrated_database().await;
    let mut superuser = database.connect().await;
    let status = runmeta_migrations::status(&mut superuser).await.unwrap();
    assert!(status.is_up_to_date());
    let refused = runmeta_migrations::migrate(&mut superuser)
        .await
        .unwrap_err();
    assert!(refused.is_schema_taken(), "{refused}");
}
