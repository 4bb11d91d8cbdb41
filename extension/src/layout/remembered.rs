//! The roots of runs that this session has looked up, for batches that change the same runs again and again: of 1,000 runs the look-up
//! takes a third of a flush where Citus has distributed the tables.
//!
//! They are guesses. A run never moves to another tree, but it may be deleted and started anew in one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

thread_local! {
    static REMEMBERED: RefCell<Remembered> = RefCell::default();
}

/// Bytes of ids and roots that are kept, but for some 100 more a run. A guess: 10,000 runs of 36 bytes.
const BYTES: usize = 720_000;

#[derive(Default)]
struct Remembered {
    roots: HashMap<Box<str>, Rc<str>>,
    bytes: usize,
}

/// Keeps the root of a run. When there are too many, all others are forgotten.
pub fn remember(id: &str, root: &str) {
    REMEMBERED.with_borrow_mut(|remembered| {
        if remembered.bytes + id.len() + root.len() > BYTES {
            *remembered = Remembered::default();
        }
        match remembered.roots.insert(id.into(), root.into()) {
            Some(known) => remembered.bytes -= known.len(),
            None => remembered.bytes += id.len(),
        }
        remembered.bytes += root.len();
    });
}

/// Returns the root that a run had when it was looked up.
pub fn remembered(id: &str) -> Option<Rc<str>> {
    REMEMBERED.with_borrow(|remembered| remembered.roots.get(id).map(Rc::clone))
}
