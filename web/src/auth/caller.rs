//! Who asks.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use runmeta_client::{Client, Snapshot};

use super::scope::{Action, Scope};
use super::{Key, ticket, token};
use crate::limit::ConnectionPermit;
use crate::{Gateway, Problem};

/// Whoever sent a request: a key, or a token that was signed with one. Cheap to clone.
///
/// An extractor: a request without a valid key is answered 401 before its handler runs.
#[derive(Clone)]
pub struct Caller {
    gateway: Gateway,
    key: Arc<Key>,
    /// None of a secret key.
    token: Option<Arc<Token>>,
}

struct Token {
    scopes: Vec<Scope>,
    expires: SystemTime,
    skip_columns: Vec<String>,
}

/// Runs that one may ask for together.
#[derive(Clone, Copy, Debug)]
pub enum Set<'a> {
    /// All with this tag.
    Tag(&'a str),
    /// All of this task.
    Task(&'a str),
    /// All of this root.
    Tree(&'a str),
    /// All there are.
    All,
}

impl Caller {
    /// Returns the client with the role and the settings of the key.
    ///
    /// # Errors
    ///
    /// 503 if the database could not be reached for the call timeout.
    pub async fn client(&self) -> Result<Client, Problem> {
        self.gateway.client(&self.key).await
    }

    /// Returns the key: the caller's own, or the one that signed its token.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Returns true for a secret key, false for a token.
    pub fn is_secret(&self) -> bool {
        self.token.is_none()
    }

    /// Returns the columns that a token of Trigger.dev's client leaves out.
    pub fn skip_columns(&self) -> &[String] {
        self.token.as_ref().map_or(&[], |token| &token.skip_columns)
    }

    /// Returns the run, if there is one and the caller may read it.
    ///
    /// # Errors
    ///
    /// 404 if there is none; for a caller who might not read it, 403 in either case.
    pub async fn run(&self, id: &str) -> Result<Snapshot, Problem> {
        let run = self.client().await?.snapshot(id).await?;
        match run {
            Some(run) => self.reads_run(&run).map(|()| run),
            None if self.reads_id(id) => Err(Problem::no_such_run(id)),
            None => Err(Problem::forbidden()),
        }
    }

    /// Checks that the caller may read this run: by its id, tags, task or root.
    ///
    /// # Errors
    ///
    /// 403.
    pub fn reads_run(&self, run: &Snapshot) -> Result<(), Problem> {
        self.allowed(|scope| scope.has_run(Action::Read, run))
    }

    /// Returns true if the caller may read the run of this id whatever else it is: before it was read.
    pub fn reads_id(&self, id: &str) -> bool {
        self.allowed(|scope| scope.has_id(Action::Read, id)).is_ok()
    }

    /// Checks that the caller may read all runs of a set.
    ///
    /// # Errors
    ///
    /// 403.
    pub fn reads(&self, set: &Set<'_>) -> Result<(), Problem> {
        self.allowed(|scope| match set {
            Set::Tag(tag) => scope.has_tag(Action::Read, tag),
            Set::Task(task) => scope.has_task(Action::Read, task),
            Set::Tree(root) => scope.has_tree(Action::Read, root),
            Set::All => scope.has_all(Action::Read),
        })
    }

    /// Checks that the caller may change the run of this id, and start it.
    ///
    /// # Errors
    ///
    /// 403.
    pub fn writes_run(&self, id: &str) -> Result<(), Problem> {
        if self.key.read_only {
            return Err(Problem::forbidden().hint("The key may only read."));
        }
        self.allowed(|scope| scope.has_id(Action::Write, id))
    }

    /// Completes when the token expires or the key is taken away: a body that goes on for long ends then.
    pub async fn ended(&self) {
        let revoked = self.key.revoked.cancelled();
        match &self.token {
            None => revoked.await,
            Some(token) => {
                let left = token
                    .expires
                    .duration_since(SystemTime::now())
                    .unwrap_or_default();
                tokio::select! {
                    () = revoked => {}
                    () = tokio::time::sleep(left) => {}
                }
            }
        }
    }

    /// Takes one of the key's connections. The body of an event stream holds it.
    ///
    /// # Errors
    ///
    /// 429 if all are taken.
    pub fn connection(&self) -> Result<ConnectionPermit, Problem> {
        self.key.connections.take()
    }

    fn allowed(&self, has: impl Fn(&Scope) -> bool) -> Result<(), Problem> {
        match &self.token {
            None => Ok(()),
            Some(token) if token.scopes.iter().any(has) => Ok(()),
            Some(_) => Err(Problem::forbidden()),
        }
    }

    fn of_header(gateway: &Gateway, header: &str) -> Result<Caller, Problem> {
        let invalid = || Problem::unauthorized("the key is not valid");
        let given = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, given)| given.trim())
            .ok_or_else(invalid)?;
        if let Some(key) = gateway.keys().find(given.as_bytes()) {
            return Ok(Caller {
                gateway: gateway.clone(),
                key,
                token: None,
            });
        }
        if !token::looks_like_one(given) {
            return Err(invalid());
        }
        let (claims, key) = token::verify(gateway.keys(), given)?;
        if claims.purpose.as_deref() == Some(ticket::PURPOSE) {
            return Err(Problem::unauthorized(
                "a ticket goes into the URL of an event stream",
            ));
        }
        let token = Token {
            scopes: claims
                .scopes
                .iter()
                .filter_map(|scope| Scope::parse(scope))
                .collect(),
            expires: UNIX_EPOCH + Duration::from_secs(claims.exp.min(MOST_SECONDS)),
            skip_columns: claims.realtime.unwrap_or_default().skip_columns,
        };
        Ok(Caller {
            gateway: gateway.clone(),
            key,
            token: Some(Arc::new(token)),
        })
    }
}

/// The year 10000: a later time may be none of the system's.
const MOST_SECONDS: u64 = 253_402_300_800;

impl FromRequestParts<Gateway> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Caller, Problem> {
        let Some(header) = parts.headers.get(AUTHORIZATION) else {
            return Err(Problem::unauthorized("the request has no key")
                .hint("Send the header Authorization: Bearer KEY."));
        };
        let header = header
            .to_str()
            .map_err(|_| Problem::unauthorized("the key is not valid"))?;
        Caller::of_header(gateway, header)
    }
}
