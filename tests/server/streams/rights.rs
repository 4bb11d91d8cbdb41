//! Who may append and read, and whose rights statements run with.

use super::{append, chunks, family, refused, run};
use crate::harness::{Role, by_hand};
use crate::rights::owner_of_a_migrated_database;

#[tokio::test]
async fn writer_appends_and_reads_without_rights_to_write_the_tables() {
    let writer = Role::with("IN ROLE runmeta_writer");
    let (database, _client) = family().await;
    let client = database.connect_as(writer.name()).await;
    assert_eq!(append(&client, "logs", "[1]").await, "0");
    run(
        &client,
        "SELECT runmeta.stream_append('top', 'logs', jsonb_build_array(repeat('x', 5000)))",
    )
    .await;
    run(&client, "SELECT runmeta.stream_close('top', 'logs')").await;
    assert_eq!(
        run(&client, "SELECT name, chunks FROM runmeta.stream").await,
        "logs | 2"
    );
    assert_eq!(
        run(&client, "SELECT first, count FROM runmeta.stream_chunk").await,
        "0 | 2"
    );
    for statement in [
        "INSERT INTO runmeta.stream (root_id, run_id, name, run_created_at) VALUES ('top', 'top', 'x', now())",
        "UPDATE runmeta.stream SET chunks = 0",
        "DELETE FROM runmeta.stream",
        "DELETE FROM runmeta.stream_chunk",
        "UPDATE runmeta.stream_chunk SET first = 1",
        "SELECT runmeta.prune_streams(now())",
    ] {
        let refused = refused(&client, statement).await;
        assert!(refused.starts_with("42501"), "{statement}: {refused}");
    }
}

#[tokio::test]
async fn reader_reads_and_appends_nothing() {
    let reader = Role::with("IN ROLE runmeta_reader");
    let (database, client) = family().await;
    append(&client, "logs", "[1]").await;
    let session = database.connect_as(reader.name()).await;
    assert_eq!(chunks(&session, "logs").await, "0 1");
    assert_eq!(
        run(
            &session,
            "SELECT stream, chunks FROM runmeta.streams('top')"
        )
        .await,
        "logs | 1"
    );
    for statement in [
        "SELECT runmeta.stream_append('top', 'logs', '[2]')",
        "SELECT runmeta.stream_close('top', 'logs')",
    ] {
        assert!(refused(&session, statement).await.starts_with("42501"));
    }
}

/// The right to call the function is none to write runs.
#[tokio::test]
async fn role_that_may_call_but_not_write_runs_appends_nothing() {
    let role = Role::new();
    let (database, client) = family().await;
    append(&client, "logs", "[1]").await;
    client
        .batch_execute(&format!(
            "GRANT USAGE ON SCHEMA runmeta TO {0}; GRANT SELECT ON ALL TABLES IN SCHEMA runmeta TO {0};
            GRANT UPDATE (status) ON runmeta.run TO {0}; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA runmeta TO {0}",
            role.quoted()
        ))
        .await
        .unwrap();
    let session = database.connect_as(role.name()).await;
    for statement in [
        "SELECT runmeta.stream_append('top', 'logs', '[2]')",
        "SELECT runmeta.stream_append('top', 'new', '[2]')",
        "SELECT runmeta.stream_close('top', 'logs')",
        r#"SELECT * FROM runmeta.flush('[{"run": "top", "streams": {"logs": [2]}}]')"#,
    ] {
        let refused = refused(&session, statement).await;
        assert!(
            refused.starts_with("42501: permission denied for table run"),
            "{statement}: {refused}"
        );
    }
    assert_eq!(chunks(&client, "logs").await, "0 1");
    client
        .batch_execute(&format!("DROP OWNED BY {}", role.quoted()))
        .await
        .unwrap();
}

