//! What the plain API answers.

use serde_json::json;

use super::Web;
use crate::harness::Database;

#[tokio::test]
async fn run_is_read_with_all_its_columns() {
    let database = Database::new().await;
    let start =
        "SELECT runmeta.start('a', '{\"progress\": 0.5}', task => 'import', tags => '{x,y}')";
    database.connect().await.batch_execute(start).await.unwrap();
    let web = Web::start(&database).await;
    let answer = web.get("/v1/runs/a").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["metadata"], json!({"progress": 0.5}));
    assert_eq!(answer.body["tags"], json!(["x", "y"]));
    let answer = web.get("/v1/runs/b").await;
    assert_eq!(
        (answer.status, &answer.body["sqlstate"]),
        (404, &json!("P0002"))
    );
}
