//! Who may queue, and who sees what waits.

use super::{COUNT, LIVE, family, queue, run, waiting};
use crate::harness::{Database, Role, refusal};
use crate::rights::owner_of_a_migrated_database;

const FORCE: &str = "ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY; ALTER TABLE runmeta.run FORCE ROW LEVEL SECURITY";

#[tokio::test]
async fn writer_queues_and_folds_without_rights_on_the_tables() {
    let writer = Role::with("IN ROLE runmeta_writer");
    let (database, superuser) = family().await;
    queue(&superuser).await;
    let client = database.connect().await;
    queue(&client).await;
    client
        .batch_execute(&format!("SET ROLE {}", writer.quoted()))
        .await
        .unwrap();
    assert_eq!(run(&client, COUNT).await, "NULL");
    assert_eq!(run(&client, LIVE).await, r#"{"n": 1, "list": []} | 2"#);
    for statement in [
        "SELECT * FROM runmeta.inbox",
        "DELETE FROM runmeta.inbox",
        "INSERT INTO runmeta.inbox (root_id, run_id, run_created_at, source_id, operations) VALUES ('top', 'top', now(), 'x', '[]')",
        "SELECT * FROM runmeta.outbox",
        "DELETE FROM runmeta.unapplied",
        "UPDATE runmeta.unapplied SET reason = ''",
        "SELECT nextval('runmeta.inbox_id_seq')",
    ] {
        let refused = refusal(client.simple_query(statement).await);
        assert!(refused.starts_with("42501"), "{statement}: {refused}");
    }
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "1");
    assert_eq!(waiting(&superuser).await, 0);
}