#[tokio::test]
async fn policies_decide_whose_streams_are_read_and_written() {
    let writer = Role::with("IN ROLE runmeta_writer");
    let (database, client) = family().await;
    by_hand(&client).await;
    client
        .batch_execute(
            "SELECT runmeta.start('secret'), runmeta.start('shown');
            SELECT runmeta.stream_append(r, 'logs', jsonb_build_array(r, repeat('x', 5000), 3))
            FROM unnest('{top,secret,shown}'::text[]) AS r;
            SELECT runmeta.stream_append(r, 'logs', '[4]') FROM unnest('{top,secret,shown}'::text[]) AS r;
            ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
            CREATE POLICY reads ON runmeta.run FOR SELECT USING (id <> 'secret');
            CREATE POLICY writes ON runmeta.run FOR UPDATE USING (id <> 'shown')",
        )
        .await
        .unwrap();
    let session = database.connect_as(writer.name()).await;
    assert_eq!(append(&session, "logs", "[5]").await, "4");
    assert_eq!(append(&session, "new", "[1]").await, "0");
    assert_eq!(
        run(
            &session,
            "SELECT runmeta.stream_append('child', 'logs', '[6]', 'parent')"
        )
        .await,
        "5"
    );
    for (name, tables) in [
        (
            "stream",
            "SELECT DISTINCT run_id FROM runmeta.stream ORDER BY 1",
        ),
        (
            "stream_chunk",
            "SELECT DISTINCT run_id FROM runmeta.stream_chunk ORDER BY 1",
        ),
    ] {
        assert_eq!(run(&session, tables).await, "shown\ntop", "{name}");
    }
    for nothing in [
        "SELECT * FROM runmeta.stream_read('secret', 'logs')",
        "SELECT * FROM runmeta.streams('secret')",
    ] {
        assert_eq!(run(&session, nothing).await, "");
    }
    assert_eq!(
        run(
            &session,
            "SELECT count(*) FROM runmeta.stream_read('shown', 'logs')"
        )
        .await,
        "4"
    );
    for (run, error) in [
        ("secret", "P0002: no such run: \"secret\""),
        ("shown", "42501: permission denied for run \"shown\""),
    ] {
        for statement in [
            format!("SELECT runmeta.stream_append('{run}', 'logs', '[5]')"),
            format!("SELECT runmeta.stream_append('{run}', 'new', '[5]')"),
            format!("SELECT runmeta.stream_close('{run}', 'logs')"),
        ] {
            let refused = refused(&session, &statement).await;
            assert!(refused.starts_with(error), "{statement}: {refused}");
        }
    }
    // A run that is started with the id of one that was deleted does not show what that one had.
    client
        .batch_execute("DELETE FROM runmeta.run WHERE id = 'shown'; SELECT runmeta.start('shown')")
        .await
        .unwrap();
    assert_eq!(
        run(&session, "SELECT run_id FROM runmeta.stream WHERE run_id = 'shown' UNION ALL SELECT run_id FROM runmeta.stream_chunk WHERE run_id = 'shown'").await,
        ""
    );
}

/// What the owner plants on the tables runs as the owner, also where a superuser appends.
#[tokio::test]
async fn what_the_owner_plants_on_the_tables_runs_as_the_owner() {
    let (owner, database) = owner_of_a_migrated_database().await;
    let session = database.connect_as(owner.name()).await;
    session
        .batch_execute(
            "CREATE SCHEMA planted; CREATE TABLE planted.seen (who text, event text); GRANT USAGE ON SCHEMA planted TO PUBLIC;
            CREATE FUNCTION planted.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                BEGIN RESET ROLE; EXCEPTION WHEN OTHERS THEN NULL; END;
                BEGIN SET ROLE postgres; EXCEPTION WHEN OTHERS THEN NULL; END;
                INSERT INTO planted.seen VALUES (current_user, TG_TABLE_NAME || ' ' || TG_OP);
                RETURN COALESCE(NEW, OLD); END $$;
            CREATE TRIGGER look BEFORE INSERT OR UPDATE OR DELETE ON runmeta.stream FOR EACH ROW EXECUTE FUNCTION planted.look();
            CREATE TRIGGER look BEFORE INSERT OR DELETE ON runmeta.stream_chunk FOR EACH ROW EXECUTE FUNCTION planted.look();",
        )
        .await
        .unwrap();
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('top'); SELECT runmeta.stream_append('top', 'logs', '[1]'); SELECT runmeta.stream_append('top', 'logs', '[2]');
            SELECT runmeta.stream_append('top', 'logs', jsonb_build_array(repeat('x', 5000)));
            SELECT * FROM runmeta.flush('[{\"run\": \"top\", \"streams\": {\"logs\": [3], \"other\": [4]}}]');
            SELECT runmeta.stream_close('top', 'logs'); SELECT runmeta.prune_streams(now() + interval '1 minute')",
        )
        .await
        .unwrap();
    let seen = run(
        &client,
        "SELECT DISTINCT who, event FROM planted.seen ORDER BY 2",
    )
    .await;
    let expected = [
        "stream DELETE",
        "stream INSERT",
        "stream UPDATE",
        "stream_chunk DELETE",
        "stream_chunk INSERT",
    ];
    let expected: Vec<String> = expected
        .iter()
        .map(|event| format!("{} | {event}", owner.name()))
        .collect();
    assert_eq!(seen, expected.join("\n"));
    assert_eq!(run(&client, "SELECT current_user").await, "postgres");
}

/// FORCE hides runs from the owner, too; his statements on streams go on, as the checks were made with the caller's rights.
#[tokio::test]
async fn streams_work_where_policies_apply_to_the_owner_of_the_tables() {
    let (owner, database) = owner_of_a_migrated_database().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('top'); SELECT runmeta.stream_append('top', 'logs', '[1]');
            ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY; ALTER TABLE runmeta.run FORCE ROW LEVEL SECURITY",
        )
        .await
        .unwrap();
    assert_eq!(append(&client, "logs", "[2]").await, "1");
    assert_eq!(append(&client, "new", "[2]").await, "0");
    let session = database.connect_as(owner.name()).await;
    assert_eq!(chunks(&session, "logs").await, "NULL");
    assert!(
        refused(
            &session,
            "SELECT runmeta.stream_append('top', 'logs', '[3]')"
        )
        .await
        .starts_with("P0002")
    );
    let prune = refused(&session, "SELECT runmeta.prune_streams(now())").await;
    assert!(
        prune.starts_with("42501: cannot prune under row-level security"),
        "{prune}"
    );
}
