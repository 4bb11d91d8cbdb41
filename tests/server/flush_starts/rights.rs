//! Starts and finishes of a batch need the rights of the single calls, and obey row-level security.

use super::{after, flush, flush_of, runs};
use crate::harness::{Role, refusal, rows};

const ONE: &str = r#"[{"type": "increment", "key": "n"}]"#;

#[tokio::test]
async fn a_batch_of_lists_needs_no_right_to_insert_and_one_that_starts_does() {
    let role = Role::new();
    let (database, client) = after(&format!(
        "SELECT runmeta.start('a');
         GRANT USAGE ON SCHEMA runmeta TO {role}; GRANT SELECT, UPDATE ON runmeta.run TO {role};
         GRANT USAGE ON TYPE runmeta.target TO {role};
         DO $$ BEGIN EXECUTE (SELECT string_agg(format('GRANT EXECUTE ON FUNCTION %s TO {role}', oid::regprocedure), ';')
            FROM pg_proc WHERE pronamespace = 'runmeta'::regnamespace AND (proname = 'flush' OR proname LIKE '\\_%')); END $$",
        role = role.quoted()
    ))
    .await;
    let writer = database.connect_as(role.name()).await;
    let lists =
        format!(r#"[{{"run": "a", "operations": {ONE}, "status": "checking", "finish": {{}}}}]"#);
    assert_eq!(
        flush(&writer, &lists).await,
        "a | operations | applied | 2 | NULL\na | status | applied | 3 | NULL\na | finish | applied | 4 | NULL"
    );
    let start = flush_of(r#"[{"run": "b", "start": {}}]"#);
    let refused = refusal(writer.batch_execute(&start).await);
    assert!(
        refused.starts_with("42501: permission denied for table run"),
        "{refused}"
    );
    assert_eq!(
        runs(&client).await,
        "a | 1 | completed | 4 | t | t | {\"n\": 1}"
    );
}

#[tokio::test]
async fn a_reader_may_not_flush() {
    let (database, _client) = after("SELECT runmeta.start('a')").await;
    let reader = database.connect_as("runmeta_reader").await;
    let refused = refusal(reader.batch_execute(&flush_of("[]")).await);
    assert!(
        refused.starts_with("42501: permission denied for function flush"),
        "{refused}"
    );
}

/// Makes runs of two tenants, distinguished by their task, and a policy that shows a writer his own.
const TENANTS: &str = "SELECT runmeta.start('mine', task => 'me'), runmeta.start('theirs', task => 'them');
    SELECT runmeta.start('their child', parent_run_id => 'theirs', task => 'them');
    ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON runmeta.run TO runmeta_writer USING (task = current_setting('app.tenant'))";

#[tokio::test]
async fn runs_that_a_policy_hides_are_not_found_and_their_ids_are_taken() {
    let (database, client) = after(TENANTS).await;
    let writer = database.connect_as("runmeta_writer").await;
    writer.batch_execute("SET app.tenant = 'me'").await.unwrap();
    let row = "SELECT r, xmin FROM runmeta.run AS r WHERE task = 'them' ORDER BY id";
    let before = rows(&client, row).await;
    let batch = format!(
        r#"[{{"run": "theirs", "start": {{"task": "me"}}, "operations": {ONE}, "finish": {{}}}}, {{"run": "their child", "start": {{"task": "me", "attempt": 2}}}},
            {{"run": "theirs", "status": "x", "finish": {{}}}}, {{"run": "a", "start": {{"task": "me", "parent": "theirs"}}, "parentOperations": {ONE}}},
            {{"run": "z", "start": {{"task": "me", "parent": "mine"}}, "parentOperations": {ONE}, "finish": {{}}}}]"#
    );
    assert_eq!(
        flush(&writer, &batch).await,
        "theirs | start | invalid | NULL | [{\"reason\": \"id_is_taken\"}]\ntheirs | operations | invalid | NULL | NULL\ntheirs | finish | invalid | NULL | NULL\n\
         their child | start | invalid | NULL | [{\"reason\": \"id_is_taken\"}]\n\
         theirs | status | not_found | NULL | NULL\ntheirs | finish | not_found | NULL | NULL\n\
         a | start | not_found | NULL | NULL\na | operations | not_found | NULL | NULL\n\
         z | start | applied | 1 | NULL\nz | operations | applied | 2 | NULL\nz | finish | applied | 2 | NULL"
    );
    assert_eq!(rows(&client, row).await, before);
    let tree = "SELECT id, root_id, depth FROM runmeta.run WHERE task = 'me' ORDER BY id";
    assert_eq!(rows(&client, tree).await, "mine | mine | 0\nz | mine | 1");
}

/// Somebody else has the parent's id, where nobody can see it: no child gets into his tree.
#[tokio::test]
async fn children_of_a_parent_whose_id_is_taken_by_a_hidden_run_are_not_found() {
    let (database, client) = after(TENANTS).await;
    let writer = database.connect_as("runmeta_writer").await;
    writer.batch_execute("SET app.tenant = 'me'").await.unwrap();
    let batch = r#"[{"run": "b", "start": {"task": "me", "parent": "their child"}}, {"run": "their child", "start": {"task": "me", "parent": "mine"}},
        {"run": "a", "start": {"task": "me", "parent": "b"}}, {"run": "c", "start": {"task": "me", "parent": "mine"}}]"#;
    assert_eq!(
        flush(&writer, batch).await,
        "b | start | not_found | NULL | NULL\ntheir child | start | invalid | NULL | [{\"reason\": \"id_is_taken\"}]\n\
         a | start | not_found | NULL | NULL\nc | start | applied | 1 | NULL"
    );
    let tree = "SELECT id, root_id FROM runmeta.run ORDER BY id";
    assert_eq!(
        rows(&client, tree).await,
        "c | mine\nmine | mine\ntheir child | theirs\ntheirs | theirs"
    );
}

