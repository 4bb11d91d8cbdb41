//! What a token may do: `action:type[:id]`. The id may contain colons.

use runmeta_client::Snapshot;

/// What is done to runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Read,
    Write,
}

/// One scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    read: bool,
    write: bool,
    what: What,
    /// None for all of the type.
    id: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Runs,
    Tags,
    Tasks,
    Tree,
    Batch,
    All,
}

impl Scope {
    /// Parses a scope. One of another kind, of Trigger.dev's waitpoints for instance, is none here.
    pub(crate) fn parse(text: &str) -> Option<Scope> {
        if text == "admin" {
            return Some(Scope {
                read: true,
                write: true,
                what: What::All,
                id: None,
            });
        }
        let (action, rest) = text.split_once(':')?;
        let (read, write) = match action {
            "read" => (true, false),
            "write" => (false, true),
            "*" => (true, true),
            _ => return None,
        };
        let (what, id) = match rest.split_once(':') {
            Some((what, id)) => (what, Some(id.into())),
            None => (rest, None),
        };
        let what = match what {
            "runs" => What::Runs,
            "tags" => What::Tags,
            "tasks" => What::Tasks,
            "tree" => What::Tree,
            "batch" => What::Batch,
            "all" => What::All,
            _ => return None,
        };
        // An empty id is a mistake of its author and must not mean all of them, nor may "all" of something.
        if id.as_deref() == Some("") || (what == What::All && id.is_some()) {
            return None;
        }
        Some(Scope {
            read,
            write,
            what,
            id,
        })
    }

    fn includes(&self, action: Action) -> bool {
        match action {
            Action::Read => self.read,
            Action::Write => self.write,
        }
    }

    fn is(&self, what: What, id: &str) -> bool {
        self.what == What::All
            || self.what == what && self.id.as_deref().is_none_or(|own| own == id)
    }

    /// Returns true for the run of this id, whatever else it is.
    pub(crate) fn has_id(&self, action: Action, id: &str) -> bool {
        self.includes(action) && self.is(What::Runs, id)
    }

    /// Returns true for this run, by its id, tags, task or root.
    pub(crate) fn has_run(&self, action: Action, run: &Snapshot) -> bool {
        self.includes(action)
            && (self.is(What::Runs, run.id())
                || self.is(What::Tree, run.root_id())
                || run.task().is_some_and(|task| self.is(What::Tasks, task))
                || run
                    .tags()
                    .iter()
                    .any(|tag| self.is(What::Tags, tag) || self.is(What::Batch, tag)))
    }

    /// Returns true for all runs with this tag.
    pub(crate) fn has_tag(&self, action: Action, tag: &str) -> bool {
        self.includes(action)
            && (self.is(What::Tags, tag) || self.is(What::Batch, tag) || self.is_all_runs())
    }

    /// Returns true for all runs of this task.
    pub(crate) fn has_task(&self, action: Action, task: &str) -> bool {
        self.includes(action) && (self.is(What::Tasks, task) || self.is_all_runs())
    }

    /// Returns true for all runs of this root.
    pub(crate) fn has_tree(&self, action: Action, root: &str) -> bool {
        self.includes(action) && (self.is(What::Tree, root) || self.is_all_runs())
    }

    /// Returns true for all runs there are.
    pub(crate) fn has_all(&self, action: Action) -> bool {
        self.includes(action) && self.is_all_runs()
    }

    fn is_all_runs(&self) -> bool {
        self.what == What::All || self.what == What::Runs && self.id.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_that_are_none_allow_nothing() {
        for text in [
            "",
            "read",
            "read:",
            "runs",
            "runs:a",
            "read:runs:",
            "read:all:a",
            "read:waitpoints",
            "Read:runs",
            "read :runs",
            "readwrite:runs",
            "**:runs",
            "read:run:a",
            "administrator",
            "trigger:tasks:a",
        ] {
            assert_eq!(Scope::parse(text), None, "{text}");
        }
    }

    #[test]
    fn id_may_have_colons() {
        let scope = Scope::parse("read:runs:a:b:").unwrap();
        assert!(scope.has_id(Action::Read, "a:b:"));
        for id in ["a", "a:b", "", "A:b:"] {
            assert!(!scope.has_id(Action::Read, id), "{id}");
        }
        assert!(!scope.has_id(Action::Write, "a:b:"));
    }

    #[test]
    fn all_of_a_type_is_not_all_of_another() {
        let all = |text: &str| Scope::parse(text).unwrap().has_all(Action::Read);
        assert!(all("read:runs") && all("read:all") && all("*:all") && all("admin"));
        assert!(!all("read:tags") && !all("read:tasks") && !all("read:tree") && !all("write:all"));
    }
}
