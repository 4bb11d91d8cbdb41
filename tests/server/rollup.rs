//! `runmeta.rollup` and `rollup_each`: what they count, for one run and for many.

use tokio_postgres::Client;

use crate::families::small_tree;
use crate::harness::{Database, refusal, rows};

async fn refused(client: &Client, statement: &str) -> String {
    refusal(client.batch_execute(statement).await)
}

#[tokio::test]
async fn rollup_counts_missing_and_not_numbers_apart() {
    let (_database, client) = small_tree().await;
    let rollup = "SELECT count, sum - 1e400, min, max = 1e400, round(average / 1e399, 3), missing, not_numbers FROM runmeta.rollup";
    insta::assert_snapshot!(rows(&client, &format!("{rollup}('import', 'rows')")).await, @"3 | 3.5 | 1.5 | t | 3.333 | 1 | 2");
    insta::assert_snapshot!(rows(&client, &format!("{rollup}('import', 'rows', include_self => true)")).await, @"4 | 8.5 | 1.5 | t | 2.500 | 1 | 2");
    let plain = "SELECT * FROM runmeta.rollup('part b', '$.nested.rows', include_self => true)";
    insta::assert_snapshot!(rows(&client, plain).await, @"1 | 40 | 40 | 40 | 40.0000000000000000 | 2 | 0");
    insta::assert_snapshot!(rows(&client, &format!("{rollup}('step 1', 'rows')")).await, @"0 | NULL | NULL | NULL | NULL | 0 | 0");
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.rollup('import', '$.a[*]')").await, @r#"
    22023: bad path: "$.a[*]"
    DETAIL: Reason bad_path: a bracket with neither a position nor a quoted text stands at byte 3 of the key.
    HINT: Write paths as $.name.0 or $.name[0], and names with dots or brackets as ["a.b"].
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.rollup('step 1', '$.a[*]')").await, @r#"
    22023: bad path: "$.a[*]"
    DETAIL: Reason bad_path: a bracket with neither a position nor a quoted text stands at byte 3 of the key.
    HINT: Write paths as $.name.0 or $.name[0], and names with dots or brackets as ["a.b"].
    "#);
}

#[tokio::test]
async fn rollup_counts_numbers_that_have_no_sum_among_not_numbers() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('top'), runmeta.start('other', '{\"n\": 7}');
             SELECT runmeta.start(value, ('{\"n\": ' || value || '}')::jsonb, 'top')
             FROM (VALUES ('9e131071'), ('9.1e131071'), ('1.1e100000'), ('-1.1e100000'), ('1e100000'), ('-1e100000'),
                ('2'), ('\"2\"'), ('null'), ('true'), ('[]'), ('[2]'), ('{}')) AS v (value)",
        )
        .await
        .unwrap();
    let rollup = "SELECT count, sum, min = -1e100000, max = 1e100000, missing, not_numbers FROM runmeta.rollup('top', 'n')";
    assert_eq!(rows(&client, rollup).await, "3 | 2 | t | t | 0 | 10");
    let each = "SELECT run_id, count, sum, not_numbers FROM runmeta.rollup_each('{top,other,9e131071}', 'n', include_self => true)";
    insta::assert_snapshot!(rows(&client, each).await, @"
    top | 3 | 2 | 10
    other | 1 | 7 | 0
    9e131071 | 0 | NULL | 1
    ");
}

/// Two trees of an import with files, whose chunks have rows.
async fn imports() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    for statement in [
        "SELECT runmeta.start('import-' || i, '{\"rows\": 1000}', task => 'import') FROM generate_series(1, 2) AS i",
        "SELECT runmeta.start('file-' || i, '{\"rows\": 100}', 'import-' || (i % 2 + 1), 'file') FROM generate_series(1, 4) AS i",
        "SELECT runmeta.start('chunk-' || i, '{\"rows\": 50}', 'file-' || (i % 4 + 1), 'chunk') FROM generate_series(1, 8) AS i",
        "SELECT runmeta.start('check-' || i, '{\"rows\": 1}', 'file-' || i, 'check') FROM generate_series(1, 4) AS i",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    (database, client)
}

