//! Who may do what on the nodes.

use runmeta_migrations::{Layout, distribute};
use tokio_postgres::Client;

use super::{ALONE, distributed, plain, run, writer};
use crate::harness::{Role, refusal, rows};

/// Functions of the extension and tables that a role may use, and nobody else.
const RIGHTS: &str = "
    SELECT format('%s %s', g.role, p.oid::regprocedure)
    FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'runmeta'
    JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
    CROSS JOIN unnest('{public,runmeta_reader,runmeta_writer}'::name[]) AS g (role)
    WHERE d.deptype = 'e' AND has_function_privilege(g.role, p.oid, 'EXECUTE')
    UNION ALL
    SELECT format('%s %s %s', g.role, p.privilege, c.oid::regclass)
    FROM pg_class AS c
    CROSS JOIN unnest('{public,runmeta_reader,runmeta_writer}'::name[]) AS g (role)
    CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) AS p (privilege)
    WHERE c.oid = ANY ('{runmeta.run,runmeta.run_root,runmeta.stream,runmeta.stream_chunk,runmeta.history,runmeta.writer,
            runmeta.tracked,runmeta.task_setting,runmeta.contract,runmeta.live_run}'::regclass[])
        AND has_table_privilege(g.role, c.oid, p.privilege)
    ORDER BY 1";

#[tokio::test]
async fn roles_have_the_same_rights_on_every_node() {
    let Some((cluster, client)) = distributed().await else {
        return;
    };
    let coordinator = rows(&client, RIGHTS).await;
    let writes = coordinator.lines().filter(|right| {
        right.starts_with("runmeta_writer ") && !right.contains('(') && !right.contains(" SELECT ")
    });
    insta::assert_snapshot!(writes.collect::<Vec<_>>().join("\n"), @r"
    runmeta_writer INSERT runmeta.run
    runmeta_writer INSERT runmeta.run_root
    runmeta_writer INSERT runmeta.stream
    runmeta_writer INSERT runmeta.stream_chunk
    runmeta_writer INSERT runmeta.writer
    runmeta_writer UPDATE runmeta.run
    runmeta_writer UPDATE runmeta.stream
    runmeta_writer UPDATE runmeta.writer
    ");
    assert!(!coordinator.contains("public "), "{coordinator}");
    for node in [1, 2] {
        let rights = rows(&cluster.connect(node).await, RIGHTS).await;
        pretty_assertions::assert_str_eq!(coordinator, rights);
    }
}

#[tokio::test]
async fn members_of_roles_are_members_on_every_node() {
    let Some((cluster, mut client)) = plain().await else {
        return;
    };
    let role = Role::new();
    for node in 0..3 {
        let login = format!("{ALONE}; ALTER ROLE {} LOGIN", role.quoted());
        run(&cluster.connect(node).await, &login).await;
    }
    // As it is where that was granted before there was a cluster.
    let grant = format!("GRANT runmeta_writer TO {}", role.quoted());
    run(&cluster.connect(0).await, &format!("{ALONE}; {grant}")).await;
    let is_member = format!(
        "SELECT pg_has_role('{}', 'runmeta_writer', 'MEMBER')",
        role.name()
    );
    assert_eq!(rows(&cluster.connect(1).await, &is_member).await, "f");
    distribute(&mut client, Layout::Citus(2)).await.unwrap();
    assert_eq!(rows(&cluster.connect(1).await, &is_member).await, "t");
    let member = cluster.connect_as(role.name()).await;
    assert_eq!(rows(&member, "SELECT count(*) FROM runmeta.run").await, "2");
}

#[tokio::test]
async fn member_of_writers_writes_and_reads_runs_on_a_cluster() {
    let Some((cluster, _client)) = distributed().await else {
        return;
    };
    let role = writer(&cluster).await;
    let member = cluster.connect_as(role.name()).await;
    // In one transaction: Citus lets one role write in it.
    run(&member, "BEGIN").await;
    run(&member, FAMILY_OF_MEMBER).await;
    run(&member, "COMMIT").await;
    let written =
        "SELECT runmeta.get('own'), (SELECT count(*) FROM runmeta.stream_read('own', 'logs')),
        (SELECT count(*) FROM runmeta.tree('own'))";
    assert_eq!(rows(&member, written).await, r#"{"m": 1, "n": 3} | 2 | 2"#);
}

const FAMILY_OF_MEMBER: &str = r#"
    SELECT runmeta.start('own'), runmeta.start('part', parent_run_id => 'own');
    SELECT runmeta.set('own', 'n', '2'), runmeta.increment('part', 'n', target => 'parent');
    SELECT runmeta.stream_append('own', 'logs', '[1, 2]');
    SELECT * FROM runmeta.flush('[{"run": "own", "operations": [{"type": "set", "key": "m", "value": 1}]}, {"run": "third", "start": {}}]',
        '00000000-0000-4000-8000-000000000001', 1);
    SELECT runmeta.finish('part')"#;

/// What a role sees of the tables beside runs.
async fn seen(client: &Client) -> String {
    let tables =
        "SELECT (SELECT count(*) FROM runmeta.run), (SELECT count(*) FROM runmeta.run_root),
        (SELECT count(*) FROM runmeta.stream), (SELECT count(*) FROM runmeta.stream_chunk)";
    rows(client, tables).await
}

#[tokio::test]
async fn whoever_may_not_see_all_runs_sees_nothing_of_what_belongs_to_them() {
    let Some((cluster, client)) = distributed().await else {
        return;
    };
    let role = writer(&cluster).await;
    let member = cluster.connect_as(role.name()).await;
    assert_eq!(seen(&member).await, "2 | 2 | 1 | 0");
    // One by one: Citus sends all that came with a policy to the shards.
    run(&client, "ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY").await;
    let own = "CREATE POLICY own ON runmeta.run USING (id = 'child') WITH CHECK (true)";
    run(&client, own).await;
    assert_eq!(seen(&member).await, "1 | 0 | 0 | 0");
    assert_eq!(seen(&client).await, "2 | 2 | 1 | 0");
    for statement in [
        "INSERT INTO runmeta.run_root VALUES ('x', 'x')",
        "INSERT INTO runmeta.stream (root_id, run_id, name, run_created_at) VALUES ('x', 'x', 'x', now())",
    ] {
        let refused = refusal(member.batch_execute(statement).await);
        assert!(
            refused.starts_with("42501: new row violates row-level security"),
            "{refused}"
        );
    }
    for table in [
        "run",
        "run_root",
        "stream",
        "stream_chunk",
        "history",
        "writer",
    ] {
        let refused = refusal(
            member
                .batch_execute(&format!("DELETE FROM runmeta.{table}"))
                .await,
        );
        assert_eq!(
            refused,
            format!("42501: permission denied for table {table}")
        );
    }
    let own = "CREATE POLICY own ON runmeta.run_root FOR SELECT USING (root_id = 'top')";
    run(&client, own).await;
    assert_eq!(seen(&member).await, "1 | 2 | 0 | 0");
}
