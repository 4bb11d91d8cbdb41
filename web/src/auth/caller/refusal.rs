//! What a token that is refused is told: the scopes with which it would not be. They are named after the request alone, so that the
//! answer is the same whether a run exists or not.

use super::{Caller, Set};
use crate::Problem;
use crate::auth::scope::{Action, Scope};

/// Scopes of the token that are shown. Who misspelt one misspelt all of them.
const MOST_SHOWN: usize = 3;

/// Characters of a scope that are shown.
const MOST_CHARACTERS: usize = 300;

impl Caller {
    /// Returns the 403 of a token with what it needs.
    pub(crate) fn refused(&self, needs: &str) -> Problem {
        let problem = Problem::forbidden().hint(format!("It needs {needs}."));
        if self.token.as_ref().is_some_and(|token| !token.has_scopes) {
            return problem.detail("the token has no claim scopes");
        }
        let texts = self.token.iter().flat_map(|token| &token.texts);
        // They may be for the service of Trigger.dev, whose packages sign tokens for both: so the token itself is not refused.
        let unknown: Vec<_> = texts
            .filter(|text| Scope::parse(text).is_none())
            .map(|text| {
                format!(
                    "{:?}",
                    text.chars().take(MOST_CHARACTERS).collect::<String>()
                )
            })
            .take(MOST_SHOWN)
            .collect();
        match unknown.is_empty() {
            true => problem,
            false => problem.detail(format!(
                "the scopes of the token do not include this; without effect, as the gateway does not know them: {}",
                unknown.join(", ")
            )),
        }
    }

    /// Returns the 403 of a token that may not read the run of this id, or would not if there were one.
    pub(crate) fn may_not_read(&self, id: &str) -> Problem {
        self.refused(&of_run(Action::Read, id))
    }
}

/// Returns the scopes that include a run.
pub(super) fn of_run(action: Action, id: &str) -> String {
    let verb = verb(action);
    format!(
        "the scope {verb}:runs:{id}, or {verb}:tags:TAG, {verb}:tasks:TASK or {verb}:tree:ROOT with a tag, the task or the root of the run"
    )
}

/// Returns the scopes that include a run whatever else it is.
pub(super) fn of_id(action: Action, id: &str) -> String {
    format!("the scope {}:runs:{id}", verb(action))
}

/// Returns the scopes that include a set of runs.
pub(super) fn of_set(set: &Set<'_>) -> String {
    match set {
        Set::Tag(tag) => format!("the scope read:tags:{tag}, or read:runs for all runs"),
        Set::Task(task) => format!("the scope read:tasks:{task}, or read:runs for all runs"),
        Set::Tree(root) => format!("the scope read:tree:{root}, or read:runs for all runs"),
        Set::All => "the scope read:runs, as the request asks for all runs".to_owned(),
    }
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Read => "read",
        Action::Write => "write",
    }
}
