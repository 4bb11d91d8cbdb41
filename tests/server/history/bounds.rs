//! A history is bounded, and tells of the whole life of the run.

use super::{past, run, samples, start, tracked};

#[tokio::test]
async fn of_a_full_history_every_other_sample_is_dropped() {
    let (_database, client) = tracked().await;
    run(&client, "SELECT runmeta.track('import', 'n', keep => 6)").await;
    start(&client, "a").await;
    past(&client, "a", "60,50,40,30,20,10", "1,2,3,4,5,6").await;
    run(
        &client,
        "SELECT runmeta.set('a', 'n', '7'); SELECT runmeta.finish('a')",
    )
    .await;
    assert_eq!(samples(&client, "a").await, "1 3 5 7");
    let spacing = "SELECT spacing BETWEEN interval '20 minutes' AND interval '21 minutes' FROM runmeta.history";
    assert_eq!(run(&client, spacing).await, "t");
}

/// The last one is replaced until it is as far from the one before it as others are.
#[tokio::test]
async fn last_sample_is_always_there_and_no_two_others_are_too_near() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    past(&client, "a", "60,50,40,1", "1,2,3,4").await;
    run(&client, "UPDATE runmeta.history SET spacing = '45 minutes'").await;
    run(
        &client,
        "SELECT runmeta.set('a', 'n', '7'); SELECT runmeta.finish('a')",
    )
    .await;
    assert_eq!(samples(&client, "a").await, "1 2 3 7");
}

/// Each finish takes a sample, a day after the one before.
#[tokio::test]
async fn long_life_is_kept_from_its_first_sample_to_its_last() {
    let (_database, client) = tracked().await;
    run(&client, "SELECT runmeta.track('import', 'n', keep => 8)").await;
    start(&client, "a").await;
    run(
        &client,
        "DO $$ BEGIN
            FOR day IN 1..200 LOOP
                UPDATE runmeta.history SET at = ARRAY(SELECT a - interval '1 day' FROM unnest(at) AS a);
                UPDATE runmeta.run SET updated_at = updated_at - interval '1 day';
                PERFORM runmeta.increment('a', 'n');
                PERFORM runmeta.finish('a');
                PERFORM runmeta.start('a', attempt => day + 1);
            END LOOP;
        END $$",
    )
    .await;
    let kept = "SELECT count(*) BETWEEN 4 AND 8, min(value) = 0, max(value) = 200,
        max(value - before) <= 64 FROM (SELECT value, lag(value) OVER (ORDER BY at) AS before FROM runmeta.samples('a', 'n')) AS s";
    assert_eq!(run(&client, kept).await, "t | t | t | t");
}

#[tokio::test]
async fn history_that_may_have_less_from_now_on_is_cut_by_the_next_sample() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    past(
        &client,
        "a",
        "90,80,70,60,50,40,30,20,10",
        "1,2,3,4,5,6,7,8,9",
    )
    .await;
    run(&client, "SELECT runmeta.track('import', 'n', keep => 4)").await;
    run(
        &client,
        "SELECT runmeta.set('a', 'n', '10'); SELECT runmeta.finish('a')",
    )
    .await;
    assert_eq!(samples(&client, "a").await, "1 5 9 10");
}