#[tokio::test]
async fn reader_neither_queues_nor_folds() {
    let reader = Role::with("IN ROLE runmeta_reader");
    let (database, client) = family().await;
    run(&client, COUNT).await;
    let session = database.connect().await;
    queue(&session).await;
    session
        .batch_execute(&format!("SET ROLE {}", reader.quoted()))
        .await
        .unwrap();
    assert_eq!(run(&session, LIVE).await, r#"{"n": 1, "list": []} | 2"#);
    assert_eq!(run(&session, "SELECT runmeta.get('top', 'n')").await, "1");
    for statement in [
        COUNT,
        "SELECT runmeta.fold()",
        "SELECT * FROM runmeta.inbox",
    ] {
        assert!(refusal(session.simple_query(statement).await).starts_with("42501"));
    }
}

#[tokio::test]
async fn role_that_may_call_but_not_write_runs_queues_nothing() {
    let role = Role::new();
    let (database, client) = family().await;
    client
        .batch_execute(&format!(
            "GRANT USAGE ON SCHEMA runmeta TO {0}; GRANT SELECT ON runmeta.run TO {0}; GRANT UPDATE (metadata, version) ON runmeta.run TO {0};
            GRANT EXECUTE ON ALL ROUTINES IN SCHEMA runmeta TO {0}",
            role.quoted()
        ))
        .await
        .unwrap();
    let session = database.connect().await;
    queue(&session).await;
    session
        .batch_execute(&format!("SET ROLE {}", role.quoted()))
        .await
        .unwrap();
    let refused = refusal(session.simple_query(COUNT).await);
    assert!(refused.starts_with("42501"), "{refused}");
    assert_eq!(waiting(&client).await, 0);
    client
        .batch_execute(&format!("DROP OWNED BY {}", role.quoted()))
        .await
        .unwrap();
}

/// Policies decide about each run; whoever folds could not ask them in the name of the one who queued.
#[tokio::test]
async fn writes_go_the_direct_way_where_policies_apply_and_hidden_lists_stay_hidden() {
    let writer = Role::with("IN ROLE runmeta_writer");
    let (database, client) = family().await;
    client
        .batch_execute(
            "SELECT runmeta.start('secret', '{\"s\": 0}'); SELECT runmeta.start('agent', parent_run_id => 'secret');
            SELECT runmeta.set('agent', 's', '42', 'parent');
            ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
            CREATE POLICY p ON runmeta.run USING (root_id = 'top')",
        )
        .await
        .unwrap();
    run(&client, COUNT).await;
    let created = run(
        &client,
        "SELECT quote_literal(created_at) FROM runmeta.run WHERE id = 'secret'",
    )
    .await;
    let session = database.connect().await;
    queue(&session).await;
    session
        .batch_execute(&format!("SET ROLE {}", writer.quoted()))
        .await
        .unwrap();
    assert_eq!(run(&session, LIVE).await, r#"{"n": 1, "list": []} | 2"#);
    assert_eq!(run(&session, COUNT).await, "3");
    assert_eq!(
        run(&session, "SELECT id FROM runmeta.live_run ORDER BY id").await,
        "child\nsecond\ntop"
    );
    let forged = format!(
        "SELECT runmeta._live_metadata('{{}}', 'secret', 'secret', {created}), runmeta._live_version(1, 'secret', 'secret', {created}),
            runmeta._live_updated_at('2000-01-01Z', 'secret', 'secret', {created}) < '2001-01-01Z'"
    );
    assert_eq!(run(&session, &forged).await, "{} | 1 | t");
    assert_eq!(run(&session, "SELECT runmeta.fold()").await, "0");
    let superuser = run(&client, &forged).await;
    assert_eq!(superuser, r#"{"s": 42} | 2 | f"#);
    // Operations of hidden runs that could not be applied are hidden as well.
    run(&client, "SELECT runmeta.remove('agent', 's', '1', 'parent'), runmeta.remove('child', 'n', '1', 'parent'); SELECT runmeta.fold()").await;
    assert_eq!(
        run(&client, "SELECT run_id FROM runmeta.unapplied ORDER BY 1").await,
        "secret\ntop"
    );
    assert_eq!(
        run(&session, "SELECT run_id FROM runmeta.unapplied").await,
        "top"
    );
}

/// FORCE hides runs from the owner of the tables too: what waits for them is not taken for that of runs that are gone.
#[tokio::test]
async fn lists_of_runs_that_are_hidden_from_the_one_who_folds_are_not_lost() {
    let (owner, database) = owner_of_a_migrated_database().await;
    let client = database.connect().await;
    queue(&client).await;
    client
        .batch_execute(
            "SELECT runmeta.start('top', '{\"n\": 0}'); SELECT runmeta.start('child', parent_run_id => 'top')",
        )
        .await
        .unwrap();
    // Together, so that the worker does not fold in between.
    client.batch_execute("BEGIN").await.unwrap();
    assert_eq!(run(&client, COUNT).await, "NULL");
    client.batch_execute(FORCE).await.unwrap();
    client.batch_execute("COMMIT").await.unwrap();
    let session = database.connect_as(owner.name()).await;
    assert_eq!(run(&session, "SELECT runmeta.fold()").await, "0");
    assert_eq!(waiting(&client).await, 1);
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "1");
    assert_eq!(run(&client, "SELECT runmeta.get('top', 'n')").await, "1");
}

/// The worker is the owner, and would never fold what a superuser queues.
#[tokio::test]
async fn nobody_queues_where_policies_apply_to_the_owner_of_the_tables() {
    let (owner, database) = owner_of_a_migrated_database().await;
    let client = database.connect().await;
    queue(&client).await;
    client
        .batch_execute(
            "SELECT runmeta.start('top', '{\"n\": 0}'); SELECT runmeta.start('child', parent_run_id => 'top')",
        )
        .await
        .unwrap();
    client.batch_execute(FORCE).await.unwrap();
    assert_eq!(run(&client, COUNT).await, "2");
    let flush = r#"SELECT outcome FROM runmeta.flush('[{"run": "child", "parentOperations": [{"type": "increment", "key": "n"}]}]')"#;
    assert_eq!(run(&client, flush).await, "applied");
    assert_eq!(waiting(&client).await, 0);
    let bypass = format!("ALTER ROLE {} BYPASSRLS", owner.quoted());
    client.batch_execute(&bypass).await.unwrap();
    assert_eq!(run(&client, COUNT).await, "NULL");
}

/// What the owner plants on the inbox runs as the owner, also where a superuser queues, and cannot wait for the commit.
#[tokio::test]
async fn what_the_owner_plants_on_the_inbox_runs_as_the_owner() {
    let (owner, database) = owner_of_a_migrated_database().await;
    let session = database.connect_as(owner.name()).await;
    session
        .batch_execute(
            "CREATE SCHEMA planted; CREATE TABLE planted.seen (who text, event text); GRANT USAGE ON SCHEMA planted TO PUBLIC;
            CREATE FUNCTION planted.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO planted.seen VALUES (current_user, TG_OP);
                BEGIN RESET ROLE; EXCEPTION WHEN OTHERS THEN NULL; END;
                BEGIN SET ROLE postgres; EXCEPTION WHEN OTHERS THEN NULL; END;
                INSERT INTO planted.seen VALUES (current_user, TG_OP);
                RETURN COALESCE(NEW, OLD); END $$;
            CREATE TRIGGER look BEFORE INSERT OR DELETE ON runmeta.inbox FOR EACH ROW EXECUTE FUNCTION planted.look();",
        )
        .await
        .unwrap();
    let client = database.connect().await;
    queue(&client).await;
    client
        .batch_execute("SELECT runmeta.start('top', '{\"n\": 0}'); SELECT runmeta.start('child', parent_run_id => 'top')")
        .await
        .unwrap();
    run(&client, COUNT).await;
    assert_eq!(
        run(
            &client,
            "SELECT current_user; SELECT runmeta.get('top', 'n'); SELECT current_user"
        )
        .await,
        "postgres\n1\npostgres"
    );
    run(&client, "SELECT runmeta.set('top', 'a', '1')").await;
    let seen = run(
        &client,
        "SELECT who, event, count(*) FROM planted.seen GROUP BY 1, 2 ORDER BY 2",
    )
    .await;
    assert_eq!(
        seen,
        format!("{0} | DELETE | 2\n{0} | INSERT | 2", owner.name())
    );

    session
        .batch_execute(
            "DROP TRIGGER look ON runmeta.inbox;
            CREATE CONSTRAINT TRIGGER look AFTER INSERT ON runmeta.inbox DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION planted.look()",
        )
        .await
        .unwrap();
    let refused = refusal(client.simple_query(COUNT).await);
    assert!(
        refused.contains("cannot fire deferred trigger"),
        "{refused}"
    );
    assert_eq!(
        run(&client, "SELECT DISTINCT who FROM planted.seen").await,
        owner.name()
    );
}

#[tokio::test]
async fn trigger_that_leaves_out_a_list_is_an_error() {
    let (_database, client) = family().await;
    client
        .batch_execute(
            "CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
            CREATE TRIGGER drop_it BEFORE INSERT ON runmeta.inbox FOR EACH ROW EXECUTE FUNCTION drop_it()",
        )
        .await
        .unwrap();
    assert!(refusal(client.simple_query(COUNT).await).starts_with("09000"));
}

#[tokio::test]
async fn database_without_the_tables_says_so() {
    let database = Database::empty().await;
    let client = database.connect().await;
    client
        .batch_execute("CREATE EXTENSION runmeta SCHEMA runmeta")
        .await
        .unwrap_or(());
    let refused = refusal(
        client
            .simple_query("CREATE EXTENSION IF NOT EXISTS runmeta; SELECT runmeta.fold()")
            .await,
    );
    assert!(
        refused.starts_with("42P01: relation \"runmeta.inbox\" does not exist"),
        "{refused}"
    );
}
