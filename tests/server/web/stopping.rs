//! How a gateway ends.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Web;
use crate::harness::{Database, until_one_waits};

#[tokio::test]
async fn requests_under_way_end_and_new_ones_are_not_taken() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    web.post("/v1/runs", json!({"id": "a"})).await;
    let locker = database.connect().await;
    locker
        .batch_execute("BEGIN; SELECT FROM runmeta.run WHERE root_id = 'a' AND id = 'a' FOR UPDATE")
        .await
        .unwrap();
    let body = json!({"operations": [{"type": "set", "key": "k", "value": 1}]});
    let request = web
        .request(reqwest::Method::POST, "/v1/runs/a/operations")
        .json(&body);
    let held = tokio::spawn(request.send());
    let observer = database.connect().await;
    until_one_waits(&observer, "runmeta serve").await;
    assert_eq!(web.get("/readyz").await.status, 200);
    let address = web.address();
    web.gateway().stopping().cancel();
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    locker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(held.await.unwrap().unwrap().status(), 200);
    web.ended().await;
}

#[tokio::test]
async fn idle_connections_do_not_keep_it_from_stopping() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let mut silent = TcpStream::connect(web.address()).await.unwrap();
    let mut idle = TcpStream::connect(web.address()).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut bytes = [0; 12];
    idle.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"HTTP/1.1 200");
    web.ended_now().await;
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    let _ = silent.read_to_end(&mut rest).await;
}
