//! A session that listens to what runmeta announces.

use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Notification};

use super::Database;

/// A session that has said `LISTEN runmeta`.
pub struct Listener {
    client: Client,
    notifications: UnboundedReceiver<Notification>,
}

impl Listener {
    /// Begins to listen.
    pub async fn new(database: &Database) -> Self {
        Self::of(&database.url()).await
    }

    /// Begins to listen in the database with this URL.
    pub async fn of(url: &str) -> Self {
        Self::connect(url).await.unwrap()
    }

    /// Begins to listen in the database with this URL, if the server lets it.
    pub async fn connect(url: &str) -> Result<Self, tokio_postgres::Error> {
        let config: Config = url.parse().unwrap();
        let (client, mut connection) = config.connect(NoTls).await?;
        let (sender, notifications) = unbounded_channel();
        tokio::spawn(async move {
            let mut messages = poll_fn(|context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(notification) = message
                    && sender.send(notification).is_err()
                {
                    return;
                }
            }
        });
        client
            .batch_execute("LISTEN runmeta; LISTEN runmeta_test_end")
            .await?;
        Ok(Self {
            client,
            notifications,
        })
    }

    /// Returns its session.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the payloads that committed transactions announced since the last call, in order.
    pub async fn payloads(&mut self) -> Vec<String> {
        // Notifications arrive in the order of the commits, so that this one comes after all that are waited for.
        self.client
            .batch_execute("NOTIFY runmeta_test_end")
            .await
            .unwrap();
        let mut payloads = Vec::new();
        while let Some(notification) = self.notifications.recv().await {
            if notification.channel() == "runmeta_test_end" {
                break;
            }
            payloads.push(notification.payload().to_owned());
        }
        payloads
    }

    /// Returns once a payload has come. What came before it is returned too.
    pub async fn until(&mut self, payload: &str) -> Vec<String> {
        self.until_any(&[payload]).await
    }

    /// Returns once one of these payloads has come. What came before it is returned too.
    pub async fn until_any(&mut self, ends: &[&str]) -> Vec<String> {
        let mut payloads = Vec::new();
        while let Some(notification) = self.notifications.recv().await {
            payloads.push(notification.payload().to_owned());
            if ends.contains(&notification.payload()) {
                break;
            }
        }
        payloads
    }

    /// Returns the payloads that came since the last call, at least one, in order. `None` if the connection is lost.
    pub async fn next(&mut self) -> Option<Vec<String>> {
        let mut payloads = vec![self.notifications.recv().await?.payload().to_owned()];
        while let Ok(notification) = self.notifications.try_recv() {
            payloads.push(notification.payload().to_owned());
        }
        Some(payloads)
    }

    /// Forgets what has come so far.
    pub async fn drain(&mut self) {
        while self.notifications.try_recv().is_ok() {}
    }
}
