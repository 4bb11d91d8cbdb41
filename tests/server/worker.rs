//! The background worker: when it lives, what it may, and what becomes of changes when it does not.

use serde_json::Value;
use tokio_postgres::Client;

use crate::harness::{
    Database, Listener, OwnServer, Role, process, refusal, rows, until, until_worker_runs,
};

const STATE: &str = "SELECT state FROM runmeta._worker_state()";

/// Returns the versions of runs in the order in which they were announced, as `run:version`.
fn versions(payloads: &[String]) -> Vec<String> {
    let mut versions = Vec::new();
    for payload in payloads {
        let payload: Value = serde_json::from_str(payload).unwrap();
        for run in payload["runs"].as_array().unwrap() {
            versions.push(format!(
                "{}:{}",
                run["id"].as_str().unwrap(),
                run["version"]
            ));
        }
    }
    versions
}

fn payload(id: &str, version: u32) -> String {
    format!("{{\"runs\":[{{\"id\":\"{id}\",\"root\":\"{id}\",\"version\":{version}}}]}}")
}

#[tokio::test]
async fn starts_at_the_first_use_and_announces_what_has_committed() {
    let database = Database::migrated().await;
    let client = database.connect().await;
    assert_eq!(rows(&client, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'runmeta worker' AND datname = current_database()").await, "0");
    let mut listener = Listener::new(&database).await;
    client
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    until_worker_runs(&client).await;
    client
        .batch_execute("SELECT runmeta.set('a', 'k', '1')")
        .await
        .unwrap();
    listener.until(&payload("a", 2)).await;
    client
        .batch_execute(
            "BEGIN; SELECT runmeta.set('a', 'k', '2'); ROLLBACK; SELECT runmeta.set('a', 'k', '3')",
        )
        .await
        .unwrap();
    assert_eq!(listener.until(&payload("a", 3)).await, [payload("a", 3)]);
}

#[tokio::test]
async fn announces_a_run_once_for_many_changes_of_an_interval() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    let mut listener = Listener::new(&database).await;
    client
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    for value in 1..=500 {
        let set = format!("SELECT runmeta.set('a', 'k', '{value}')");
        client.batch_execute(&set).await.unwrap();
    }
    let announced = versions(&listener.until(&payload("a", 501)).await);
    assert!(announced.len() < 250, "{} announcements", announced.len());
    assert!(announced.is_sorted_by_key(|text| text[2..].parse::<u32>().unwrap()));
}

#[tokio::test]
async fn one_that_is_terminated_comes_back_and_announces_what_it_left() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    let mut listener = Listener::new(&database).await;
    client
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    for value in 2..=20 {
        let first = until_worker_runs(&client).await;
        client
            .batch_execute(&format!(
                "SELECT runmeta.set('a', 'k', '{value}'); SELECT pg_terminate_backend({first})"
            ))
            .await
            .unwrap();
        if value % 5 == 0 {
            until(
                &client,
                &format!(
                    "SELECT pid <> {first} AND state = 'running' FROM runmeta._worker_state()"
                ),
            )
            .await;
        }
        // One that ended in the middle of its work may have announced it or not: the next one has everything read.
        listener
            .until_any(&[&payload("a", value), r#"{"resync":true}"#])
            .await;
    }
}

#[tokio::test]
async fn one_that_is_stopped_does_not_count() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    let worker = until_worker_runs(&client).await;
    let signal = |name: &str| {
        let done = std::process::Command::new("kill")
            .args([&format!("-{name}"), &worker.to_string()])
            .status();
        assert!(done.unwrap().success());
    };
    let mut listener = Listener::new(&database).await;
    signal("STOP");
    client
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    until(
        &client,
        "SELECT state = 'stuck' FROM runmeta._worker_state()",
    )
    .await;
    client
        .batch_execute("SELECT runmeta.start('b')")
        .await
        .unwrap();
    assert_eq!(listener.payloads().await, [payload("b", 1)]);
    signal("CONT");
    listener.until(&payload("a", 1)).await;
}

#[tokio::test]
async fn a_database_with_a_worker_can_be_copied_and_dropped() {
    let database = Database::with_worker().await;
    let name = rows(&database.connect().await, "SELECT current_database()").await;
    let other = Database::empty().await;
    let maintenance = other.connect().await;
    let copy = format!("{name}_copy");
    maintenance
        .batch_execute(&format!("CREATE DATABASE {copy} TEMPLATE {name}"))
        .await
        .unwrap();
    maintenance
        .batch_execute(&format!("DROP DATABASE {copy}"))
        .await
        .unwrap();
    maintenance
        .batch_execute(&format!("DROP DATABASE {name}"))
        .await
        .unwrap();
}

#[tokio::test]
async fn ends_when_the_extension_is_dropped() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    let worker = until_worker_runs(&client).await;
    client
        .batch_execute("DROP EXTENSION runmeta CASCADE")
        .await
        .unwrap();
    until(
        &client,
        &format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {worker})"),
    )
    .await;
}

