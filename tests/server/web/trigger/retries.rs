//! Requests whose answers are lost, which the package repeats by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::super::Web;
use super::Npm;
use super::npm::values;
use crate::harness::Database;

/// A proxy before a gateway. It hands on each request, and every third answer is cut off: the gateway has done its work, and nobody
/// learns of it.
struct Cutting {
    url: String,
    cuts: Arc<AtomicU32>,
    listener: JoinHandle<()>,
}

impl Cutting {
    async fn before(web: &Web) -> Cutting {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let cuts = Arc::<AtomicU32>::default();
        let (gateway, counted) = (web.address(), cuts.clone());
        let answers = Arc::<AtomicU32>::default();
        let task = tokio::spawn(async move {
            // Dropped with this task, and the connections with it.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(gateway).await.unwrap();
                let (answers, cuts) = (answers.clone(), counted.clone());
                connections
                    .spawn(async move { drop(carry(client, server, &answers, &cuts).await) });
            }
        });
        Cutting {
            url,
            cuts,
            listener: task,
        }
    }
}

impl Drop for Cutting {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Carries requests and answers, until one is cut.
async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    answers: &AtomicU32,
    cuts: &AtomicU32,
) -> std::io::Result<()> {
    let (mut request, mut answer) = ([0; 65_536], [0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => match read? {
                0 => return Ok(()),
                length => server.write_all(&request[..length]).await?,
            },
            read = server.read(&mut answer) => {
                let length = read?;
                if length == 0 {
                    return Ok(());
                }
                // An answer of these tests is small: it arrives in one piece, and none begins within it.
                let count = answers.fetch_add(1, Relaxed) + 1;
                if count.is_multiple_of(3) {
                    cuts.fetch_add(1, Relaxed);
                    return Ok(());
                }
                client.write_all(&answer[..length]).await?;
            }
        }
    }
}

#[tokio::test]
async fn counters_are_exact_though_every_third_answer_is_lost() {
    let database = Database::new().await;
    let db = database.connect().await;
    db.batch_execute(
        "SELECT runmeta.start('import'); SELECT runmeta.start('part', '{}', 'import')",
    )
    .await
    .unwrap();
    let web = Web::start(&database).await;
    let proxy = Cutting::before(&web).await;
    let program = Npm::with(&proxy.url, web.key(), "count.mjs", &["part", "60"]).await;
    let output = program.finish().await;
    assert_eq!(values(&output, "flushed").len(), 60, "{output}");
    assert!(proxy.cuts.load(Relaxed) >= 20, "{output}");
    let documents = "SELECT runmeta.get('part'), runmeta.get('import')";
    let row = db.query_one(documents, &[]).await.unwrap();
    let log: Vec<i32> = (1..=60).collect();
    assert_eq!(
        row.get::<_, serde_json::Value>(0),
        json!({"count": 60, "log": log})
    );
    assert_eq!(row.get::<_, serde_json::Value>(1), json!({"count": 60}));
}
