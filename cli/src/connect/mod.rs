//! Connections to the database that the user named: by a URL, by libpq's variables, or by both.

mod environment;
mod passfile;
mod settings;

use std::error::Error as StdError;
use std::io::{self, ErrorKind, Write};

use clap::Args;
use futures_util::stream::StreamExt;
use runmeta_client::tls::{self, MakeRustlsConnect};
use tokio::task::JoinHandle;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{AsyncMessage, Client, Config};

use crate::error::{Error, sentence};

/// Which database to use.
#[derive(Args, Clone)]
pub(crate) struct Database {
    /// Database to use, as a URL or as "host=… dbname=…"; what it leaves open is taken from PGHOST, PGPASSWORD and the like
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

/// Which other servers announce changes of the same runs.
#[derive(Args, Clone, Default)]
pub(crate) struct Others {
    /// Another server on which runs of the same database are written, a node of Citus, to listen to for watching too; may be given
    /// several times, in the variable with blanks between them
    #[arg(
        long,
        value_name = "URL",
        env = "RUNMETA_ALSO_LISTEN_URLS",
        hide_env_values = true,
        value_delimiter = ' '
    )]
    pub(crate) also_listen_url: Vec<String>,
}

/// Tells when a connection is lost.
pub(crate) struct Lost(JoinHandle<()>);

impl Lost {
    /// Waits until the connection is lost.
    pub(crate) async fn wait(&mut self) -> Error {
        // It ends no other way than with the connection.
        let _ = (&mut self.0).await;
        Error::new("the server has closed the connection")
    }
}

impl Database {
    /// Connects, and says on stderr what the server tells besides results.
    pub(crate) async fn connect(&self) -> Result<Client, Error> {
        self.open(show_notice).await.map(|(client, _)| client)
    }

    /// Connects and sets nothing: a pooler would give what is set to others. Only for SQL that qualifies every name.
    pub(crate) async fn connect_as_it_is(&self) -> Result<Client, Error> {
        self.open_as_it_is(|_| ()).await.map(|(client, _)| client)
    }

    /// Connects without a word to the user, and returns what ends with the connection.
    pub(crate) async fn connect_to_hold(&self) -> Result<(Client, Lost), Error> {
        self.open(|_| ()).await
    }

    /// Makes the client by which workers say how far they are.
    pub(crate) async fn runs(
        &self,
        application_name: String,
        others: &Others,
    ) -> Result<runmeta_client::Client, Error> {
        let mut runs =
            runmeta_client::Builder::url(&self.url()?).application_name(application_name);
        for url in &others.also_listen_url {
            runs = runs.also_listen_url(url);
        }
        Ok(runs.connect().await?)
    }

    async fn open(
        &self,
        on_notice: impl Fn(&DbError) + Send + 'static,
    ) -> Result<(Client, Lost), Error> {
        let (client, lost) = self.open_as_it_is(on_notice).await?;
        // Whatever the user's search_path is, `=` means what Postgres ships.
        client
            .batch_execute("SET search_path TO pg_catalog, pg_temp")
            .await?;
        Ok((client, lost))
    }

    async fn open_as_it_is(
        &self,
        on_notice: impl Fn(&DbError) + Send + 'static,
    ) -> Result<(Client, Lost), Error> {
        let (config, connector) = self.address()?;
        let (client, mut connection) = config.connect(connector).await.map_err(unreachable)?;
        let lost = tokio::spawn(async move {
            let mut messages =
                futures_util::stream::poll_fn(move |context| connection.poll_message(context));
            // A lost connection ends the stream; whoever uses the client is told by his next query.
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notice(notice) = message {
                    on_notice(&notice);
                }
            }
        });
        Ok((client, Lost(lost)))
    }

    pub(crate) fn url(&self) -> Result<String, Error> {
        let url = self.database_url.as_deref();
        let url = url.filter(|url| !url.trim().is_empty());
        environment::address(url, environment::variable)
    }

    /// Returns where the database is, and what encrypts the way to it.
    fn address(&self) -> Result<(Config, MakeRustlsConnect), Error> {
        // The text stays out of the message: it may hold a password.
        let (mut config, connector) = tls::from_url(&self.url()?).map_err(|error| {
            let refused = Error::new("the database URL cannot be used")
                .with_detail(sentence(&error.to_string()));
            match error.source() {
                Some(cause) if cause.is::<tokio_postgres::Error>() => {
                    refused.with_hint("It looks like postgres://user@host:5432/database.")
                }
                _ => refused,
            }
        })?;
        if config.get_application_name().is_none() {
            config.application_name("runmeta");
        }
        Ok((config, connector))
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
    let hint = match is_about_encryption(&error) {
        true => "The sslmode of the URL says what is checked of the server.",
        false => {
            "Look at the URL, and whether the server runs; in a clone of runmeta, \"make db\" starts one."
        }
    };
    Error::new("the database cannot be reached")
        .with_detail(sentence(&deepest(&error)))
        .with_hint(hint)
}

/// Tells a certificate that is refused, and other trouble in agreeing on an encryption, from a server that is not there.
fn is_about_encryption(error: &tokio_postgres::Error) -> bool {
    error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .is_some_and(|cause| cause.kind() == ErrorKind::InvalidData)
}

fn deepest(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