#[tokio::test]
async fn survives_that_the_extension_is_dropped_and_made_again() {
    let database = Database::with_worker().await;
    let mut client = database.connect().await;
    client
        .batch_execute("SELECT runmeta.start('a'); DROP EXTENSION runmeta CASCADE")
        .await
        .unwrap();
    client
        .batch_execute("CREATE EXTENSION runmeta; SELECT runmeta.set('a', 'k', '1')")
        .await
        .unwrap();
    runmeta_migrations::migrate(&mut client).await.unwrap();
    until_worker_runs(&client).await;
    let mut listener = Listener::new(&database).await;
    client
        .batch_execute("SELECT runmeta.set('a', 'k', '2')")
        .await
        .unwrap();
    listener.until(&payload("a", 3)).await;
}

#[tokio::test]
async fn one_that_finds_no_extension_leaves_its_place_to_the_next() {
    let database = Database::with_worker().await;
    let mut client = database.connect().await;
    let worker = until_worker_runs(&client).await;
    let end = format!("SELECT pg_terminate_backend({worker}); DROP EXTENSION runmeta CASCADE");
    client.batch_execute(&end).await.unwrap();
    // Postgres starts it anew after a second.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    runmeta_migrations::migrate(&mut client).await.unwrap();
    let next = until_worker_runs(&client).await;
    let lives = format!("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {next})");
    until(&client, &lives).await;
}

#[tokio::test]
async fn without_a_free_process_sessions_notify_at_commit() {
    let server = OwnServer::start_in(OwnServer::folder(), 5432, "max_worker_processes = 0").await;
    let client = server.connect("postgres").await;
    let mut listener = Listener::of(&server.url_of("postgres")).await;
    client
        .batch_execute("SELECT runmeta.start('a'); SELECT runmeta.start('b', parent_run_id => 'a')")
        .await
        .unwrap();
    assert_eq!(rows(&client, STATE).await, "no_slot");
    listener.payloads().await;
    client
        .batch_execute("SELECT runmeta.increment('b', 'n', 1, 'parent')")
        .await
        .unwrap();
    assert_eq!(listener.payloads().await, [payload("a", 2)]);
    let log = server.log();
    assert_eq!(
        log.matches("could not start its background worker").count(),
        1,
        "{log}"
    );
}

