//! A flush beside other sessions that change, hold, hide or delete its runs, and beside triggers that write runs too.
//!
//! What is true of one pass over the rows is true of locking them first, which a session gets by its plan_cache_mode.

use tokio_postgres::Client;

use crate::harness::{Database, process, refusal, rows, until_waiting};

/// How the flushes of a session work.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// In one pass.
    OnePass,
    /// In one pass, and a trigger has each row locked before it is stored.
    Trigger,
    /// Rows are locked first.
    LockedFirst,
}

const WAYS: [Way; 3] = [Way::OnePass, Way::Trigger, Way::LockedFirst];

/// Counts `n` up in runs a, b and c.
const FLUSH: &str = r#"SELECT run_id, outcome, version, unapplied FROM runmeta.flush('[
    {"run": "a", "operations": [{"type": "increment", "key": "n", "value": 1}]},
    {"run": "b", "operations": [{"type": "increment", "key": "n", "value": 1}]},
    {"run": "c", "operations": [{"type": "increment", "key": "n", "value": 1}]}]')"#;

const RUNS: &str = "SELECT id, metadata - 'text', version FROM runmeta.run ORDER BY id";

/// Makes a database with the runs, a connection of its owner, and one that flushes.
async fn database(way: Way) -> (Database, Client, Client) {
    let database = Database::new().await;
    let owner = database.connect().await;
    let client = database.connect().await;
    let start = "SELECT runmeta.start(id) FROM unnest('{a,b,c}'::text[]) AS id";
    owner.batch_execute(start).await.unwrap();
    let settings = "SET runmeta.update_window = 0; SET runmeta.maximum_size = '100B'";
    client.batch_execute(settings).await.unwrap();
    match way {
        Way::OnePass => {}
        Way::Trigger => {
            let trigger = "
                CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
                CREATE TRIGGER pass BEFORE UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION pass()";
            owner.batch_execute(trigger).await.unwrap();
        }
        Way::LockedFirst => {
            let setting = "SET plan_cache_mode = force_custom_plan";
            client.batch_execute(setting).await.unwrap();
        }
    }
    (database, owner, client)
}

/// Flushes while another session has changed run b, and does not commit before the flush waits for it. Returns the
/// outcomes and the runs.
async fn beside(way: Way, change: &str, end: &str) -> (String, String) {
    flush_beside(FLUSH.to_owned(), way, change, end).await
}

async fn flush_beside(flush: String, way: Way, change: &str, end: &str) -> (String, String) {
    let (database, other, client) = database(way).await;
    let observer = database.connect().await;
    let waiting = process(&client).await;
    other.batch_execute("BEGIN").await.unwrap();
    other.batch_execute(change).await.unwrap();
    let flush = tokio::spawn(async move { rows(&client, &flush).await });
    until_waiting(&observer, waiting).await;
    other.batch_execute(end).await.unwrap();
    (flush.await.unwrap(), rows(&observer, RUNS).await)
}

#[tokio::test]
async fn a_run_that_another_session_changes_is_changed_as_it_is_then() {
    for way in WAYS {
        let change = "SELECT runmeta.set('b', 'n', '41'), runmeta.set('b', 'other', '1')";
        let (outcomes, runs) = beside(way, change, "COMMIT").await;
        assert_eq!(
            outcomes,
            "a | applied | 2 | NULL\nb | applied | 4 | NULL\nc | applied | 2 | NULL"
        );
        assert_eq!(
            runs,
            "a | {\"n\": 1} | 2\nb | {\"n\": 42, \"other\": 1} | 4\nc | {\"n\": 1} | 2"
        );
    }
}

#[tokio::test]
async fn a_change_that_is_rolled_back_leaves_nothing() {
    for way in WAYS {
        for change in [
            "SELECT runmeta.set('b', 'n', '41')",
            "DELETE FROM runmeta.run WHERE id = 'b'",
            "SELECT FROM runmeta.run WHERE id = 'b' FOR UPDATE",
        ] {
            let (outcomes, runs) = beside(way, change, "ROLLBACK").await;
            assert_eq!(
                outcomes,
                "a | applied | 2 | NULL\nb | applied | 2 | NULL\nc | applied | 2 | NULL"
            );
            assert_eq!(
                runs,
                "a | {\"n\": 1} | 2\nb | {\"n\": 1} | 2\nc | {\"n\": 1} | 2"
            );
        }
    }
}

