//! What a check has found.

/// How bad it is, from the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// As it should be.
    Ok,
    /// Works, and is worth knowing.
    Note,
    /// Works, and is slower than it could be, or will not work for long.
    Warning,
    /// Does not work.
    Problem,
}

impl Severity {
    pub(crate) const ALL: [Self; 4] = [Self::Ok, Self::Note, Self::Warning, Self::Problem];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What a check has found: what is so, the facts behind it, and what to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    /// Name of the check. Programs go by it, so it stays.
    pub(crate) check: &'static str,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
}

impl Finding {
    pub(crate) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Ok, message)
    }

    pub(crate) fn note(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Note, message)
    }

    pub(crate) fn warning(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Warning, message)
    }

    pub(crate) fn problem(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Problem, message)
    }

    pub(crate) fn new(check: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            check,
            severity,
            message: message.into(),
            detail: None,
            hint: None,
        }
    }

    /// Adds the facts behind it, as sentences.
    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what to do, as sentences.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
