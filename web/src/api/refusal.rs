//! What the database says of a batch, in the words of the route that made the batch.

use axum::http::StatusCode;
use runmeta_client::{Error, Sent};

use super::shape::Shape;
use crate::Problem;

/// Makes the problem of a part that was refused.
pub(crate) fn of_part(part: &Sent, refusal: &Error) -> Problem {
    let problem = Problem::from(refusal.clone());
    let reason = part.unapplied.first().map(|(_, reason)| reason.as_str());
    match reason {
        // As SQL: nothing is wrong with the request but its time.
        Some("attempt_not_begun") => {
            let mut problem = problem.title("the run is in another state");
            problem.status = StatusCode::CONFLICT;
            problem
                .detail(format!("the attempt at run {:?} has not begun", part.run))
                .hint("Begin it first, with POST /v1/runs and this attempt.")
                .sqlstate("55000")
        }
        Some("final_status") if part.part == "start" => problem.hint(
            "A run starts with a status of one that goes on. End it with POST /v1/runs/:id/finish.",
        ),
        Some("final_status") => problem.hint("End it with POST /v1/runs/:id/finish."),
        Some("unfinished_status") => problem
            .hint("Finish it with another status, or set this one with POST /v1/runs/:id/status."),
        _ => problem,
    }
}

/// Names the place in the body of a route that takes one run, where the database names the place in the batch: `At [0].start.tags:
/// there is no array.` is `tags: there is no array`.
pub(super) fn of_body<T: Shape>(problem: Problem) -> Problem {
    let detail = problem.detail.as_deref().unwrap_or_default();
    let Some((_, rest)) = detail.split_once("At [0]") else {
        return problem;
    };
    let Some((place, what)) = rest.split_once(": ") else {
        return problem;
    };
    let parts = [".start", ".finish", ".status", ""];
    let inner = parts.iter().find_map(|part| {
        let inner = place.strip_prefix(part)?;
        inner.strip_prefix('.')
    });
    let place = match inner {
        Some("run") => "id",
        Some(inner) => inner,
        None => "the body",
    };
    let detail = format!("{place}: {}", what.trim_end_matches('.'));
    let hint = format!("The body is {}.", T::SHAPE);
    problem.detail(detail).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;

    impl Shape for One {
        const SHAPE: &'static str = "an object with id";
    }

    #[test]
    fn places_are_those_of_the_body() {
        let said = |detail: &str| {
            let problem = Problem::invalid(format!("batch is malformed: {detail}"));
            let problem = of_body::<One>(problem);
            assert_eq!(
                problem.hint.as_deref(),
                Some("The body is an object with id.")
            );
            problem.detail.unwrap_or_default()
        };
        for (batch, body) in [
            ("At [0].run: there is no text.", "id: there is no text"),
            (
                "At [0].start.tags[1]: there is no text.",
                "tags[1]: there is no text",
            ),
            (
                "At [0].status.status: there is no text.",
                "status: there is no text",
            ),
            (
                "At [0].status: there is no text.",
                "status: there is no text",
            ),
            (
                "At [0].operations: there is no array.",
                "operations: there is no array",
            ),
            ("At [0]: it is empty.", "the body: it is empty"),
        ] {
            assert_eq!(said(batch), body);
        }
        let other = of_body::<One>(Problem::invalid("the key is empty"));
        assert_eq!(other.detail.as_deref(), Some("the key is empty"));
    }
}
