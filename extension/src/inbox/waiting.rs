//! How much waits for a run, as far as that is known without a look at the table.

use std::cell::RefCell;
use std::collections::HashMap;

thread_local! {
    static WAITING: RefCell<HashMap<(String, String), (usize, usize)>> = RefCell::default();
}

/// Returns false if surely nothing waits for a run.
pub fn waits(_root: &str, _id: &str) -> bool {
    true
}

/// Returns false if surely nothing waits for a run as a reader with the current snapshot sees it.
pub fn waits_for_reader(_root: &str, _id: &str) -> bool {
    true
}

/// Returns how many lists wait for a run, and their bytes.
pub fn now(root: &str, id: &str) -> (usize, usize) {
    let key = (root.to_owned(), id.to_owned());
    WAITING.with_borrow(|waiting| waiting.get(&key).copied().unwrap_or_default())
}

/// Notes that lists are about to be queued.
pub fn add(root: &str, id: &str, lists: usize, bytes: usize) {
    WAITING.with_borrow_mut(|waiting| {
        let counts = waiting.entry((root.to_owned(), id.to_owned())).or_default();
        *counts = (counts.0 + lists, counts.1 + bytes);
    });
}

/// Notes that lists were taken out, which takes effect when the transaction commits.
pub fn folded(root: &str, id: &str, lists: usize, bytes: usize) {
    WAITING.with_borrow_mut(|waiting| {
        let counts = waiting.entry((root.to_owned(), id.to_owned())).or_default();
        *counts = (
            counts.0.saturating_sub(lists),
            counts.1.saturating_sub(bytes),
        );
    });
}
