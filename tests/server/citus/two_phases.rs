//! What a transaction writes on several nodes is prepared on all of them before one commits.

use super::session::{Session, id_on};
use crate::harness::{Database, is_citus, rows};

/// A database with a tree on worker 2 of which a look-up reads another shard of that node before it is written.
struct Cluster {
    database: Database,
    session: Session,
    run: String,
}

impl Cluster {
    async fn new() -> Option<Self> {
        if !is_citus() {
            return None;
        }
        let database = Database::new().await;
        let session = Session::new(&database).await;
        let root = id_on(&session.client, 2, "root ").await;
        let mut run = String::new();
        for number in 0.. {
            run = id_on(&session.client, 2, &format!("run {number} ")).await;
            let is_other = format!(
                "SELECT get_shard_id_for_distribution_column('runmeta.run_root', '{run}')
                    <> get_shard_id_for_distribution_column('runmeta.run_root', '{root}')"
            );
            if rows(&session.client, &is_other).await == "t" {
                break;
            }
        }
        let start = format!(
            "SELECT runmeta.start('{root}'), runmeta.start('{run}', parent_run_id => '{root}')"
        );
        session.client.batch_execute(&start).await.unwrap();
        // What a session has looked up, it looks up no more.
        let session = Session::new(&database).await;
        Some(Self {
            database,
            session,
            run,
        })
    }

    /// Asserts that the nodes prepare what the statements write, this many of them, or commit it at once.
    async fn assert_prepared(&mut self, statements: &str, prepared: usize) {
        let sent = self.session.sends(statements).await;
        Self::assert_count(&sent, prepared);
    }

    fn assert_count(sent: &[String], prepared: usize) {
        let count = |words: &str| sent.iter().filter(|sent| sent.starts_with(words)).count();
        assert_eq!(count("PREPARE TRANSACTION"), prepared, "{sent:#?}");
        assert_eq!(count("COMMIT PREPARED"), prepared, "{sent:#?}");
    }
}

/// Returns the first id of a writer whose row is on worker 1.
async fn writer_on_worker_1(session: &Session) -> String {
    let query = "
        SELECT w FROM (SELECT md5(n::text)::uuid AS w FROM generate_series(1, 1000) AS n) AS w
        JOIN pg_dist_placement AS p ON p.shardid = get_shard_id_for_distribution_column('runmeta.writer', w)
        JOIN pg_dist_node AS d USING (groupid)
        WHERE d.nodename LIKE '%worker-1/%' LIMIT 1";
    rows(&session.client, query).await
}

#[tokio::test]
async fn batch_commits_in_two_phases_where_the_node_of_its_runs_was_read_before() {
    let Some(mut cluster) = Cluster::new().await else {
        return;
    };
    let writer = writer_on_worker_1(&cluster.session).await;
    let run = cluster.run.clone();
    for sequence in 1..4 {
        let flush = format!(
            r#"SELECT * FROM runmeta.flush('[{{"run": "{run}", "operations": [{{"type": "increment", "key": "n"}}]}}]', '{writer}', {sequence})"#
        );
        cluster.assert_prepared(&flush, 2).await;
    }
}

#[tokio::test]
async fn call_commits_in_two_phases_together_with_what_else_its_transaction_writes() {
    let Some(mut cluster) = Cluster::new().await else {
        return;
    };
    let table = "CREATE TABLE sent (id text)";
    cluster.session.client.batch_execute(table).await.unwrap();
    let increment = format!("SELECT runmeta.increment('{}', 'n')", cluster.run);
    cluster.assert_prepared(&increment, 0).await;
    cluster.session.client.query(&increment, &[]).await.unwrap();
    Cluster::assert_count(&cluster.session.sent(), 0);
    let in_a_block = format!("BEGIN; {increment}; COMMIT");
    cluster.assert_prepared(&in_a_block, 1).await;
    let function = format!(
        "CREATE FUNCTION in_sql() RETURNS void LANGUAGE sql AS $$
            {increment};
            INSERT INTO sent VALUES (1) $$;
        CREATE FUNCTION in_plpgsql() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
            PERFORM in_sql();
        END $$"
    );
    cluster.session.sends(&function).await;
    for function in ["in_sql", "in_plpgsql"] {
        let call = format!("SELECT {function}()");
        cluster.assert_prepared(&call, 1).await;
        cluster.session.client.query(&call, &[]).await.unwrap();
        Cluster::assert_count(&cluster.session.sent(), 1);
    }
    // Of two transactions that come in one message, the second does not count what the first one wrote.
    let twice = format!("BEGIN; {increment}; ROLLBACK; BEGIN; {increment}; COMMIT");
    cluster.assert_prepared(&twice, 1).await;
    cluster.assert_prepared(&increment, 0).await;
}

#[tokio::test]
async fn commit_that_other_nodes_depend_on_waits_for_the_disk() {
    let Some(cluster) = Cluster::new().await else {
        return;
    };
    let client = &cluster.session.client;
    let increment = format!("SELECT runmeta.increment('{}', 'n')", cluster.run);
    let begin = format!("SET synchronous_commit = off; BEGIN; {increment}");
    client.batch_execute(&begin).await.unwrap();
    let before = rows(client, "SELECT pg_current_wal_insert_lsn()").await;
    client.batch_execute("COMMIT").await.unwrap();
    let is_flushed = format!("SELECT pg_current_wal_flush_lsn() > '{before}'");
    assert_eq!(rows(client, &is_flushed).await, "t");
}

#[tokio::test]
async fn call_is_rolled_back_with_its_statement_where_citus_begins_no_transaction_by_itself() {
    let Some(cluster) = Cluster::new().await else {
        return;
    };
    let client = &cluster.session.client;
    let run = &cluster.run;
    let table =
        "CREATE TABLE own (a numeric, b int CHECK (b > 0)); PREPARE p (numeric) AS SELECT $1";
    client.batch_execute(table).await.unwrap();
    let increment = format!("runmeta.increment('{run}', 'n')");
    let flush = format!(
        r#"(SELECT 1 FROM runmeta.flush('[{{"run": "{run}", "operations": [{{"type": "increment", "key": "n"}}]}}]', gen_random_uuid(), 1))"#
    );
    let setting = "SET citus.function_opens_transaction_block = off;";
    for statement in [
        format!("EXECUTE p ({increment} / 0)"),
        format!("INSERT INTO own VALUES ({increment}, 0)"),
        format!("{setting} SELECT {increment} / 0"),
        format!("{setting} SELECT {flush} / 0"),
    ] {
        // A message of one statement: of several, they are a block.
        let (settings, statement) = statement.split_at(statement.rfind(';').map_or(0, |at| at + 1));
        client.batch_execute(settings).await.unwrap();
        assert!(
            client.batch_execute(statement).await.is_err(),
            "{statement}"
        );
        client.batch_execute("RESET ALL").await.unwrap();
        let found = rows(client, &format!("SELECT runmeta.get('{run}')")).await;
        assert_eq!(found, "{}", "{statement}");
    }
    // A lock holds until the row is stored.
    let mut sessions = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let client = cluster.database.connect().await;
        let increment = format!("EXECUTE p ({increment})");
        sessions.spawn(async move {
            let prepare = "PREPARE p (numeric) AS SELECT $1";
            client.batch_execute(prepare).await.unwrap();
            for _ in 0..30 {
                client.batch_execute(&increment).await.unwrap();
            }
        });
    }
    sessions.join_all().await;
    let found = rows(client, &format!("SELECT runmeta.get('{run}')")).await;
    assert_eq!(found, r#"{"n": 90}"#);
}