#[tokio::test]
async fn runs_that_a_policy_shows_and_does_not_let_change_are_not_found() {
    let (database, client) = after(
        "SELECT runmeta.start('a'), runmeta.start('b'), runmeta.finish('b');
         ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
         CREATE POLICY read ON runmeta.run FOR SELECT TO runmeta_writer USING (true);
         CREATE POLICY start ON runmeta.run FOR INSERT TO runmeta_writer WITH CHECK (true)",
    )
    .await;
    let writer = database.connect_as("runmeta_writer").await;
    let batch = format!(
        r#"[{{"run": "a", "start": {{"attempt": 2}}, "operations": {ONE}, "finish": {{}}}}, {{"run": "a", "finish": {{}}}}, {{"run": "a", "start": {{}}, "parentOperations": {ONE}}},
            {{"run": "b", "start": {{"attempt": 1}}}}, {{"run": "c", "start": {{}}}}]"#
    );
    assert_eq!(
        flush(&writer, &batch).await,
        "a | start | not_found | NULL | NULL\na | operations | not_found | NULL | NULL\na | finish | not_found | NULL | NULL\n\
         a | finish | not_found | NULL | NULL\na | start | not_found | NULL | NULL\na | operations | not_found | NULL | NULL\n\
         b | start | unchanged | 2 | NULL\nc | start | applied | 1 | NULL"
    );
    assert_eq!(
        runs(&client).await,
        "a | 1 | running | 1 | t | f | {}\nb | 1 | completed | 2 | t | t | {}\nc | 1 | running | 1 | t | f | {}"
    );
}

#[tokio::test]
async fn a_row_that_a_policy_does_not_let_in_refuses_the_batch_whole() {
    let (database, client) = after(TENANTS).await;
    let writer = database.connect_as("runmeta_writer").await;
    writer.batch_execute("SET app.tenant = 'me'").await.unwrap();
    let batch =
        r#"[{"run": "a", "start": {"task": "me"}}, {"run": "b", "start": {"task": "them"}}]"#;
    let refused = refusal(writer.batch_execute(&flush_of(batch)).await);
    assert!(
        refused.starts_with("42501: new row violates row-level security policy"),
        "{refused}"
    );
    assert_eq!(rows(&client, "SELECT count(*) FROM runmeta.run").await, "3");
}

#[tokio::test]
async fn a_trigger_that_leaves_out_a_row_is_met_as_in_the_single_calls() {
    let (_database, client) = after(
        "SELECT runmeta.start('a');
         CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER leave_out BEFORE INSERT ON runmeta.run FOR EACH ROW WHEN (NEW.id = 'p') EXECUTE FUNCTION leave_out();
         CREATE TRIGGER leave_out_too BEFORE UPDATE ON runmeta.run FOR EACH ROW WHEN (NEW.id = 'a') EXECUTE FUNCTION leave_out();",
    )
    .await;
    let batch = r#"[{"run": "c", "start": {"parent": "p"}}, {"run": "p", "start": {}}, {"run": "d", "start": {}}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "c | start | not_found | NULL | NULL\np | start | invalid | NULL | [{\"reason\": \"id_is_taken\"}]\nd | start | applied | 1 | NULL"
    );
    let finish = flush_of(r#"[{"run": "d", "finish": {}}, {"run": "a", "finish": {}}]"#);
    let refused = refusal(client.batch_execute(&finish).await);
    assert!(
        refused.starts_with("09000: a run was not stored"),
        "{refused}"
    );
}
