//! The one form of an error: problem+json of RFC 9457.

use std::borrow::Cow;
use std::error::Error as _;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::trouble::{AWAY, advice};

/// What is wrong with a request.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The status of the response.
    pub status: StatusCode,
    /// The same words for every problem of this kind.
    pub title: Cow<'static, str>,
    /// What is wrong with this request.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The SQLSTATE of the database's error, or the one with which the SQL function fails.
    pub sqlstate: Option<String>,
    /// When the same request may succeed.
    pub retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqlstate: Option<&'a str>,
}

impl Problem {
    /// The title of the 503 of a key whose connections the database refuses.
    pub(crate) const UNUSABLE: &str = "the key cannot be used";

    /// The title of the 403 of a role.
    pub(crate) const NO_RIGHTS: &str = "the role of the key may not do this";

    /// Makes a problem of a status and a title.
    pub fn new(status: StatusCode, title: impl Into<Cow<'static, str>>) -> Problem {
        Problem {
            status,
            title: title.into(),
            detail: None,
            hint: None,
            sqlstate: None,
            retry_after: None,
        }
    }

    /// Has other words for every problem of its kind.
    pub(crate) fn title(mut self, title: &'static str) -> Problem {
        self.title = title.into();
        self
    }

    /// Adds what is wrong with this request.
    pub fn detail(mut self, detail: impl Into<String>) -> Problem {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }

    /// Adds an SQLSTATE.
    pub fn sqlstate(mut self, code: impl Into<String>) -> Problem {
        self.sqlstate = Some(code.into());
        self
    }

    /// 400 for a request that cannot be understood, as the SQL functions say it with 22023.
    pub fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "invalid request")
            .detail(detail)
            .sqlstate("22023")
    }

    /// 401 for a request without a key, or with one that is not valid.
    pub fn unauthorized(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "no valid key").detail(detail)
    }

    /// 403, in the same words whether the run exists or not.
    pub fn forbidden() -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "not allowed")
            .detail("the scopes of the token do not include this")
            .sqlstate("42501")
    }

    /// 403 for what no token may do, whatever its scopes.
    pub(crate) fn needs_secret_key() -> Problem {
        Problem::forbidden().detail("this needs a secret key, and the request has a token")
    }

    /// 500 for what should not happen.
    pub(crate) fn failed(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the gateway failed").detail(detail)
    }

    /// 404 for a run that does not exist.
    pub fn no_such_run(id: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "no such run")
            .detail(format!("no such run: {id:?}"))
            .hint("Start it with POST /v1/runs.")
            .sqlstate("P0002")
    }

    /// 404 for a path that has nothing.
    pub fn no_such_path() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "no such path")
    }

    /// 503 for what the gateway has no room for now.
    pub fn busy(detail: impl Into<String>) -> Problem {
        let title = "the gateway is busy";
        let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, title).detail(detail);
        problem.retry_after = Some(Duration::from_secs(5));
        problem
    }

    /// 503 for a key whose connections the database refuses. The words of the database are for who has the key, and not for its
    /// tokens.
    pub(crate) fn unusable_key(
        key: &str,
        has_settings: bool,
        error: &runmeta_client::Error,
        is_told: bool,
    ) -> Problem {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut problem = Problem::new(status, Problem::UNUSABLE);
        let what = match has_settings {
            true => "the role or the settings",
            false => "the connection",
        };
        let refused = format!("the database refuses {what} of the key {key:?}");
        problem.detail = Some(match is_told {
            true => format!("{refused}: {}", error.message()),
            false => refused,
        });
        problem.hint = error.hint().filter(|_| is_told).map(str::to_owned).or_else(|| {
            let hint = match error.code() {
                Some("42501") if has_settings => "The gateway's user must be a member of the role: GRANT role TO user.",
                _ if has_settings => "The file of keys has the role and the settings of the key: mend them there, or in the database, and send the gateway SIGHUP.",
                Some(code) if is_told && let Some(advice) = advice(code) => advice,
                _ => "See the log of the gateway, and of the database.",
            };
            Some(hint.to_owned())
        });
        problem.sqlstate = error.code().map(str::to_owned);
        problem.retry_after = Some(Duration::from_secs(5));
        problem
    }

    /// 429 with the time after which it may succeed.
    pub fn too_many(detail: impl Into<String>, retry_after: Duration) -> Problem {
        let mut problem =
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many requests").detail(detail);
        problem.retry_after = Some(retry_after);
        problem
    }
}

impl From<runmeta_client::Error> for Problem {
    fn from(error: runmeta_client::Error) -> Problem {
        let code = error.code().map(str::to_owned);
        let (status, title) = match code.as_deref() {
            Some("42501") => (StatusCode::FORBIDDEN, Problem::NO_RIGHTS),
            Some("P0002") => (StatusCode::NOT_FOUND, "no such run"),
            Some("55000") => (StatusCode::CONFLICT, "the run is in another state"),
            Some("23514") if error.is_contract_violation() => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "the metadata does not fit the contract of its task",
            ),
            Some("54000") => (StatusCode::PAYLOAD_TOO_LARGE, "too large"),
            Some(code) if code.starts_with("22") => (StatusCode::BAD_REQUEST, "invalid request"),
            Some("55P03") => (
                StatusCode::SERVICE_UNAVAILABLE,
                "another transaction has locked the run",
            ),
            // Of a `statement_timeout` of the role's, or of its settings.
            Some("57014") => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database took too long",
            ),
            None if error.took_too_long() => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database took too long",
            ),
            _ if error.is_retryable() || error.is_closed() => {
                (StatusCode::SERVICE_UNAVAILABLE, AWAY)
            }
            Some(code) if code.starts_with("53") || code.starts_with("57P") => {
                (StatusCode::SERVICE_UNAVAILABLE, AWAY)
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "the gateway failed"),
        };
        let mut problem = Problem::new(status, title).detail(match error.detail() {
            Some(detail) => format!("{}: {detail}", error.message()),
            None => error.message(),
        });
        problem.hint = error.hint().map(str::to_owned);
        problem.sqlstate = code;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            problem.retry_after = Some(Duration::from_secs(2));
        }
        // That the database is away, or was not migrated, is logged once for many requests.
        let is_told = title == AWAY || error.code().is_some_and(|code| advice(code).is_some());
        if status.is_server_error() && !is_told {
            match error.code() {
                // Without the text of the database, which may have ids and values of rows.
                Some(sqlstate) => tracing::warn!(sqlstate, "a request failed"),
                None => {
                    let source = error.source().map(ToString::to_string);
                    tracing::warn!(error = %error, source, "a request failed");
                }
            }
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: "about:blank",
            title: &self.title,
            status: self.status.as_u16(),
            detail: self.detail.as_deref(),
            hint: self.hint.as_deref(),
            sqlstate: self.sqlstate.as_deref(),
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"runmeta\""),
            );
        }
        if let Some(after) = self.retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(after.as_secs().max(1)),
            );
        }
        // Routes with another form of errors make theirs of it.
        response.extensions_mut().insert(self);
        response
    }
}
