//! Flushes lock runs in the order of their ids, whatever order the batch, the table or the planner has.

use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::harness::{Database, by_hand, is_split, process, rows, until_waiting};

/// Runs that are not locked.
const FREE: &str = "SELECT string_agg(id, '' ORDER BY id) FROM (SELECT id FROM runmeta.run WHERE length(id) = 1 FOR UPDATE SKIP LOCKED) AS r";

/// Counts up `n` in nine runs, in no order.
const FLUSH: &str = r#"SELECT count(*) FROM runmeta.flush((
    SELECT jsonb_agg(jsonb_build_object('run', id, 'operations', '[{"type": "increment", "key": "n", "value": 1}]'::jsonb))
    FROM unnest('{h,b,f,d,a,c,i,e,g}'::text[]) AS id))"#;

/// Asserts that a flush that waits for run e has locked those before it, and none behind it.
async fn assert_order(database: &Database, client: &Client) {
    let holder = database.connect().await;
    let observer = database.connect().await;
    let waiting = process(client).await;
    let hold = "BEGIN; SELECT FROM runmeta.run WHERE id = 'e' FOR UPDATE";
    holder.batch_execute(hold).await.unwrap();
    let free = async {
        until_waiting(&observer, waiting).await;
        let free = rows(&observer, FREE).await;
        holder.batch_execute("COMMIT").await.unwrap();
        free
    };
    let (flushed, free) = tokio::join!(rows(client, FLUSH), free);
    assert_eq!((flushed.as_str(), free.as_str()), ("9", "fghi"));
}

/// The rows are stored in the reverse order, which a sequential or a bitmap scan would follow. The session keeps its plan
/// while the table grows and its statistics change.
#[tokio::test]
async fn runs_are_locked_in_the_order_of_their_ids_by_any_plan() {
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    let owner = database.connect().await;
    owner
        .batch_execute("SELECT runmeta.start(id) FROM unnest('{i,h,g,f,e,d,c,b,a}'::text[]) AS id")
        .await
        .unwrap();
    for change in [
        "",
        "ANALYZE runmeta.run",
        "INSERT INTO runmeta.run (root_id, id) SELECT id, id FROM (SELECT 'other ' || i AS id FROM generate_series(1, 20000) AS i) AS other",
        "ANALYZE runmeta.run",
        "DELETE FROM runmeta.run WHERE length(id) > 1",
        "VACUUM ANALYZE runmeta.run",
        "ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY; CREATE POLICY open ON runmeta.run USING (true)",
    ] {
        owner.batch_execute(change).await.unwrap();
        assert_order(&database, &client).await;
        // Without an old plan.
        assert_order(&database, &database.connect().await).await;
    }
    for setting in [
        "enable_indexscan = off",
        "enable_seqscan = off",
        "plan_cache_mode = force_generic_plan",
        "plan_cache_mode = force_custom_plan",
    ] {
        let client = database.connect().await;
        let set = format!("SET {setting}");
        client.batch_execute(&set).await.unwrap();
        assert_order(&database, &client).await;
    }
}

#[tokio::test]
async fn planning_leaves_the_settings_of_the_session_as_they_are() {
    // There no statement is planned by itself.
    if is_split() {
        return;
    }
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "CREATE TABLE public.seen (settings text);
             CREATE FUNCTION public.settings() RETURNS text LANGUAGE sql AS $$
                 SELECT string_agg(current_setting(name), ' ') FROM unnest('{enable_indexscan,enable_seqscan,enable_bitmapscan,jit}'::text[]) AS name $$;
             CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN INSERT INTO public.seen VALUES (public.settings()); RETURN NEW; END $$;
             CREATE TRIGGER see BEFORE UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION public.see();
             SELECT runmeta.start('a');
             SET enable_indexscan = off; SET enable_seqscan = on; SET enable_bitmapscan = on; SET jit = on",
        )
        .await
        .unwrap();
    client.batch_execute(FLUSH).await.unwrap();
    let settings = "SELECT settings FROM public.seen UNION ALL SELECT public.settings()";
    assert_eq!(rows(&client, settings).await, "off on on on\noff on on on");
}

const SESSIONS: usize = 6;
const BATCHES: usize = 30;

/// Each batch has all runs in another order, with lists for parents and roots between them, so that the locks of two
/// flushes would cross in nearly all of them.
#[tokio::test]
async fn flushes_over_the_same_runs_never_deadlock() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('tree ' || i) FROM generate_series(1, 5) AS i;
             SELECT runmeta.start(i % 7 || ' run ' || i, parent_run_id => 'tree ' || i % 5 + 1) FROM generate_series(1, 40) AS i;
             ALTER TABLE runmeta.run ADD CONSTRAINT slow CHECK (pg_sleep(0.0001) IS NOT NULL)",
        )
        .await
        .unwrap();
    let mut sessions = JoinSet::new();
    for session in 0..SESSIONS {
        let client = database.connect().await;
        sessions.spawn(async move {
            // Every third one locks first.
            let way = match session % 3 {
                0 => "force_custom_plan",
                _ => "auto",
            };
            let way = format!("SET plan_cache_mode = {way}");
            client.batch_execute(&way).await.unwrap();
            for batch in 0..BATCHES {
                let member = match batch % 3 {
                    0 => "operations",
                    1 => "parentOperations",
                    _ => "rootOperations",
                };
                let flush = format!(
                    r#"SELECT count(*) FROM runmeta.flush((
                        SELECT jsonb_agg(jsonb_build_object('run', id,
                            'operations', '[{{"type": "increment", "key": "n", "value": 1}}]'::jsonb,
                            '{member}', '[{{"type": "increment", "key": "n", "value": 1}}]'::jsonb) ORDER BY md5(id || '{session}/{batch}'))
                        FROM runmeta.run))"#
                );
                rows(&client, &flush).await;
            }
        });
    }
    while let Some(session) = sessions.join_next().await {
        session.unwrap();
    }
    let lists = SESSIONS * (BATCHES / 3 * 45 + 2 * (BATCHES / 3) * 90);
    let sum = "SELECT sum((metadata ->> 'n')::int) FROM runmeta.run";
    assert_eq!(rows(&client, sum).await, lists.to_string());
}
