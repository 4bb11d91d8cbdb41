//! Tables that are laid out by the root of each tree: changing the layout, what sessions notice of it, and who sees the roots.

use runmeta_migrations::{Layout, distribute, distribution, migrate};
use tokio_postgres::Client;

use crate::cli::program;
use crate::grants::public_grants;
use crate::harness::{Database, Role, merged_output, process, refusal, rows, until_waiting};
use crate::schema::dumped;

const ROOTS: &str = "SELECT id, root_id, parent_id FROM runmeta.run_root ORDER BY id";
const FAMILY: &str = "SELECT runmeta.start('top'), runmeta.start('child', parent_run_id => 'top')";

/// Makes a database in the plain layout, with a family.
async fn plain() -> (Database, Client) {
    let database = Database::new().await;
    let mut client = database.connect().await;
    distribute(&mut client, Layout::Plain).await.unwrap();
    client.batch_execute(FAMILY).await.unwrap();
    (database, client)
}

/// Makes a database in the split layout, with a family.
async fn split() -> (Database, Client) {
    let (database, mut client) = plain().await;
    distribute(&mut client, Layout::Split).await.unwrap();
    (database, client)
}

async fn run(client: &Client, statements: &str) {
    client.batch_execute(statements).await.unwrap();
}

#[tokio::test]
async fn runs_are_registered_when_the_layout_is_split_and_when_they_start() {
    let (database, client) = split().await;
    run(&client, "SELECT runmeta.start('grandchild', parent_run_id => 'child');
        SELECT * FROM runmeta.flush('[{\"run\": \"b2\", \"start\": {\"parent\": \"b1\"}}, {\"run\": \"b1\", \"start\": {}}]')").await;
    insta::assert_snapshot!(rows(&client, ROOTS).await, @r"
    b1 | b1 | NULL
    b2 | b1 | b1
    child | top | top
    grandchild | top | child
    top | top | NULL
    ");
    let found = distribution(&mut database.connect().await).await.unwrap();
    assert_eq!((found.layout, found.is_consistent()), (Layout::Split, true));
}

#[tokio::test]
async fn open_sessions_notice_a_change_of_the_layout_and_one_that_is_rolled_back() {
    let (database, client) = plain().await;
    let mut other = database.connect().await;
    run(&client, "BEGIN").await;
    run(
        &client,
        &Layout::Split
            .script()
            .replace("BEGIN;\n", "")
            .replace("\nCOMMIT;", ""),
    )
    .await;
    run(&client, "SELECT runmeta.start('taken back')").await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.run_root").await,
        "3"
    );
    run(&client, "ROLLBACK; SELECT runmeta.start('a')").await;
    distribute(&mut other, Layout::Split).await.unwrap();
    run(&client, "SELECT runmeta.start('b')").await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.run_root").await,
        "4"
    );
    distribute(&mut other, Layout::Plain).await.unwrap();
    run(
        &client,
        "SELECT runmeta.start('c'), runmeta.set('b', 'key', '1')",
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.tree('c')").await,
        "1"
    );
}

