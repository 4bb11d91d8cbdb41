//! The attempts at a run: whether start, set_status and finish change it.
//!
//! What a call decides depends on this state alone and not on how it was read, so that the server, which decides for one
//! run or for a whole batch, and the in-memory server of the client's users decide by the same lines.

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// The number of its newest attempt, from 1.
    pub number: i32,
    /// Its status.
    pub status: &'a str,
    /// True if the attempt finished.
    pub finished: bool,
}

/// Why a call does not fit the attempts at a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The attempt finished.
    Finished,
    /// The call is of an older attempt than the run's: a stale worker must stop.
    Stale,
    /// The call is of an attempt that has not begun.
    NotBegun,
}

impl Attempt<'_> {
    /// Decides a start of a run that exists: returns the number of the attempt that begins, or `None` if the run stays as
    /// it is.
    ///
    /// # Errors
    ///
    /// - [`Conflict::Finished`] if the attempt finished and no number is given.
    /// - [`Conflict::Stale`] if the number is that of an older attempt.
    pub fn on_start(&self, wanted: Option<i32>) -> Result<Option<i32>, Conflict> {
        match wanted {
            None if self.finished => Err(Conflict::Finished),
            Some(wanted) if wanted < self.number => Err(Conflict::Stale),
            wanted => Ok(wanted.filter(|wanted| *wanted > self.number)),
        }
    }

    /// Checks that the run is at this attempt, if one is given: a late worker must not end or change a newer one.
    ///
    /// # Errors
    ///
    /// [`Conflict::Stale`], or [`Conflict::NotBegun`].
    pub fn check_number(&self, expected: Option<i32>) -> Result<(), Conflict> {
        match expected {
            Some(expected) if expected < self.number => Err(Conflict::Stale),
            Some(expected) if expected > self.number => Err(Conflict::NotBegun),
            _ => Ok(()),
        }
    }

    /// Decides a finish: returns whether it changes the run.
    ///
    /// # Errors
    ///
    /// [`Conflict::Finished`] if the attempt finished with another status.
    pub fn on_finish(&self, status: &str) -> Result<bool, Conflict> {
        match self.finished {
            false => Ok(true),
            true if self.status == status => Ok(false),
            true => Err(Conflict::Finished),
        }
    }

    /// Decides a change of the status: returns whether it changes the run.
    ///
    /// # Errors
    ///
    /// [`Conflict::Finished`].
    pub fn on_set_status(&self, status: &str) -> Result<bool, Conflict> {
        match self.finished {
            false => Ok(self.status != status),
            true => Err(Conflict::Finished),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Attempt<'static> = Attempt {
        number: 2,
        status: "running",
        finished: false,
    };
    const FINISHED: Attempt<'static> = Attempt {
        status: "failed",
        finished: true,
        ..SECOND
    };

    #[test]
    fn a_start_finds_the_attempt_or_begins_a_newer_one() {
        assert_eq!(SECOND.on_start(None), Ok(None));
        assert_eq!(SECOND.on_start(Some(1)), Err(Conflict::Stale));
        assert_eq!(SECOND.on_start(Some(2)), Ok(None));
        assert_eq!(SECOND.on_start(Some(3)), Ok(Some(3)));
        assert_eq!(FINISHED.on_start(None), Err(Conflict::Finished));
        assert_eq!(FINISHED.on_start(Some(1)), Err(Conflict::Stale));
        assert_eq!(FINISHED.on_start(Some(2)), Ok(None));
        assert_eq!(FINISHED.on_start(Some(3)), Ok(Some(3)));
    }

    #[test]
    fn an_attempt_finishes_once() {
        assert_eq!(SECOND.on_finish("failed"), Ok(true));
        assert_eq!(FINISHED.on_finish("failed"), Ok(false));
        assert_eq!(FINISHED.on_finish("completed"), Err(Conflict::Finished));
    }

    #[test]
    fn a_status_changes_until_the_attempt_finishes() {
        assert_eq!(SECOND.on_set_status("paused"), Ok(true));
        assert_eq!(SECOND.on_set_status("running"), Ok(false));
        assert_eq!(FINISHED.on_set_status("failed"), Err(Conflict::Finished));
    }

    #[test]
    fn only_the_newest_attempt_may_change_the_run() {
        assert_eq!(SECOND.check_number(None), Ok(()));
        assert_eq!(SECOND.check_number(Some(1)), Err(Conflict::Stale));
        assert_eq!(SECOND.check_number(Some(2)), Ok(()));
        assert_eq!(SECOND.check_number(Some(3)), Err(Conflict::NotBegun));
    }
}