#[tokio::test]
async fn prepared_transactions_are_announced_when_they_commit() {
    let server = OwnServer::start_in(OwnServer::folder(), 5432, "").await;
    let client = server.connect("postgres").await;
    until_worker_runs(&client).await;
    let mut listener = Listener::of(&server.url_of("postgres")).await;
    client
        .batch_execute("SELECT runmeta.start('a'), runmeta.start('b')")
        .await
        .unwrap();
    listener
        .until(r#"{"runs":[{"id":"a","root":"a","version":1},{"id":"b","root":"b","version":1}]}"#)
        .await;
    for (run, name) in [("a", "first"), ("b", "second")] {
        client
            .batch_execute(&format!(
                "BEGIN; SELECT runmeta.set('{run}', 'k', '1'); PREPARE TRANSACTION '{name}'"
            ))
            .await
            .unwrap();
    }
    client
        .batch_execute("ROLLBACK PREPARED 'first'")
        .await
        .unwrap();
    client
        .batch_execute("SELECT runmeta.start('c')")
        .await
        .unwrap();
    let announced = versions(&listener.until(&payload("c", 1)).await);
    assert!(!announced.contains(&"a:2".to_owned()), "{announced:?}");
    drop(client);
    // It outlives the server, and so does what it has to announce.
    server.crash().await;
    let client = server.connect("postgres").await;
    until_worker_runs(&client).await;
    let mut listener = Listener::of(&server.url_of("postgres")).await;
    client
        .batch_execute("COMMIT PREPARED 'second'")
        .await
        .unwrap();
    assert_eq!(listener.until(&payload("b", 2)).await, [payload("b", 2)]);
    until(&client, "SELECT count(*) = 0 FROM runmeta.outbox").await;
}

#[tokio::test]
async fn where_the_library_is_preloaded_it_starts_with_the_server() {
    let settings = "shared_preload_libraries = 'runmeta'";
    let server = OwnServer::start_in(OwnServer::folder(), 5432, settings).await;
    let client = server.connect("postgres").await;
    client.batch_execute("CREATE DATABASE other").await.unwrap();
    drop(client);
    server.crash().await;
    let client = server.connect("postgres").await;
    until(
        &client,
        "SELECT array_agg(datname::text) = '{postgres}' FROM pg_stat_activity WHERE backend_type = 'runmeta worker'",
    )
    .await;
}

/// What the owner of the tables plants on them runs with the owner's rights, and no way leads from there to more.
#[tokio::test]
async fn runs_with_the_rights_of_the_tables_owner() {
    let owner = Role::with("CREATEROLE");
    let database = Database::owned_by(&owner).await;
    let admin = database.connect().await;
    admin
        .batch_execute("CREATE EXTENSION runmeta")
        .await
        .unwrap();
    admin
        .batch_execute(&format!(
            "GRANT ALL ON SCHEMA runmeta TO {}",
            owner.quoted()
        ))
        .await
        .unwrap();
    runmeta_migrations::migrate(&mut database.connect().await)
        .await
        .unwrap();
    for table in ["run", "inbox", "outbox"] {
        admin
            .batch_execute(&format!(
                "ALTER TABLE runmeta.{table} OWNER TO {}",
                owner.quoted()
            ))
            .await
            .unwrap();
    }
    let client = database.connect_as(owner.name()).await;
    client
        .batch_execute(
            "CREATE TABLE public.seen (who text, session text, tried text);
            CREATE FUNCTION public.planted() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
                way text;
                outcome text;
            BEGIN
                FOREACH way IN ARRAY ARRAY[
                    'SET ROLE postgres', 'SET SESSION AUTHORIZATION postgres', 'RESET SESSION AUTHORIZATION', 'RESET ROLE',
                    'ALTER ROLE CURRENT_USER SUPERUSER', 'COPY public.seen TO PROGRAM ''true'''
                ] LOOP
                    BEGIN
                        EXECUTE way;
                        outcome := 'done';
                    EXCEPTION WHEN OTHERS THEN
                        outcome := SQLSTATE;
                    END;
                    INSERT INTO public.seen VALUES (current_user, session_user, way || ': ' || outcome);
                END LOOP;
                RETURN NULL;
            END $$;
            CREATE TRIGGER planted AFTER DELETE ON runmeta.outbox FOR EACH ROW EXECUTE FUNCTION public.planted();",
        )
        .await
        .unwrap();
    until_worker_runs(&admin).await;
    admin
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    let name = format!("planted-{}", owner.name());
    admin
        .batch_execute(&format!(
            "BEGIN; SELECT runmeta.set('a', 'k', '1'); PREPARE TRANSACTION '{name}'"
        ))
        .await
        .unwrap();
    admin
        .batch_execute(&format!("COMMIT PREPARED '{name}'"))
        .await
        .unwrap();
    until(&admin, "SELECT count(*) = 6 FROM public.seen").await;
    let who = format!("SELECT bool_and(who = '{}') FROM public.seen", owner.name());
    assert_eq!(rows(&admin, &who).await, "t");
    let done = rows(&admin, "SELECT tried FROM public.seen ORDER BY tried").await;
    insta::assert_snapshot!(done, @"
    ALTER ROLE CURRENT_USER SUPERUSER: 42501
    COPY public.seen TO PROGRAM 'true': 42501
    RESET ROLE: 42501
    RESET SESSION AUTHORIZATION: 42501
    SET ROLE postgres: 42501
    SET SESSION AUTHORIZATION postgres: 42501
    ");
    assert_eq!(
        rows(
            &admin,
            &format!(
                "SELECT rolsuper FROM pg_roles WHERE rolname = '{}'",
                owner.name()
            )
        )
        .await,
        "f"
    );
}

#[tokio::test]
async fn goes_on_after_an_error_and_reports_it() {
    let database = Database::with_worker().await;
    let client = database.connect().await;
    let mut listener = Listener::new(&database).await;
    client
        .batch_execute("SELECT runmeta.start('a'), runmeta.start('b')")
        .await
        .unwrap();
    listener
        .until(r#"{"runs":[{"id":"a","root":"a","version":1},{"id":"b","root":"b","version":1}]}"#)
        .await;
    client
        .batch_execute(
            "CREATE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$;
            CREATE TRIGGER broken BEFORE DELETE ON runmeta.outbox FOR EACH ROW EXECUTE FUNCTION public.broken()",
        )
        .await
        .unwrap();
    let name = format!("broken-{}", process(&client).await);
    client
        .batch_execute(&format!(
            "BEGIN; SELECT runmeta.set('a', 'k', '1'); PREPARE TRANSACTION '{name}'"
        ))
        .await
        .unwrap();
    client
        .batch_execute(&format!("COMMIT PREPARED '{name}'"))
        .await
        .unwrap();
    until(&client, "SELECT error = 'broken' AND error_at > now() - interval '1 minute' FROM runmeta._worker_state()").await;
    client
        .batch_execute("SELECT runmeta.set('b', 'k', '1')")
        .await
        .unwrap();
    listener.until(&payload("b", 2)).await;
    client
        .batch_execute("DROP TRIGGER broken ON runmeta.outbox")
        .await
        .unwrap();
    listener.until(&payload("a", 2)).await;
}

#[tokio::test]
async fn deliver_announces_where_no_worker_does() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute("SELECT runmeta.start('a'); INSERT INTO runmeta.outbox (root_id, run_id, version) VALUES ('a', 'a', 7)")
        .await
        .unwrap();
    let mut listener = Listener::new(&database).await;
    client
        .batch_execute("BEGIN; SELECT runmeta.deliver(); ROLLBACK")
        .await
        .unwrap();
    assert_eq!(listener.payloads().await, Vec::<String>::new());
    assert_eq!(rows(&client, "SELECT runmeta.deliver()").await, "1");
    assert_eq!(listener.payloads().await, [payload("a", 7)]);
    assert_eq!(rows(&client, "SELECT runmeta.deliver()").await, "0");
    let refused = client.batch_execute("SELECT runmeta.deliver(0)").await;
    assert!(refusal(refused).starts_with("22023"));
}

/// Returns the processor time that a process has used, in ticks of 10 ms.
fn ticks(process: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[tokio::test]
async fn takes_no_processor_time_while_nobody_writes() {
    let database = Database::with_worker().await;
    let client: Client = database.connect().await;
    let worker = until_worker_runs(&client).await;
    client
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    until(
        &client,
        "SELECT unannounced_since IS NULL FROM runmeta._worker_state()",
    )
    .await;
    client.batch_execute("SELECT pg_sleep(1.5)").await.unwrap();
    let before = ticks(worker);
    client.batch_execute("SELECT pg_sleep(2)").await.unwrap();
    // Of 200; one that polled each interval would take some 10.
    assert!(ticks(worker) - before <= 2, "an idle worker works");
}
