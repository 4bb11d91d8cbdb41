//! What keeps tables from being distributed. Nothing is changed then.

use runmeta_migrations::{Layout, distribute, migrate};
use tokio_postgres::Client;

use super::{ALONE, distributed, migrated, plain, run, writer};
use crate::harness::{Cluster, Role, refusal, rows};
use crate::schema::dumped_at;

async fn refused(client: &mut Client) -> String {
    let refused = distribute(client, Layout::Citus(2)).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "55000", "{refused}");
    refused.to_string()
}

#[tokio::test]
async fn objects_that_citus_does_not_take_are_named_all_at_once() {
    let Some((cluster, mut client)) = plain().await else {
        return;
    };
    let theirs = "CREATE FUNCTION public.pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER pass BEFORE UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION public.pass();
        CREATE POLICY theirs ON runmeta.run USING (EXISTS (SELECT FROM runmeta.task_setting));
        CREATE UNIQUE INDEX theirs ON runmeta.run (task, id);
        CREATE RULE theirs AS ON DELETE TO runmeta.stream DO INSTEAD NOTHING;
        CREATE TABLE public.job (root text, run text, FOREIGN KEY (root, run) REFERENCES runmeta.run (root_id, id));
        CREATE PUBLICATION theirs FOR TABLE runmeta.run;
        GRANT SELECT (id), UPDATE (task) ON runmeta.run TO runmeta_reader";
    run(&client, theirs).await;
    let before = dumped_at(&cluster.url());
    insta::assert_snapshot!(refused(&mut client).await, @r"
    objects of yours are in the way
    DETAIL: Citus does not take them on distributed tables: constraint job_root_run_fkey on table public.job, grant to runmeta_reader on columns of table runmeta.run, policy theirs on table runmeta.run, publication of table runmeta.run in publication theirs, rule theirs on table runmeta.stream, trigger pass on table runmeta.run, unique index runmeta.theirs without root_id.
    HINT: Drop or revoke them before. A policy may not have a subquery, and a unique index has to include root_id.
    ");
    pretty_assertions::assert_str_eq!(before, dumped_at(&cluster.url()));
}

#[tokio::test]
async fn contracts_and_tracked_numbers_are_to_be_taken_back_before() {
    let Some((_cluster, mut client)) = plain().await else {
        return;
    };
    run(
        &client,
        "SELECT runmeta.contract('import', '{}'), runmeta.track('import', 'rows')",
    )
    .await;
    insta::assert_snapshot!(refused(&mut client).await, @r"
    tasks have contracts
    DETAIL: A trigger checks documents against them, and Citus takes none on distributed tables.
    HINT: Take back each: SELECT runmeta.contract(task, NULL) FROM runmeta.contract.
    ");
    run(
        &client,
        "SELECT runmeta.contract(task, NULL) FROM runmeta.contract",
    )
    .await;
    insta::assert_snapshot!(refused(&mut client).await, @r"
    numbers are tracked
    DETAIL: A trigger keeps their histories, and Citus takes none on distributed tables.
    HINT: Stop each: SELECT runmeta.untrack(task, key) FROM runmeta.tracked.
    ");
    run(
        &client,
        "SELECT runmeta.untrack(task, key) FROM runmeta.tracked",
    )
    .await;
    distribute(&mut client, Layout::Citus(2)).await.unwrap();
    for call in [
        "runmeta.contract('import', '{}')",
        "runmeta.track('import', 'rows')",
    ] {
        let refused = refusal(client.batch_execute(&format!("SELECT {call}")).await);
        let expected = "triggers are not supported on distributed tables";
        assert!(refused.contains(expected), "{refused}");
    }
}

#[tokio::test]
async fn roles_that_log_in_have_to_be_on_every_node() {
    let Some(cluster) = Cluster::alone().await else {
        return;
    };
    let (cluster, mut client) = migrated(cluster).await;
    let role = writer(&cluster).await;
    let worker = cluster.connect(2).await;
    let on_worker = |attribute: &str| format!("{ALONE}; ALTER ROLE {} {attribute}", role.quoted());
    run(&worker, &on_worker("NOLOGIN")).await;
    let refused = refused(&mut client).await;
    let expected = format!(
        "may not log in there\nDETAIL: Citus connects to the nodes as the role that runs the statement. Among them: {}.",
        role.name()
    );
    assert!(refused.contains(&expected), "{refused}");
    run(&worker, &on_worker("LOGIN")).await;
    distribute(&mut client, Layout::Citus(2)).await.unwrap();
}

#[tokio::test]
async fn tables_are_distributed_from_the_coordinator_of_a_cluster_that_has_nodes() {
    let Some(cluster) = Cluster::apart().await else {
        return;
    };
    let mut client = cluster.connect(0).await;
    migrate(&mut client).await.unwrap();
    insta::assert_snapshot!(refused(&mut client).await, @r#"
    the extension "citus" is not in this database
    DETAIL: Citus is what lays tables over several servers.
    HINT: Install Citus on each server, and run CREATE EXTENSION citus in this database on each. Then, on the coordinator, call citus_set_coordinator_host, and citus_add_node for each of the others.
    "#);
    run(
        &client,
        "SET client_min_messages = error; CREATE EXTENSION citus",
    )
    .await;
    let worker = cluster.connect(1).await;
    run(
        &worker,
        "SET client_min_messages = error; CREATE EXTENSION citus",
    )
    .await;
    insta::assert_snapshot!(refused(&mut client).await, @r"
    this server is not the coordinator of the cluster, or has no nodes
    HINT: Connect to the coordinator. On one that is new, call citus_set_coordinator_host, and citus_add_node for each of the others.
    ");
    run(&client, &cluster.joining(1)).await;
    insta::assert_snapshot!(refused(&mut client).await, @r"
    the coordinator is not among the nodes of the cluster
    DETAIL: The settings of tasks, which each node has, are joined with runs on the coordinator too.
    HINT: Run: SELECT citus_set_coordinator_host('its name').
    ");
    run(&client, &cluster.joining(0)).await;
    run(&client, "SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', false) FROM pg_dist_node").await;
    insta::assert_snapshot!(refused(&mut client).await, @r"
    no node of the cluster is to have data
    HINT: Add one: SELECT citus_add_node('its name', 5432).
    ");
    let old = "UPDATE pg_extension SET extversion = '12.1-1' WHERE extname = 'citus'";
    run(&client, old).await;
    insta::assert_snapshot!(refused(&mut client).await, @r"
    Citus 12.1-1 is too old
    HINT: Use Citus 13 or newer.
    ");
}

#[tokio::test]
async fn node_that_is_not_reached_is_named() {
    let Some(cluster) = Cluster::alone().await else {
        return;
    };
    let (cluster, mut client) = migrated(cluster).await;
    let role = writer(&cluster).await;
    let limit = |limit: i32| {
        format!(
            "{ALONE}; ALTER ROLE {} CONNECTION LIMIT {limit}",
            role.quoted()
        )
    };
    run(&cluster.connect(1).await, &limit(0)).await;
    let unreached = refused(&mut client).await;
    let expected = format!("the role \"{}\" does not reach node ", role.name());
    assert!(unreached.starts_with(&expected), "{unreached}");
    run(&cluster.connect(1).await, &limit(-1)).await;

    cluster.close(2).await;
    let mut fresh = cluster.connect(0).await;
    let unreached = refused(&mut fresh).await;
    assert!(
        unreached.starts_with("node ") && unreached.contains(" cannot be asked\nDETAIL: "),
        "{unreached}"
    );
}

#[tokio::test]
async fn node_whose_schema_holds_objects_of_others_is_not_prepared() {
    let Some(cluster) = Cluster::apart().await else {
        return;
    };
    let mut client = cluster.connect(0).await;
    migrate(&mut client).await.unwrap();
    cluster.join(0..3).await;
    let theirs = "CREATE SCHEMA runmeta; CREATE FUNCTION runmeta.theirs() RETURNS int LANGUAGE sql AS 'SELECT 1'";
    run(&cluster.connect(1).await, &format!("{ALONE}; {theirs}")).await;
    let refused = refused(&mut client).await;
    assert!(
        refused.contains(
            " could not be prepared\nDETAIL: ERROR:  schema runmeta holds objects of others"
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn owner_of_the_tables_has_to_log_in() {
    let Some(cluster) = Cluster::new().await else {
        return;
    };
    let role = Role::new();
    let mut client = cluster.connect(0).await;
    let owns = format!(
        "{ALONE}; ALTER DATABASE {} OWNER TO {name}; GRANT runmeta_reader, runmeta_writer TO {name} WITH ADMIN OPTION;
        SET SESSION AUTHORIZATION {name}",
        cluster.name(), name = role.quoted()
    );
    run(&client, &owns).await;
    migrate(&mut client).await.unwrap();
    let refused = refused(&mut client).await;
    let expected = format!(
        "the owner of the tables, \"{}\", may not log in\n",
        role.name()
    );
    assert!(refused.starts_with(&expected), "{refused}");
}

#[tokio::test]
async fn node_with_another_version_of_the_extension_is_named() {
    let Some((cluster, mut client)) = plain().await else {
        return;
    };
    let worker = cluster.connect(1).await;
    run(
        &worker,
        "UPDATE pg_extension SET extversion = '0.0.9' WHERE extname = 'runmeta'",
    )
    .await;
    let refused = refused(&mut client).await;
    assert!(refused.contains("has another version of the extension \"runmeta\"\nDETAIL: It has 0.0.9, and this database 0.1.0."), "{refused}");
}

#[tokio::test]
async fn another_number_of_shards_needs_the_way_back_before() {
    let Some((_cluster, mut client)) = distributed().await else {
        return;
    };
    insta::assert_snapshot!(refused(&mut client).await, @r"
    the tables have 4 shards already
    HINT: To have another number of them, run runmeta distribute --undo before.
    ");
    assert_eq!(rows(&client, "SELECT count(*) FROM runmeta.run").await, "2");
}
