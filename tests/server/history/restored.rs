//! Tracking outlives a dump and the extension.

use super::{run, samples, start, tracked};
use crate::dump::dump_and_restore;
use crate::harness::Database;

#[tokio::test]
async fn restored_database_goes_on_with_its_histories() {
    let (original, client) = tracked().await;
    start(&client, "a").await;
    run(&client, "SELECT runmeta.increment('a', 'n')").await;
    let restored = Database::empty().await;
    dump_and_restore(&original, &[], &restored).unwrap();
    let mut client = restored.connect().await;
    assert_eq!(samples(&client, "a").await, "0 1");
    runmeta_migrations::migrate(&mut client).await.unwrap();
    run(
        &client,
        "SELECT runmeta.increment('a', 'n', 5); SELECT runmeta.finish('a')",
    )
    .await;
    assert_eq!(samples(&client, "a").await, "0 6");
}

#[tokio::test]
async fn migrating_makes_the_trigger_again_that_went_with_the_extension() {
    let (_database, mut client) = tracked().await;
    start(&client, "a").await;
    run(&client, "DROP EXTENSION runmeta CASCADE").await;
    runmeta_migrations::migrate(&mut client).await.unwrap();
    run(&client, "SELECT runmeta.increment('a', 'n', 5)").await;
    assert_eq!(samples(&client, "a").await, "0 5");
}
