//! What someone with rights on the tables, or a database with settings of its own, may do without breaking the rest.

use crate::harness::{Database, by_hand, refusal, rows};

#[tokio::test]
async fn ids_of_any_collation_find_their_run() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('n', '{\"k\": 1}');
             CREATE TABLE job (id text COLLATE \"POSIX\"); INSERT INTO job VALUES ('n');",
        )
        .await
        .unwrap();
    for call in [
        "runmeta.get(id)",
        "runmeta.get(id, 'k')",
        "(runmeta.tree(id)).id",
        "(runmeta.rollup(id, 'k', task => id, include_self => true)).count",
        "(runmeta.rollup_each(ARRAY[id], 'k')).count",
        "(SELECT count(*) FROM runmeta.descendants(id))",
        "(SELECT count(*) FROM runmeta.ancestors(id))",
        "runmeta.set(id, 'k', '2')",
    ] {
        client
            .query(&format!("SELECT {call} FROM job"), &[])
            .await
            .unwrap_or_else(|error| panic!("{call}: {error}"));
    }
}

#[tokio::test]
async fn a_cycle_made_by_hand_ends_every_walk() {
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    client
        .batch_execute(
            "INSERT INTO runmeta.run (root_id, id, parent_id, depth) VALUES ('x', 'a', 'b', 1), ('x', 'b', 'a', 1);
             SET statement_timeout = '30s'",
        )
        .await
        .unwrap();
    for call in [
        "descendants('a')",
        "ancestors('a')",
        "tree('a')",
        "rollup('a', 'k')",
    ] {
        client
            .query(&format!("SELECT * FROM runmeta.{call}"), &[])
            .await
            .unwrap_or_else(|error| panic!("{call}: {error}"));
    }
}

#[tokio::test]
async fn default_privileges_let_nobody_create_in_the_schema() {
    let database = Database::empty().await;
    let mut client = database.connect().await;
    client
        .batch_execute("ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC")
        .await
        .unwrap();
    runmeta_migrations::migrate(&mut client).await.unwrap();
    let count = "SELECT count(*) FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
                 WHERE n.nspname = 'runmeta' AND a.grantee = 0";
    assert_eq!(rows(&client, count).await, "0");
}

#[tokio::test]
async fn what_a_trigger_leaves_out_is_not_told_as_applied() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('r');
             CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER leave_out BEFORE UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION leave_out();",
        )
        .await
        .unwrap();
    for call in [
        "runmeta.set('r', 'k', '1')",
        "runmeta.finish('r')",
        "runmeta.flush('[{\"run\": \"r\", \"operations\": [{\"type\": \"set\", \"key\": \"k\", \"value\": 1}]}]',
             '00000000-0000-0000-0000-000000000001', 1)",
    ] {
        let error = refusal(client.query(&format!("SELECT {call}"), &[]).await);
        assert!(error.starts_with("09000: a run was not stored"), "{error}");
    }
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.writer").await,
        "0"
    );
}

#[tokio::test]
async fn one_transaction_starts_children_under_more_trees_than_the_server_has_locks() {
    let database = Database::new().await;
    let client = database.connect().await;
    let started = "SELECT count(runmeta.start('root ' || i)), count(runmeta.start('child ' || i, parent_run_id => 'root ' || i))
                   FROM generate_series(1, 30000) AS i";
    assert_eq!(rows(&client, started).await, "30000 | 30000");
}
