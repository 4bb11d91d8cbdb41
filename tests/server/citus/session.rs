//! A session on the coordinator that is told what the coordinator sends to other nodes.

use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

use crate::harness::{Database, rows};

/// The session.
pub struct Session {
    pub client: Client,
    sent: UnboundedReceiver<String>,
}

impl Session {
    /// Connects.
    pub async fn new(database: &Database) -> Self {
        let config: Config = database.url().parse().unwrap();
        let (client, mut connection) = config.connect(NoTls).await.unwrap();
        let (sender, sent) = unbounded_channel();
        tokio::spawn(async move {
            let mut messages = poll_fn(|context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notice(notice) = message
                    && let Some(command) = notice.message().strip_prefix("issuing ")
                {
                    sender.send(command.to_owned()).unwrap();
                }
            }
        });
        let log = "SET citus.log_remote_commands = on";
        client.batch_execute(log).await.unwrap();
        Self { client, sent }
    }

    /// Returns what a call has the coordinator send.
    pub async fn sends(&mut self, call: &str) -> Vec<String> {
        self.client.batch_execute(call).await.unwrap();
        self.sent()
    }

    /// Returns what was sent since this was asked for last, for statements that have been answered.
    pub fn sent(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        // All that the server wrote before its answer was taken before that.
        while let Ok(command) = self.sent.try_recv() {
            sent.push(command);
        }
        sent
    }
}

/// Returns the first of these ids whose row of `run_root` this worker has.
pub async fn id_on(client: &Client, worker: usize, prefix: &str) -> String {
    let query = format!(
        "SELECT '{prefix}' || n FROM generate_series(1, 1000) AS n
        JOIN pg_dist_placement AS p ON p.shardid = get_shard_id_for_distribution_column('runmeta.run_root', '{prefix}' || n)
        JOIN pg_dist_node AS d USING (groupid)
        WHERE d.nodename LIKE '%worker-{worker}/%' ORDER BY n LIMIT 1"
    );
    rows(client, &query).await
}
