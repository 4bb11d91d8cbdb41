//! Whose rights samples are taken with, and who sees them.

use super::{refused, run, samples, start, tracked};
use crate::harness::Role;
use crate::rights::owner_of_a_migrated_database;

#[tokio::test]
async fn writer_has_samples_taken_without_rights_on_the_tables() {
    let writer = Role::with("IN ROLE runmeta_writer");
    let (database, _client) = tracked().await;
    let session = database.connect_as(writer.name()).await;
    start(&session, "a").await;
    run(&session, "SELECT runmeta.increment('a', 'n')").await;
    run(
        &session,
        r#"UPDATE runmeta.run SET metadata = '{"n": 5}', finished_at = now()"#,
    )
    .await;
    assert_eq!(samples(&session, "a").await, "0 5");
    for statement in [
        "DELETE FROM runmeta.history",
        "UPDATE runmeta.history SET value = '{}'",
        "INSERT INTO runmeta.history SELECT * FROM runmeta.history",
        "INSERT INTO runmeta.tracked VALUES ('import', 'm', '1 second', 4)",
        "DELETE FROM runmeta.tracked",
        "SELECT runmeta.track('import', 'm')",
        "SELECT runmeta.untrack('import')",
        "DROP TRIGGER keep_histories ON runmeta.run",
    ] {
        let refused = refused(&session, statement).await;
        assert!(refused.starts_with("42501"), "{statement}: {refused}");
    }
}

/// It changes only what Postgres shows it and lets it change; the sample is taken in the owner's name.
#[tokio::test]
async fn policies_on_runs_decide_whose_histories_are_seen() {
    let writer = Role::with("IN ROLE runmeta_writer");
    let (database, client) = tracked().await;
    for id in ["secret", "shown"] {
        start(&client, id).await;
        run(&client, &format!("SELECT runmeta.increment('{id}', 'n')")).await;
    }
    run(
        &client,
        "ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON runmeta.run USING (id <> 'secret')",
    )
    .await;
    let session = database.connect_as(writer.name()).await;
    assert_eq!(samples(&session, "secret").await, "");
    assert_eq!(
        run(&session, "SELECT run_id FROM runmeta.history").await,
        "shown"
    );
    run(
        &session,
        r#"SELECT runmeta.start('mine', '{"n": 1}', task => 'import'); SELECT runmeta.increment('mine', 'n');
        SELECT * FROM runmeta.flush('[{"run": "shown", "operations": [{"type": "set", "key": "n", "value": 8}], "finish": "completed"}]')"#,
    )
    .await;
    assert_eq!(samples(&session, "mine").await, "1 2");
    assert_eq!(samples(&session, "shown").await, "0 8");
}

#[tokio::test]
async fn owner_tracks_and_what_he_planted_gains_nothing() {
    let (alice, database) = owner_of_a_migrated_database().await;
    let owner = database.connect_as(alice.name()).await;
    run(
        &owner,
        "SELECT runmeta.track('import', 'n');
        CREATE TABLE runmeta.seen (who name);
        CREATE FUNCTION pg_temp.nothing() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE SCHEMA mine;
        CREATE FUNCTION mine.look() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO runmeta.seen VALUES (current_user); RETURN NEW; END';
        CREATE TRIGGER look BEFORE INSERT OR UPDATE ON runmeta.history FOR EACH ROW EXECUTE FUNCTION mine.look()",
    )
    .await;
    let superuser = database.connect().await;
    start(&superuser, "a").await;
    run(
        &superuser,
        "SELECT runmeta.increment('a', 'n'), runmeta.finish('a')",
    )
    .await;
    let seen = format!(
        "SELECT count(*) > 0, bool_and(who = '{}') FROM runmeta.seen",
        alice.name()
    );
    assert_eq!(run(&superuser, &seen).await, "t | t");
}

/// Whoever may create a table may make a trigger on it, with rows that look like those of runs.
#[tokio::test]
async fn trigger_function_serves_no_other_table() {
    let writer = Role::with("IN ROLE runmeta_writer");
    let (database, client) = tracked().await;
    run(
        &client,
        &format!("CREATE SCHEMA own AUTHORIZATION {}", writer.quoted()),
    )
    .await;
    start(&client, "a").await;
    run(&client, "SELECT runmeta.increment('a', 'n')").await;
    // Nobody has this right by himself.
    let grant = format!(
        "GRANT EXECUTE ON FUNCTION runmeta._keep_histories() TO {}",
        writer.quoted()
    );
    run(&client, &grant).await;
    let session = database.connect_as(writer.name()).await;
    run(
        &session,
        "CREATE TABLE own.run (LIKE runmeta.run);
        INSERT INTO own.run SELECT * FROM runmeta.run;
        CREATE TRIGGER keep_histories AFTER UPDATE OR DELETE ON own.run FOR EACH ROW EXECUTE FUNCTION runmeta._keep_histories();",
    )
    .await;
    for statement in [
        "DELETE FROM own.run",
        r#"UPDATE own.run SET metadata = '{"n": 99}', finished_at = now()"#,
        "SELECT runmeta._keep_histories()",
    ] {
        let refused = refused(&session, statement).await;
        assert!(!refused.starts_with("XX000"), "{statement}: {refused}");
    }
    let refused = refused(&session, "DELETE FROM own.run").await;
    assert!(
        refused.starts_with("39P01: this function is for the trigger of tracked numbers"),
        "{refused}"
    );
    assert_eq!(samples(&client, "a").await, "0 1");
    run(&client, "DROP SCHEMA own CASCADE").await;
}

#[tokio::test]
async fn trigger_that_leaves_out_the_history_fails_no_write() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    run(
        &client,
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER nothing BEFORE INSERT ON runmeta.history FOR EACH ROW EXECUTE FUNCTION nothing();
        SELECT runmeta.increment('a', 'n'); SELECT runmeta.finish('a')",
    )
    .await;
    assert_eq!(
        run(&client, "SELECT status, metadata->'n' FROM runmeta.run").await,
        "completed | 1"
    );
    assert_eq!(samples(&client, "a").await, "");
}

#[tokio::test]
async fn disabled_trigger_takes_no_samples() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    run(
        &client,
        "ALTER TABLE runmeta.run DISABLE TRIGGER keep_histories;
        SELECT runmeta.increment('a', 'n'); SELECT runmeta.finish('a')",
    )
    .await;
    assert_eq!(samples(&client, "a").await, "");
    run(
        &client,
        "ALTER TABLE runmeta.run ENABLE TRIGGER keep_histories",
    )
    .await;
    start(&client, "b").await;
    run(&client, "SET session_replication_role = replica; SELECT runmeta.increment('b', 'n'); RESET session_replication_role").await;
    assert_eq!(samples(&client, "b").await, "");
}

/// The samples are taken beside what others do after each row.
#[tokio::test]
async fn triggers_of_others_fire_beside() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    run(
        &client,
        "CREATE TABLE log (n jsonb);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO public.log VALUES (NEW.metadata->''n''); RETURN NULL; END';
        CREATE TRIGGER note AFTER UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION note();
        SELECT runmeta.increment('a', 'n', 3)",
    )
    .await;
    assert_eq!(samples(&client, "a").await, "0 3");
    assert_eq!(run(&client, "SELECT n FROM log").await, "3");
}
