//! Who asks.

mod refusal;
mod room;
mod write;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use runmeta_client::{Client, Snapshot};
use tokio::sync::OnceCell;

use super::scope::{Action, Scope};
use super::share::Share;
use super::{Key, ticket, token};
use crate::memory::Held;
use crate::observe::Asker;
use crate::serve::Requests;
use crate::session::Connected;
use crate::{Gateway, Problem};
pub(crate) use write::Write;

/// Whoever sent a request: a key, or a token that was signed with one. Cheap to clone.
///
/// An extractor: a request without a valid key is answered 401 before its handler runs.
#[derive(Clone)]
pub struct Caller {
    gateway: Gateway,
    key: Arc<Key>,
    /// None of a secret key.
    token: Option<Arc<Token>>,
    /// What the token may use.
    share: Option<Arc<Share>>,
    path: Arc<str>,
    /// What its request holds.
    held: Held,
    /// Once it was asked for: a request that has begun ends with the client that it began with, also if its key is taken away.
    connected: Arc<OnceCell<Connected>>,
}

/// What its claims mean.
struct Token {
    subject: String,
    scopes: Vec<Scope>,
    /// As they were written, for tickets.
    texts: Vec<String>,
    /// False if the claim is missing.
    has_scopes: bool,
    /// In seconds since 1970.
    expires: u64,
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
    /// Returns the client with the role and the settings of the key: the key's own, or that of its tokens.
    ///
    /// # Errors
    ///
    /// 503 if the database could not be reached for the call timeout.
    pub async fn client(&self) -> Result<Client, Problem> {
        Ok(self.connected().await?.client)
    }

    /// Returns the same with what its batches are written with. No caller has more than half of its connections while others may want
    /// them.
    pub(crate) async fn connected(&self) -> Result<Connected, Problem> {
        let connected = self.connected.get_or_try_init(|| self.connect());
        connected.await.cloned()
    }

    async fn connect(&self) -> Result<Connected, Problem> {
        let mut connected = self.gateway.connected(&self.key, !self.is_secret()).await?;
        let group = match &self.share {
            Some(share) => Some(&share.group),
            None if self.gateway.keys().has_others_like(&self.key) => Some(&self.key.own.group),
            None => None,
        };
        if let Some(group) = group {
            connected.client = connected.client.within(group);
        }
        Ok(connected)
    }

    /// Returns what distinguishes this caller from others of its key, by which its idempotency keys are its own. Tokens that the
    /// packages of Trigger.dev sign have all the same subject, and others may have none: so it is the subject and the scopes.
    pub(crate) fn identity(&self) -> Vec<&str> {
        match &self.token {
            None => vec!["secret"],
            Some(token) => ["token", &token.subject]
                .into_iter()
                .chain(token.texts.iter().map(String::as_str))
                .collect(),
        }
    }

