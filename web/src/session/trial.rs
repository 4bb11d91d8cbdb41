//! Trying the keys before somebody needs them: whoever runs the gateway learns from its log that a role is missing, and not from
//! those who have the key.
//!
//! A key that the database refuses keeps nobody else out: the gateway starts, and answers 503 to that key until a connection succeeds.

use std::sync::Arc;
use std::time::Duration;

use runmeta_client::Error;
use tokio_util::sync::CancellationToken;

use super::Session;
use crate::auth::Key;
use crate::trouble::advice;
use crate::{Config, Problem};

/// Between two attempts while the database is away.
const PAUSE: Duration = Duration::from_secs(1);

/// Tries one connection for each role and settings, one after another. Returns the names of the keys that the database refuses.
pub(crate) async fn of_keys(
    keys: &[Arc<Key>],
    config: &Config,
    stopping: &CancellationToken,
) -> Vec<String> {
    let mut refused = Vec::new();
    let mut tried: Vec<(Session, Option<Error>)> = Vec::new();
    for key in keys.iter() {
        let session = Session::of(key, false);
        // A key for `/metrics` needs no connection, and one without a role what the gateway itself is given.
        if key.metrics || !session.has_settings() {
            continue;
        }
        let before = tried.iter().find(|(other, _)| *other == session);
        let error = match before {
            Some((_, error)) => error.clone(),
            None => {
                let trying = try_one(&session, config);
                let Some(error) = stopping.run_until_cancelled(trying).await else {
                    break;
                };
                tried.push((session.clone(), error.clone()));
                error
            }
        };
        if let Some(error) = error {
            log(key, &error);
            refused.push(key.name.clone());
        }
    }
    refused
}

/// Connects as the gateway's user and reads, if there is a key without a role. Returns why the database refuses that.
pub(crate) async fn of_gateway(keys: &[Arc<Key>], config: &Config) -> Option<Error> {
    let sessions = keys.iter().map(|key| Session::of(key, false));
    let own = sessions.into_iter().find(|session| !session.has_settings());
    try_one(&own?, config).await
}

/// Logs why the database refuses the gateway's user.
pub(crate) fn log_of_gateway(error: &Error) {
    let hint = error.hint().map(str::to_owned);
    let advice = error.code().and_then(advice).map(str::to_owned);
    tracing::error!(
        sqlstate = error.code(),
        error = error.message(),
        hint = hint.or(advice),
        "the database refuses the gateway"
    );
}

/// Connects as the requests of its keys do, again and again while the database is away, and returns why it refuses that.
async fn try_one(session: &Session, config: &Config) -> Option<Error> {
    let mut was_away = false;
    loop {
        let error = connect(session, config).await.err()?;
        if !error.is_retryable() {
            return Some(error);
        }
        if !std::mem::replace(&mut was_away, true) {
            tracing::warn!(error = %error, "the database is away: the keys are tried when it is back");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Connects. As the gateway's user, reads too.
async fn connect(session: &Session, config: &Config) -> Result<(), Error> {
    let connected = session.connect(config).await?;
    let read = match session.has_settings() {
        true => Ok(None),
        // Any id will do: reading needs the table and the right to it.
        false => connected.client.snapshot("runmeta-serve").await,
    };
    // Nothing is under way on it.
    let _ = connected.client.shutdown(PAUSE).await;
    read.map(drop)
}

fn log(key: &Key, error: &Error) {
    let problem = Problem::unusable_key(&key.name, true, error, true);
    tracing::error!(
        key = key.name,
        sqlstate = problem.sqlstate,
        error = problem.detail,
        hint = problem.hint,
        "a key cannot be used"
    );
}
