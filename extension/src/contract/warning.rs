//! Warnings about documents that do not fit. A session warns once for each task and rule of its schema: a job that writes ten
//! times a second does not flood the log.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::violation::Violations;
use crate::refusal::{ContractRefusal, Refusal};

thread_local! {
    /// Hashes of the tasks and rules that this session has warned of.
    static WARNED: RefCell<HashSet<u64>> = RefCell::new(HashSet::new());
}

/// Rules that a session remembers, in 32 kB. When there are more, it forgets all.
const REMEMBERED: usize = 2048;

/// Warns of what does not fit, unless all of it was warned of before.
pub fn warn(run: &str, task: &str, violations: &Violations) {
    let is_new = WARNED.with_borrow_mut(|warned| {
        if warned.len() >= REMEMBERED {
            warned.clear();
        }
        let rules = violations.first.iter().map(|violation| {
            let mut hasher = DefaultHasher::new();
            (task, &violation.keyword).hash(&mut hasher);
            hasher.finish()
        });
        // All are remembered, and not only up to the first that is new.
        rules.filter(|rule| warned.insert(*rule)).count() > 0
    });
    if is_new {
        let refusal = ContractRefusal::DoesNotFit {
            run: run.to_owned(),
            task: task.to_owned(),
            detail: violations.detail(),
        };
        ErrorReport::from(Refusal::from(refusal)).report(PgLogLevel::WARNING);
    }
}