#[tokio::test]
async fn rollup_goes_as_deep_as_it_is_asked_and_counts_one_task() {
    let (_database, client) = imports().await;
    let rollup = async |arguments: &str| {
        let query = format!(
            "SELECT count, sum, missing FROM runmeta.rollup('import-1', 'rows'{arguments})"
        );
        rows(&client, &query).await
    };
    assert_eq!(rollup("").await, "8 | 402 | 0");
    assert_eq!(rollup(", depth => NULL").await, "8 | 402 | 0");
    assert_eq!(rollup(", depth => 1").await, "2 | 200 | 0");
    assert_eq!(rollup(", 1").await, "2 | 200 | 0");
    assert_eq!(rollup(", depth => 2").await, "8 | 402 | 0");
    assert_eq!(rollup(", depth => 2147483647").await, "8 | 402 | 0");
    assert_eq!(rollup(", task => 'chunk'").await, "4 | 200 | 0");
    assert_eq!(rollup(", 1, 'chunk'").await, "0 | NULL | 0");
    assert_eq!(rollup(", task => 'no such task'").await, "0 | NULL | 0");
    assert_eq!(rollup(", include_self => true").await, "9 | 1402 | 0");
    assert_eq!(rollup(", 1, NULL, true").await, "3 | 1200 | 0");
    // The run itself is of another task.
    assert_eq!(rollup(", 1, 'file', true").await, "2 | 200 | 0");
    assert_eq!(rollup(", include_self => NULL").await, "8 | 402 | 0");
}

#[tokio::test]
async fn rollup_each_has_a_row_for_each_run_that_exists_in_their_order() {
    let (_database, client) = imports().await;
    let each = "SELECT run_id, count, sum, min, max, round(average, 1), missing, not_numbers
        FROM runmeta.rollup_each('{file-2,nobody,import-1,NULL,chunk-1,import-2,file-2}', 'rows'";
    insta::assert_snapshot!(rows(&client, &format!("{each})")).await, @"
    file-2 | 3 | 101 | 1 | 50 | 33.7 | 0 | 0
    import-1 | 8 | 402 | 1 | 100 | 50.3 | 0 | 0
    chunk-1 | 0 | NULL | NULL | NULL | NULL | 0 | 0
    import-2 | 8 | 402 | 1 | 100 | 50.3 | 0 | 0
    file-2 | 3 | 101 | 1 | 50 | 33.7 | 0 | 0
    ");
    insta::assert_snapshot!(rows(&client, &format!("{each}, depth => 1, task => 'file', include_self => true)")).await, @"
    file-2 | 1 | 100 | 100 | 100 | 100.0 | 0 | 0
    import-1 | 2 | 200 | 100 | 100 | 100.0 | 0 | 0
    chunk-1 | 0 | NULL | NULL | NULL | NULL | 0 | 0
    import-2 | 2 | 200 | 100 | 100 | 100.0 | 0 | 0
    file-2 | 1 | 100 | 100 | 100 | 100.0 | 0 | 0
    ");
    // It is what rollup has for each of them.
    let differences = "SELECT count(*) FROM runmeta.run AS r
        CROSS JOIN (VALUES (NULL, NULL, false), (1, NULL, true), (2, 'chunk', true)) AS a (depth, task, self)
        CROSS JOIN LATERAL runmeta.rollup(r.id, 'rows', a.depth, a.task, a.self) AS one
        CROSS JOIN LATERAL runmeta.rollup_each(ARRAY['nobody', r.id], 'rows', a.depth, a.task, a.self) AS each
        WHERE ROW(r.id, one.*) IS DISTINCT FROM ROW(each.*)";
    assert_eq!(rows(&client, differences).await, "0");
    for nobody in ["NULL", "'{}'", "'{nobody}'", "'{NULL}'"] {
        let count = format!("SELECT count(*) FROM runmeta.rollup_each({nobody}, 'rows')");
        assert_eq!(rows(&client, &count).await, "0", "{nobody}");
    }
}

#[tokio::test]
async fn rollup_refuses_a_depth_of_no_level() {
    let (_database, client) = imports().await;
    for depth in ["0", "-1"] {
        let refusal = refused(
            &client,
            &format!("SELECT runmeta.rollup('nobody', 'rows', {depth})"),
        )
        .await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refusal, @"
            22023: depth is not positive
            HINT: Give a whole number from 1.
            ");
        }
    }
}
