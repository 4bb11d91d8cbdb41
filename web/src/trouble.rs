//! What is wrong with the database as a whole: it is away, was not migrated, or refuses the gateway's user. Each is logged when the
//! first request fails of it, and then once a minute at most, however many requests do.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::Problem;

/// The title of problems while no connection can be had.
pub(crate) const AWAY: &str = "the database is away";

/// Between two lines of the same cause.
const QUIET: Duration = Duration::from_secs(60);

/// Returns what whoever runs the gateway does about an error of this SQLSTATE.
pub(crate) fn advice(sqlstate: &str) -> Option<&'static str> {
    match sqlstate {
        "42P01" | "3F000" | "42883" => Some(
            "The database has no runmeta, or an older one: run `runmeta migrate` with its URL.",
        ),
        "42501" => Some(
            "The user of the database needs the rights: GRANT runmeta_writer TO it, or runmeta_reader if it only reads.",
        ),
        "3D000" => Some("Create the database, or mend the URL that the gateway is given."),
        "28P01" | "28000" => {
            Some("Mend the user or the password in the URL that the gateway is given.")
        }
        _ => None,
    }
}

/// What was logged.
#[derive(Default)]
pub(crate) struct Troubles(Mutex<Logged>);

#[derive(Default)]
struct Logged {
    away: Option<Away>,
    /// By SQLSTATE.
    causes: HashMap<String, Instant>,
}

struct Away {
    since: Instant,
    logged: Instant,
}

/// What is to be logged now.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    IsAway,
    Cause(&'static str),
}

impl Troubles {
    /// Notes what a request failed of.
    pub(crate) fn failed(&self, problem: &Problem) {
        let line = self.lock().failed(problem, Instant::now());
        let (sqlstate, error) = (&problem.sqlstate, &problem.detail);
        match line {
            Some(Line::IsAway) => tracing::warn!(sqlstate, error, "{AWAY}"),
            Some(Line::Cause(hint)) => {
                tracing::error!(sqlstate, error, hint, "the database refuses the gateway");
            }
            None => {}
        }
    }

    /// Notes that a request was answered by the database.
    pub(crate) fn answered(&self) {
        if let Some(away) = self.lock().away.take() {
            let seconds = away.since.elapsed().as_secs();
            tracing::info!(seconds, "the database is back");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Logged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Logged {
    fn failed(&mut self, problem: &Problem, now: Instant) -> Option<Line> {
        if problem.title == AWAY {
            return self.is_away(now).then_some(Line::IsAway);
        }
        let sqlstate = problem.sqlstate.as_deref()?;
        let hint = advice(sqlstate)?;
        let is_of_database = match problem.status {
            // That of a token is one of the gateway's own.
            StatusCode::FORBIDDEN => problem.title == Problem::NO_RIGHTS,
            // The gateway's user is no member of the role of a key, which is logged when the keys are tried.
            _ => problem.title != Problem::UNUSABLE || sqlstate != "42501",
        };
        if !is_of_database {
            return None;
        }
        let logged = self.causes.get(sqlstate);
        if logged.is_some_and(|logged| now < *logged + QUIET) {
            return None;
        }
        self.causes.insert(sqlstate.to_owned(), now);
        Some(Line::Cause(hint))
    }

    fn is_away(&mut self, now: Instant) -> bool {
        match &mut self.away {
            Some(away) if now < away.logged + QUIET => false,
            Some(away) => {
                away.logged = now;
                true
            }
            None => {
                let (since, logged) = (now, now);
                self.away = Some(Away { since, logged });
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(title: &'static str, sqlstate: &str) -> Problem {
        let status = match title {
            Problem::NO_RIGHTS | "not allowed" => StatusCode::FORBIDDEN,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Problem::new(status, title).sqlstate(sqlstate)
    }

    #[test]
    fn outage_is_logged_once_a_minute() {
        let (mut logged, begun) = (Logged::default(), Instant::now());
        let lines = (0..150).filter(|seconds| {
            let now = begun + Duration::from_secs(*seconds);
            logged.failed(&problem(AWAY, "57P03"), now).is_some()
        });
        assert_eq!(lines.collect::<Vec<_>>(), [0, 60, 120]);
    }

    #[test]
    fn each_cause_is_logged_once_a_minute_with_what_to_do() {
        let (mut logged, now) = (Logged::default(), Instant::now());
        let failed = "the gateway failed";
        let hints: Vec<_> = ["42P01", "42P01", "28P01", "42P01", "XX000"]
            .map(|sqlstate| logged.failed(&problem(failed, sqlstate), now).is_some())
            .into();
        assert_eq!(hints, [true, false, true, false, false]);
        let later = now + QUIET;
        let Some(Line::Cause(hint)) = logged.failed(&problem(failed, "42P01"), later) else {
            unreachable!("nothing was logged");
        };
        assert!(hint.contains("runmeta migrate"), "{hint}");
    }

    #[test]
    fn scopes_that_a_token_lacks_are_no_trouble_of_the_database() {
        let mut logged = Logged::default();
        let mut is_logged = |title| {
            let problem = problem(title, "42501");
            logged.failed(&problem, Instant::now()).is_some()
        };
        assert!(!is_logged("not allowed"));
        assert!(!is_logged(Problem::UNUSABLE));
        assert!(is_logged(Problem::NO_RIGHTS));
    }
}
