//! Calls that wait while the tables are distributed, and while that is taken back.

use runmeta_migrations::{Layout, distribute};

use crate::harness::{Database, is_citus, rows};
use crate::layout::{CALLS, assert_survives_change};

#[tokio::test]
async fn call_that_waited_while_tables_were_distributed_succeeds_or_is_to_be_tried_again() {
    if !is_citus() {
        return;
    }
    let database = Database::new().await;
    let mut client = database.connect().await;
    distribute(&mut client, Layout::Plain).await.unwrap();
    rows(&client, "SELECT runmeta.start('known')").await;
    for call in CALLS {
        for layout in [Layout::Citus(8), Layout::Plain] {
            assert_survives_change(&database, layout, call).await;
        }
    }
}
