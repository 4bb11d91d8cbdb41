//! Connections to the database that the user named.

use std::error::Error as StdError;
use std::io::Write;
use std::str::FromStr;

use clap::Args;
use futures_util::stream::StreamExt;
use tokio::sync::mpsc;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Notification};

use crate::error::{Error, sentence};

/// Which database to use.
#[derive(Args, Clone)]
pub(crate) struct Database {
    /// Database to use, as a URL or as "host=… dbname=…"
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

impl Database {
    /// Connects, and says on stderr what the server tells besides results.
    pub(crate) async fn connect(&self) -> Result<Client, Error> {
        self.open(show_notice).await.map(|(client, _)| client)
    }

    /// Connects without a word to the user, and hands over notifications, which end with the connection.
    pub(crate) async fn connect_to_listen(
        &self,
    ) -> Result<(Client, mpsc::UnboundedReceiver<Notification>), Error> {
        self.open(|_| ()).await
    }

    /// Makes the client by which workers say how far they are.
    pub(crate) async fn runs(
        &self,
        application_name: String,
    ) -> Result<runmeta_client::Client, Error> {
        let runs =
            runmeta_client::Builder::config(self.config()?).application_name(application_name);
        Ok(runs.connect().await?)
    }

    async fn open(
        &self,
        on_notice: impl Fn(&DbError) + Send + 'static,
    ) -> Result<(Client, mpsc::UnboundedReceiver<Notification>), Error> {
        let (client, mut connection) = self.config()?.connect(NoTls).await.map_err(unreachable)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut messages =
                futures_util::stream::poll_fn(move |context| connection.poll_message(context));
            // A lost connection ends the stream; whoever uses the client is told by his next query.
            while let Some(Ok(message)) = messages.next().await {
                match message {
                    AsyncMessage::Notice(notice) => on_notice(&notice),
                    AsyncMessage::Notification(notification) => {
                        let _ = sender.send(notification);
                    }
                    _ => {}
                }
            }
        });
        // Whatever the user's search_path is, `=` means what Postgres ships.
        client
            .batch_execute("SET search_path TO pg_catalog, pg_temp")
            .await?;
        Ok((client, receiver))
    }

    fn config(&self) -> Result<Config, Error> {
        let Some(url) = self
            .database_url
            .as_deref()
            .filter(|url| !url.trim().is_empty())
        else {
            return Err(Error::new("no database is named")
                .with_hint("Give --database-url URL, or set DATABASE_URL; in a clone of runmeta, \"make db\" starts a server and prints its URL."));
        };
        // The text stays out of the message: it may hold a password.
        let mut config = Config::from_str(url).map_err(|error| {
            Error::new("the database URL cannot be understood")
                .with_detail(sentence(&deepest(&error)))
                .with_hint("It looks like postgres://user@host:5432/database.")
        })?;
        if config.get_application_name().is_none() {
            config.application_name("runmeta");
        }
        Ok(config)
    }
}

/// Shows a notice, but for "already exists, skipping", which is how things should be.
fn show_notice(notice: &DbError) {
    if [
        SqlState::DUPLICATE_OBJECT,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_SCHEMA,
    ]
    .contains(notice.code())
    {
        return;
    }
    let _ = writeln!(
        std::io::stderr(),
        "{}: {}",
        notice.severity().to_lowercase(),
        crate::printable::printable(notice.message())
    );
}

fn unreachable(error: tokio_postgres::Error) -> Error {
    if error.as_db_error().is_some() {
        return error.into();
    }
    Error::new("the database cannot be reached")
        .with_detail(sentence(&deepest(&error)))
        .with_hint("Look at the URL, and whether the server runs; in a clone of runmeta, \"make db\" starts one.")
}

fn deepest(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
