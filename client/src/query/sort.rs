//! How a list of runs is sorted.

use std::fmt;

/// What a list is sorted by, and then by the id in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    by: By,
    descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Created,
    Updated,
    Finished,
    Id,
    Task,
    Status,
    Duration,
}

/// The type of what is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Time,
    Text,
    Number,
}

impl By {
    const ALL: [(By, &'static str); 7] = [
        (By::Created, "created"),
        (By::Updated, "updated"),
        (By::Finished, "finished"),
        (By::Id, "id"),
        (By::Task, "task"),
        (By::Status, "status"),
        (By::Duration, "duration"),
    ];

    /// Returns what stands for it in the statement.
    fn key(self) -> &'static str {
        match self {
            By::Created => "r.created_at",
            By::Updated => "r.updated_at",
            By::Finished => include_str!("../wire/sql/sort_finished.sql"),
            By::Id => "r.id",
            By::Task => include_str!("../wire/sql/sort_task.sql"),
            By::Status => "r.status",
            By::Duration => include_str!("../wire/sql/sort_duration.sql"),
        }
    }
}

impl Sort {
    /// Parses `created`, `updated`, `finished`, `id`, `task`, `status` or `duration`, with a minus in front for the reverse. Runs that
    /// have not finished come behind all others by `finished`, and before them by `duration`.
    pub fn parse(text: &str) -> Option<Sort> {
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let found = By::ALL.into_iter().find(|(_, other)| *other == name);
        found.map(|(by, _)| Sort { by, descending })
    }

    pub(crate) fn kind(self) -> Kind {
        match self.by {
            By::Created | By::Updated | By::Finished => Kind::Time,
            By::Id | By::Task | By::Status => Kind::Text,
            By::Duration => Kind::Number,
        }
    }

    /// Fills in a statement.
    pub(crate) fn statement(self, statement: &str) -> String {
        let value = match self.kind() {
            Kind::Time => "$9::pg_catalog.timestamptz",
            Kind::Text => "$10::pg_catalog.text",
            Kind::Number => "$11::pg_catalog.float8",
        };
        let (before, direction) = match self.descending {
            true => ("<", "DESC"),
            false => (">", "ASC"),
        };
        statement
            .replace("{key}", self.by.key().trim())
            .replace("{value}", value)
            .replace("{before}", before)
            .replace("{direction}", direction)
    }
}

impl Default for Sort {
    /// The newest first.
    fn default() -> Sort {
        Sort {
            by: By::Created,
            descending: true,
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.descending {
            f.write_str("-")?;
        }
        let name = By::ALL.into_iter().find(|(by, _)| *by == self.by);
        f.write_str(name.map_or("", |(_, name)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_are_read_as_they_are_written() {
        for (_, name) in By::ALL {
            for text in [name.to_owned(), format!("-{name}")] {
                assert_eq!(Sort::parse(&text).unwrap().to_string(), text);
            }
        }
        for bad in ["", "-", "--id", "created_at", "id "] {
            assert_eq!(Sort::parse(bad), None);
        }
        assert_eq!(Sort::default().to_string(), "-created");
    }
}
