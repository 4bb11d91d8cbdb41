//! Runs that a batch cannot store because of a contract.
//!
//! An error of the trigger would end the batch. So while a batch runs that can be taken back, the trigger lets documents pass
//! that do not fit and takes note of their runs; then the batch is taken back, and done again without what was for these.

use std::cell::RefCell;

use crate::refusal::ContractRefusal;

thread_local! {
    /// What was noted; `None` where documents that do not fit are errors.
    static NOTED: RefCell<Option<Vec<Refused>>> = const { RefCell::new(None) };
    /// The detail of the last such error.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A run whose document does not fit.
#[derive(Clone)]
pub struct Refused {
    /// The first run of its tree.
    pub root: String,
    /// Its id.
    pub run: String,
    /// Whether it was to be made.
    pub is_new: bool,
    /// Its task.
    pub task: String,
    /// What does not fit.
    pub detail: String,
}

/// The time in which runs are noted. Ends when it is dropped, by an error too.
pub struct Noting {
    outer: Option<Vec<Refused>>,
}

impl Noting {
    /// Begins.
    pub fn begin() -> Noting {
        Noting {
            outer: NOTED.replace(Some(Vec::new())),
        }
    }

    /// Returns what was noted.
    pub fn take(&self) -> Vec<Refused> {
        NOTED.with_borrow_mut(|noted| noted.as_mut().map(std::mem::take).unwrap_or_default())
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        NOTED.replace(self.outer.take());
    }
}

impl Refused {
    /// Returns the error that it is where it ends the statement.
    pub fn into_refusal(self) -> ContractRefusal {
        ContractRefusal::DoesNotFit {
            run: self.run,
            task: self.task,
            detail: self.detail,
        }
    }
}

/// Notes a run whose document does not fit.
///
/// # Errors
///
/// [`ContractRefusal::DoesNotFit`] where that ends the statement.
pub fn refuse(refused: Refused) -> Result<(), ContractRefusal> {
    let refused = NOTED.with_borrow_mut(|noted| match noted {
        Some(noted) => {
            noted.push(refused);
            None
        }
        None => Some(refused),
    });
    match refused {
        None => Ok(()),
        Some(refused) => {
            LAST.set(Some(refused.detail.clone()));
            Err(refused.into_refusal())
        }
    }
}

/// Returns the detail of the last error of a contract, once.
pub fn take_last() -> Option<String> {
    LAST.take()
}