    /// Returns the path of the request.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Makes a ticket for the path of an event stream, and returns it with the second of its end.
    pub(crate) fn ticket(&self, path: &str) -> Result<(String, u64), Problem> {
        let scopes = self.token.as_ref().map(|token| token.texts.clone());
        let until = self.token.as_ref().map(|token| token.expires);
        let subject = self.token.as_ref().map(|token| token.subject.clone());
        ticket::issue(&self.key, path, subject.unwrap_or_default(), scopes, until)
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
            None => Err(self.may_not_read(id)),
        }
    }

    /// Checks that the caller may read this run: by its id, tags, task or root.
    ///
    /// # Errors
    ///
    /// 403.
    pub fn reads_run(&self, run: &Snapshot) -> Result<(), Problem> {
        match self.has(|scope| scope.has_run(Action::Read, run)) {
            true => Ok(()),
            false => Err(self.may_not_read(run.id())),
        }
    }

    /// Returns true if the caller may read the run of this id whatever else it is: before it was read.
    pub fn reads_id(&self, id: &str) -> bool {
        self.has(|scope| scope.has_id(Action::Read, id))
    }

    /// Checks that the caller may read all runs of a set.
    ///
    /// # Errors
    ///
    /// 403.
    pub fn reads(&self, set: &Set<'_>) -> Result<(), Problem> {
        let has = self.has(|scope| match set {
            Set::Tag(tag) => scope.has_tag(Action::Read, tag),
            Set::Task(task) => scope.has_task(Action::Read, task),
            Set::Tree(root) => scope.has_tree(Action::Read, root),
            Set::All => scope.has_all(Action::Read),
        });
        match has {
            true => Ok(()),
            false => Err(self.refused(&refusal::of_set(set))),
        }
    }

    /// Completes when the token expires or the key is taken away: a body that goes on for long ends then.
    pub async fn ended(&self) {
        let revoked = self.key.revoked.cancelled();
        match &self.token {
            None => revoked.await,
            Some(token) => {
                let left = token
                    .expires
                    .saturating_sub(ticket::now())
                    .min(MOST_SECONDS);
                let left = Duration::from_secs(left);
                tokio::select! {
                    () = revoked => {}
                    () = tokio::time::sleep(left) => {}
                }
            }
        }
    }

    /// Returns the problem of a body that goes on when its caller's right has [ended](Caller::ended).
    pub(crate) fn has_ended(&self) -> Problem {
        Problem::unauthorized(match self.key.revoked.is_cancelled() {
            true => "the key was taken away",
            false => "the token has expired",
        })
    }

    fn new(gateway: &Gateway, key: Arc<Key>, token: Option<Token>, path: Arc<str>) -> Caller {
        let mut caller = Caller {
            gateway: gateway.clone(),
            key,
            token: token.map(Arc::new),
            share: None,
            path,
            held: Held::default(),
            connected: Arc::default(),
        };
        if !caller.is_secret() {
            caller.share = Some(caller.key.shares.of(&caller.identity()));
        }
        caller
    }

    /// Returns true for a secret key, and for a token with such a scope.
    fn has(&self, is: impl Fn(&Scope) -> bool) -> bool {
        let token = self.token.as_ref();
        token.is_none_or(|token| token.scopes.iter().any(is))
    }

    fn of_header(gateway: &Gateway, header: &str, path: Arc<str>) -> Result<Caller, Problem> {
        let invalid = || Problem::unauthorized("the key is not valid");
        let given = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, given)| given.trim())
            .ok_or_else(invalid)?;
        if let Some(key) = gateway.keys().find(given.as_bytes()) {
            return Ok(Caller::new(gateway, key, None, path));
        }
        if !token::looks_like_one(given) {
            return Err(invalid());
        }
        let (claims, key) = token::verify::<token::Claims>(gateway.keys(), given)?;
        if claims.purpose.is_some() {
            return Err(Problem::unauthorized(
                "a ticket goes into the URL of an event stream",
            ));
        }
        claims.check_end(ticket::now())?;
        let has_scopes = claims.scopes.is_some();
        let texts = claims.scopes.unwrap_or_default();
        let token = Token {
            subject: claims.sub.unwrap_or_default(),
            scopes: texts
                .iter()
                .filter_map(|scope| Scope::parse(scope))
                .collect(),
            texts,
            has_scopes,
            expires: claims.exp,
            skip_columns: claims.realtime.unwrap_or_default().skip_columns,
        };
        Ok(Caller::new(gateway, key, Some(token), path))
    }

    fn of_ticket(gateway: &Gateway, given: &str, path: Arc<str>) -> Result<Caller, Problem> {
        let invalid = || {
            Problem::unauthorized("the ticket is not valid, not for this path, or was used before")
                .title("no valid ticket")
                .hint("Get another with POST /v1/tickets.")
        };
        let verified = token::verify::<ticket::Claims>(gateway.keys(), given);
        let (claims, key) = verified.map_err(|_| invalid())?;
        if claims.purpose != ticket::PURPOSE
            || *claims.path != *path
            || !ticket::is_event_stream(&path)
            || !gateway.tickets().first_time(&claims)
        {
            return Err(invalid());
        }
        let token = claims.scopes.map(|texts| Token {
            subject: claims.sub,
            scopes: texts
                .iter()
                .filter_map(|scope| Scope::parse(scope))
                .collect(),
            texts,
            has_scopes: true,
            expires: claims.until.unwrap_or(claims.exp),
            skip_columns: Vec::new(),
        });
        Ok(Caller::new(gateway, key, token, path))
    }
}

/// The year 10000: a later time may be none of the system's.
const MOST_SECONDS: u64 = 253_402_300_800;

impl FromRequestParts<Gateway> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Caller, Problem> {
        // In a nested router, the URI of the request lacks the beginning.
        let uri = parts
            .extensions
            .get::<OriginalUri>()
            .map_or(&parts.uri, |uri| &uri.0);
        let path: Arc<str> = uri.path().into();
        let mut caller = match parts.headers.get(AUTHORIZATION) {
            Some(header) => {
                let header = header.to_str();
                let header = header.map_err(|_| Problem::unauthorized("the key is not valid"))?;
                Caller::of_header(gateway, header, path)?
            }
            None => match ticket::of_query(uri.query()).filter(|_| parts.method == Method::GET) {
                Some(ticket) => Caller::of_ticket(gateway, ticket, path)?,
                None => {
                    return Err(Problem::unauthorized("the request has no key")
                        .hint("Send the header Authorization: Bearer KEY."));
                }
            },
        };
        if caller.key.metrics && caller.path() != crate::metrics::PATH {
            return Err(Problem::forbidden().detail("the key is for /metrics alone"));
        }
        for (share, who) in caller.shares() {
            share.rate.check(who)?;
        }
        if let Some(asker) = parts.extensions.get::<Asker>() {
            asker.set(caller.key.name(), caller.is_secret());
        }
        if let Some(held) = parts.extensions.get::<Held>() {
            held.of(caller.memory(), parts)?;
            caller.held = held.clone();
        }
        if let Some(requests) = parts.extensions.get::<Requests>() {
            requests.has_key();
        }
        Ok(caller)
    }
}