#[tokio::test]
async fn an_outcome_is_that_of_the_run_as_another_session_left_it() {
    for way in WAYS {
        for (change, outcome, run) in [
            (
                "SELECT runmeta.finish('b')",
                "closed | 2 | NULL",
                "b | {} | 2",
            ),
            (
                "UPDATE runmeta.run SET version = 7, metadata = jsonb_build_object('text', repeat('x', 88)) WHERE id = 'b'",
                "too_large | 7 | NULL",
                "b | {} | 7",
            ),
            (
                "UPDATE runmeta.run SET version = 9223372036854775807 WHERE id = 'b'",
                "closed | 9223372036854775807 | NULL",
                "b | {} | 9223372036854775807",
            ),
        ] {
            let (outcomes, runs) = beside(way, change, "COMMIT").await;
            assert_eq!(
                outcomes,
                format!("a | applied | 2 | NULL\nb | {outcome}\nc | applied | 2 | NULL"),
                "{way:?}: {change}"
            );
            assert_eq!(
                runs,
                format!("a | {{\"n\": 1}} | 2\n{run}\nc | {{\"n\": 1}} | 2"),
                "{way:?}: {change}"
            );
        }
    }
}

#[tokio::test]
async fn a_run_that_has_the_value_by_then_is_unchanged() {
    for way in WAYS {
        let set = FLUSH.replace("increment", "set");
        let change = "SELECT runmeta.set('b', 'n', '1')";
        let (outcomes, runs) = flush_beside(set, way, change, "COMMIT").await;
        assert_eq!(
            outcomes,
            "a | applied | 2 | NULL\nb | unchanged | 2 | NULL\nc | applied | 2 | NULL"
        );
        assert_eq!(
            runs,
            "a | {\"n\": 1} | 2\nb | {\"n\": 1} | 2\nc | {\"n\": 1} | 2"
        );
    }
}

#[tokio::test]
async fn a_run_that_is_deleted_meanwhile_is_not_found() {
    for way in WAYS {
        let (outcomes, runs) =
            beside(way, "DELETE FROM runmeta.run WHERE id = 'b'", "COMMIT").await;
        assert_eq!(
            outcomes,
            "a | applied | 2 | NULL\nb | not_found | NULL | NULL\nc | applied | 2 | NULL"
        );
        assert_eq!(runs, "a | {\"n\": 1} | 2\nc | {\"n\": 1} | 2");
    }
}

#[tokio::test]
async fn a_run_that_a_policy_hides_meanwhile_is_not_found() {
    for way in WAYS {
        let (database, other, client) = database(way).await;
        other
            .batch_execute(
                "ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
                 CREATE POLICY tenant ON runmeta.run TO runmeta_writer USING (task IS NULL)",
            )
            .await
            .unwrap();
        let writer = "SET SESSION AUTHORIZATION runmeta_writer";
        client.batch_execute(writer).await.unwrap();
        let observer = database.connect().await;
        let waiting = process(&client).await;
        other
            .batch_execute("BEGIN; UPDATE runmeta.run SET task = 'theirs' WHERE id = 'b'")
            .await
            .unwrap();
        let flush = tokio::spawn(async move { rows(&client, FLUSH).await });
        until_waiting(&observer, waiting).await;
        other.batch_execute("COMMIT").await.unwrap();
        assert_eq!(
            flush.await.unwrap(),
            "a | applied | 2 | NULL\nb | not_found | NULL | NULL\nc | applied | 2 | NULL"
        );
        assert_eq!(
            rows(&observer, RUNS).await,
            "a | {\"n\": 1} | 2\nb | {} | 1\nc | {\"n\": 1} | 2"
        );
    }
}

#[tokio::test]
async fn a_run_that_one_may_read_and_not_update_is_not_found() {
    for way in WAYS {
        let (_database, owner, client) = database(way).await;
        owner
            .batch_execute(
                "ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
                 CREATE POLICY read ON runmeta.run FOR SELECT TO runmeta_writer USING (true);
                 CREATE POLICY write ON runmeta.run FOR UPDATE TO runmeta_writer USING (id <> 'b')",
            )
            .await
            .unwrap();
        let writer = "SET SESSION AUTHORIZATION runmeta_writer";
        client.batch_execute(writer).await.unwrap();
        assert_eq!(
            rows(&client, FLUSH).await,
            "a | applied | 2 | NULL\nb | not_found | NULL | NULL\nc | applied | 2 | NULL"
        );
        assert_eq!(
            rows(&owner, RUNS).await,
            "a | {\"n\": 1} | 2\nb | {} | 1\nc | {\"n\": 1} | 2"
        );
    }
}