#[tokio::test]
async fn start_that_waited_while_the_layout_changed_is_to_be_tried_again() {
    let (database, mut client) = plain().await;
    let (holder, starter, observer) = (
        database.connect().await,
        database.connect().await,
        database.connect().await,
    );
    run(&starter, "SELECT runmeta.start('known')").await;
    run(&holder, "BEGIN; SELECT runmeta.set('top', 'key', '1')").await;
    let (distributes, starts) = (process(&client).await, process(&starter).await);
    let to_split = tokio::spawn(async move { distribute(&mut client, Layout::Split).await });
    until_waiting(&observer, distributes).await;
    let start = tokio::spawn(async move {
        let refused = refusal(starter.batch_execute("SELECT runmeta.start('new')").await);
        run(&starter, "SELECT runmeta.start('new')").await;
        refused
    });
    until_waiting(&observer, starts).await;
    run(&holder, "COMMIT").await;
    to_split.await.unwrap().unwrap();
    insta::assert_snapshot!(start.await.unwrap(), @r#"
    40001: the layout of the tables changed
    DETAIL: It was changed by "runmeta distribute" while the call waited.
    HINT: Try the transaction again.
    "#);
    assert_eq!(
        rows(&observer, "SELECT count(*) FROM runmeta.run_root").await,
        "4"
    );
}

/// Calls on a run that waits for nothing but the layout.
pub const CALLS: [&str; 8] = [
    "SELECT runmeta.set('known', 'key', '1')",
    "SELECT runmeta.increment('known', 'n', target => 'root')",
    "SELECT runmeta.start('known')",
    "SELECT runmeta.stream_append('known', 'log', '[1]')",
    "SELECT runmeta.flush('[{\"run\": \"known\", \"operations\": []}]')",
    "SELECT runmeta.flush('[{\"run\": \"known\", \"start\": {}}]')",
    "SELECT runmeta.get('known')",
    "SELECT FROM runmeta.tree('known')",
];

/// Asserts that a call that waited while the layout changed succeeds, or is to be tried again and succeeds then.
pub async fn assert_survives_change(database: &Database, to: Layout, call: &str) {
    let (mut client, holder) = (database.connect().await, database.connect().await);
    let (caller, observer) = (database.connect().await, database.connect().await);
    // It has its plans from before.
    run(&caller, call).await;
    run(&holder, "BEGIN; SELECT FROM runmeta.run LIMIT 1").await;
    let (changes, calls) = (process(&client).await, process(&caller).await);
    let change = tokio::spawn(async move { distribute(&mut client, to).await });
    until_waiting(&observer, changes).await;
    let text = call.to_owned();
    let waiting = tokio::spawn(async move {
        let answer = caller.batch_execute(&text).await;
        run(&caller, &text).await;
        answer
    });
    until_waiting(&observer, calls).await;
    run(&holder, "COMMIT").await;
    change.await.unwrap().unwrap();
    if let Err(error) = waiting.await.unwrap() {
        let refused = refusal(Err::<(), _>(error));
        assert!(
            refused.starts_with("40001: the layout of the tables changed"),
            "{call}: {refused}"
        );
    }
}

#[tokio::test]
async fn call_that_waited_while_the_split_was_taken_back_succeeds_or_is_to_be_tried_again() {
    let (database, mut client) = split().await;
    for call in CALLS {
        run(&client, "SELECT runmeta.start('known')").await;
        assert_survives_change(&database, Layout::Plain, call).await;
        distribute(&mut client, Layout::Split).await.unwrap();
    }
}

#[tokio::test]
async fn id_is_given_to_one_run_however_many_start_it_in_other_trees() {
    let (database, client) = split().await;
    let (mut one, other) = (database.connect().await, database.connect().await);
    run(&client, "SELECT runmeta.start('other')").await;
    let transaction = one.transaction().await.unwrap();
    transaction
        .batch_execute("SELECT runmeta.start('new', parent_run_id => 'top')")
        .await
        .unwrap();
    let waits = process(&other).await;
    let second = tokio::spawn(async move {
        run(
            &other,
            "SELECT runmeta.start('new', parent_run_id => 'other')",
        )
        .await;
    });
    until_waiting(&client, waits).await;
    transaction.commit().await.unwrap();
    second.await.unwrap();
    let found = rows(&client, "SELECT root_id FROM runmeta.run WHERE id = 'new'").await;
    assert_eq!(found, "top");
}

#[tokio::test]
async fn nothing_but_the_functions_writes_the_roots_and_hidden_runs_have_none() {
    let role = Role::new();
    let (database, client) = split().await;
    run(
        &client,
        &format!(
            "GRANT runmeta_writer TO {role};
            ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
            CREATE POLICY hides ON runmeta.run USING (id NOT LIKE 'hidden%') WITH CHECK (true);
            SELECT runmeta.start('hidden'), runmeta.start('seen', parent_run_id => 'hidden')",
            role = role.quoted()
        ),
    )
    .await;
    let writer = database.connect_as(role.name()).await;
    run(&writer, "SELECT runmeta.start('own')").await;
    let seen = rows(
        &writer,
        "SELECT string_agg(id, ' ' ORDER BY id) FROM runmeta.run_root",
    );
    assert_eq!(seen.await, "child own seen top");
    assert_eq!(
        rows(&writer, "SELECT runmeta._root_of('hidden')").await,
        "NULL"
    );
    for statement in [
        "INSERT INTO runmeta.run_root VALUES ('x', 'x')",
        "DELETE FROM runmeta.run_root",
        "UPDATE runmeta.run_root SET root_id = 'x'",
    ] {
        let refused = refusal(writer.batch_execute(statement).await);
        assert_eq!(refused, "42501: permission denied for table run_root");
    }
    let refused = refusal(
        writer
            .batch_execute("SELECT runmeta.set('hidden', 'a', '1')")
            .await,
    );
    assert!(
        refused.starts_with("P0002: no such run: \"hidden\""),
        "{refused}"
    );
    let refused = refusal(writer.batch_execute("SELECT runmeta.start('hidden')").await);
    assert!(
        refused.starts_with("23505: run id is taken: \"hidden\""),
        "{refused}"
    );
    let refused = refusal(
        writer
            .batch_execute("SELECT runmeta.set('seen', 'a', '1', target => 'root')")
            .await,
    );
    assert!(
        refused.starts_with("P0002: no such run: \"hidden\""),
        "{refused}"
    );
}

#[tokio::test]
async fn run_inserted_or_deleted_by_hand_is_noticed_and_mended() {
    let (database, client) = split().await;
    let doctor = |arguments: &[&str]| {
        let mut command = program();
        command
            .args(arguments)
            .args(["--database-url", &database.url()]);
        let (output, status) = merged_output(command, "");
        (output, status.code())
    };
    assert!(
        doctor(&["doctor"])
            .0
            .contains("ok: runs and their roots agree")
    );
    run(
        &client,
        "INSERT INTO runmeta.run (root_id, id) VALUES ('by hand', 'by hand'), ('again', 'again');
        DELETE FROM runmeta.run WHERE id = 'child'",
    )
    .await;
    let refused = refusal(client.batch_execute("SELECT runmeta.start('child')").await);
    let detail = "runmeta.run_root has this id and runmeta.run has no such run";
    assert!(refused.contains(detail), "{refused}");
    let (output, code) = doctor(&["doctor"]);
    let expected = "problem: runmeta.run and runmeta.run_root do not agree\n\
        detail: The functions do not find 2 runs, inserted by hand. The ids of 1 run, deleted by hand, are taken.\n\
        hint: Run: runmeta distribute --split.";
    assert!(output.contains(expected), "{output}");
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(doctor(&["distribute", "--status"]).0, @r"
    layout  split: runs are found through runmeta.run_root
    runs that are not in runmeta.run_root: 2
    rows of runmeta.run_root without a run: 1
    ");
    assert_eq!(doctor(&["distribute", "--split"]).1, Some(0));
    assert_eq!(doctor(&["distribute", "--status"]).1, Some(0));
    run(&client, "SELECT runmeta.set('by hand', 'key', '1')").await;
}

#[tokio::test]
async fn prune_forgets_the_roots_of_the_runs_that_it_deletes() {
    let (_database, client) = split().await;
    run(
        &client,
        "SELECT runmeta.finish('top'), runmeta.finish('child'), runmeta.start('other');
        UPDATE runmeta.run SET finished_at = '2026-01-01' WHERE finished_at IS NOT NULL;
        SELECT runmeta.prune('2026-02-01')",
    )
    .await;
    assert_eq!(rows(&client, ROOTS).await, "other | other | NULL");
    run(&client, "SELECT runmeta.start('top')").await;
}

#[tokio::test]
async fn two_runs_of_one_id_keep_the_layout_from_being_changed() {
    let (database, client) = split().await;
    run(
        &client,
        "INSERT INTO runmeta.run (root_id, id) VALUES ('top', 'x'), ('child', 'x')",
    )
    .await;
    let mut other = database.connect().await;
    for layout in [Layout::Split, Layout::Plain] {
        let refused = distribute(&mut other, layout).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "23505", "{refused}");
    }
}

#[tokio::test]
async fn layout_stays_through_another_migration_and_needs_a_migrated_database() {
    let (database, client) = split().await;
    let mut other = database.connect().await;
    assert!(migrate(&mut other).await.unwrap().is_empty());
    run(&client, "SELECT runmeta.start('new')").await;
    let empty = Database::empty().await;
    let refused = distribute(&mut empty.connect().await, Layout::Split)
        .await
        .unwrap_err();
    assert_eq!(refused.message(), "migrations are missing");
}

#[tokio::test]
async fn tables_are_distributed_only_where_there_is_citus() {
    let (database, mut client) = plain().await;
    let before = dumped(&database);
    let refused = distribute(&mut client, Layout::Citus(0)).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "55000");
    let expected = "the extension \"citus\" is not in this database\n";
    assert!(refused.to_string().starts_with(expected), "{refused}");
    pretty_assertions::assert_str_eq!(before, dumped(&database));
}