#[tokio::test]
async fn a_change_since_the_snapshot_of_repeatable_read_is_a_serialization_failure() {
    for way in WAYS {
        for level in ["REPEATABLE READ", "SERIALIZABLE"] {
            let (_database, other, client) = database(way).await;
            let begin = format!("BEGIN ISOLATION LEVEL {level}; SELECT FROM runmeta.run");
            client.batch_execute(&begin).await.unwrap();
            let change = "SELECT runmeta.set('b', 'n', '41')";
            other.batch_execute(change).await.unwrap();
            let refused = refusal(client.batch_execute(FLUSH).await);
            assert!(
                refused.starts_with("40001: could not serialize access"),
                "{refused}"
            );
            client.batch_execute("ROLLBACK").await.unwrap();
            assert_eq!(
                rows(&other, RUNS).await,
                "a | {} | 1\nb | {\"n\": 41} | 2\nc | {} | 1"
            );
        }
    }
}

#[tokio::test]
async fn a_flush_of_which_a_trigger_leaves_out_one_run_is_refused_whole() {
    for way in WAYS {
        let (_database, owner, client) = database(way).await;
        owner
            .batch_execute(
                "CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
                 CREATE TRIGGER leave_out BEFORE UPDATE ON runmeta.run FOR EACH ROW WHEN (OLD.id = 'b') EXECUTE FUNCTION leave_out();",
            )
            .await
            .unwrap();
        let refused = refusal(client.batch_execute(FLUSH).await);
        assert!(
            refused.starts_with("09000: a run was not stored"),
            "{refused}"
        );
        assert_eq!(
            rows(&owner, RUNS).await,
            "a | {} | 1\nb | {} | 1\nc | {} | 1"
        );
    }
}

/// A trigger that runs before a row is stored flushes in the middle of the statement of the outer flush. That of run b
/// has a flush that fails, and goes on.
#[tokio::test]
async fn a_trigger_may_flush_other_runs_while_a_flush_is_at_work() {
    for way in WAYS {
        let (_database, owner, client) = database(way).await;
        owner
            .batch_execute(
                r#"SELECT runmeta.start('log'), runmeta.start('bad');
                CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF NEW.id = 'bad' THEN
                        RAISE EXCEPTION 'bad';
                    END IF;
                    IF NEW.id <> 'log' THEN
                        PERFORM runmeta.flush('[{"run": "log", "operations": [{"type": "increment", "key": "n", "value": 1}]}]');
                    END IF;
                    IF NEW.id = 'b' THEN
                        BEGIN
                            PERFORM runmeta.flush('[{"run": "bad", "operations": [{"type": "increment", "key": "n", "value": 1}]}]');
                        EXCEPTION WHEN raise_exception THEN
                            NULL;
                        END;
                    END IF;
                    RETURN NEW;
                END $$;
                CREATE TRIGGER log BEFORE UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION log();"#,
            )
            .await
            .unwrap();
        assert_eq!(
            rows(&client, FLUSH).await,
            "a | applied | 2 | NULL\nb | applied | 2 | NULL\nc | applied | 2 | NULL"
        );
        assert_eq!(
            rows(&owner, RUNS).await,
            "a | {\"n\": 1} | 2\nb | {\"n\": 1} | 2\nbad | {} | 1\nc | {\"n\": 1} | 2\nlog | {\"n\": 3} | 4"
        );
    }
}

#[tokio::test]
async fn the_functions_that_a_flush_calls_do_nothing_by_themselves() {
    let (_database, _owner, client) = database(Way::OnePass).await;
    let calls = "SELECT runmeta._apply_lists('a', 'a', '{}', 1, NULL, NULL, NULL, now(), now()), runmeta._changed_document(), runmeta._changed_bound()";
    assert_eq!(rows(&client, calls).await, "f | NULL | NULL");
    client.batch_execute(FLUSH).await.unwrap();
    assert_eq!(rows(&client, calls).await, "f | NULL | NULL");
}