/// What users may have put on the tables.
const THEIRS: &str = "
    CREATE INDEX run_tags_idx ON runmeta.run USING gin (tags);
    COMMENT ON INDEX runmeta.run_tags_idx IS 'runs by a tag';
    ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON runmeta.run FOR UPDATE TO runmeta_writer USING (id <> 'secret') WITH CHECK (true);
    CREATE FUNCTION public.pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER pass BEFORE UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION public.pass();
    ALTER TABLE runmeta.run DISABLE TRIGGER pass;
    GRANT SELECT (id, status) ON runmeta.run TO pg_monitor;
    SELECT runmeta.track('import', 'rows'), runmeta.contract('import', '{}')";

#[tokio::test]
async fn partitions_hold_what_the_tables_had_and_going_back_leaves_no_trace() {
    let (database, mut client) = plain().await;
    run(&client, THEIRS).await;
    run(
        &client,
        "SELECT runmeta.stream_append('child', 'logs', '[1, 2]'), runmeta.set('top', 'rows', '7')",
    )
    .await;
    let (before, read) = (
        dumped(&database),
        "SELECT runmeta.get('top'), count(*) FROM runmeta.stream_read('child', 'logs')",
    );
    for (layout, becomes) in [
        (Layout::Partitions(4), Layout::Partitions(4)),
        (Layout::Partitions(3), Layout::Partitions(3)),
        (Layout::Split, Layout::Partitions(3)),
        (Layout::Plain, Layout::Plain),
    ] {
        distribute(&mut client, layout).await.unwrap();
        assert_eq!(rows(&client, read).await, r#"{"rows": 7} | 2"#, "{layout}");
        assert_eq!(public_grants(&client).await, "", "{layout}");
        let found = distribution(&mut client).await.unwrap();
        assert_eq!((found.layout, found.is_consistent()), (becomes, true));
    }
    pretty_assertions::assert_str_eq!(before, dumped(&database));
}

#[tokio::test]
async fn runs_of_partitions_are_read_and_written_in_the_one_in_which_their_tree_lies() {
    let (_database, mut client) = plain().await;
    distribute(&mut client, Layout::Partitions(4))
        .await
        .unwrap();
    run(&client, "SELECT runmeta.start('tree ' || n), runmeta.start('leaf ' || n, parent_run_id => 'tree ' || n) FROM generate_series(1, 40) AS n").await;
    let spread = "SELECT count(DISTINCT tableoid) > 1, count(DISTINCT (tableoid, root_id)) = count(DISTINCT root_id) FROM runmeta.run";
    assert_eq!(rows(&client, spread).await, "t | t");
    for call in [
        "runmeta.get('leaf 7')",
        "runmeta.set('leaf 7', 'key', '1')",
        "runmeta.increment('leaf 7', 'n', target => 'root')",
    ] {
        run(
            &client,
            &format!("SELECT pg_stat_force_next_flush(), {call}"),
        )
        .await;
        run(&client, "SELECT pg_stat_reset()").await;
        run(
            &client,
            &format!("SELECT {call}; SELECT pg_stat_force_next_flush()"),
        )
        .await;
        let scanned = "SELECT count(DISTINCT relid) FROM pg_stat_user_tables WHERE relname LIKE 'run\\_4\\__' AND idx_scan + seq_scan > 0";
        assert_eq!(rows(&client, scanned).await, "1", "{call}");
    }
}

#[tokio::test]
async fn views_and_publications_of_others_keep_the_tables_from_being_partitioned() {
    let (_database, mut client) = plain().await;
    for (theirs, code, words) in [
        (
            "CREATE VIEW public.theirs AS SELECT id FROM runmeta.run",
            "2BP01",
            "view public.theirs",
        ),
        (
            "DROP VIEW public.theirs; CREATE PUBLICATION theirs FOR TABLE runmeta.run",
            "55000",
            "runmeta.run is in a publication",
        ),
    ] {
        run(&client, theirs).await;
        let refused = distribute(&mut client, Layout::Partitions(2))
            .await
            .unwrap_err();
        assert_eq!(refused.code().unwrap().code(), code);
        assert!(refused.to_string().contains(words), "{refused}");
        assert_eq!(
            rows(&client, "SELECT count(*) FROM runmeta.live_run").await,
            "2"
        );
    }
}

/// As the reading functions have it.
const BY_ROOT: &str = "EXPLAIN (COSTS OFF) SELECT FROM runmeta.run AS r WHERE r.id = 'top'
    AND (NOT runmeta._is_split() OR r.root_id = 'the root')";

#[tokio::test]
async fn plans_name_the_root_where_it_is_needed_and_nowhere_else() {
    let (_database, mut client) = plain().await;
    for (layout, named) in [
        (Layout::Split, true),
        (Layout::Plain, false),
        (Layout::Partitions(2), true),
    ] {
        distribute(&mut client, layout).await.unwrap();
        let plan = rows(&client, BY_ROOT).await;
        assert_eq!(plan.contains("the root"), named, "{layout}: {plan}");
        assert!(!plan.contains("_is_split"), "{plan}");
    }
}
