//! Floors: ids up to which no list of a run is left.
//!
//! Lists that were taken out stay in the table and its index until vacuum removes them, which it cannot do while a
//! transaction is open that might still see them. Every fold and every read of the run would walk over all of them: with
//! 270,000 that takes half a second. So the worker notes how far it has folded a run, and whoever looks for its lists
//! begins behind that.
//!
//! *What a floor says.* No row of the run has an id up to the floor, for every snapshot that sees the transaction which is
//! noted with it: the worker's, which has taken out all that was left. Others look at the whole index.
//!
//! *Why it is true.* An id is drawn by a statement that has locked the inbox (`RowExclusiveLock`), and the lock is kept
//! until the transaction ends. So once all transactions have ended that held the lock when the last id drawn was s, each
//! row with an id up to s is there for a new snapshot or never will be (`worker/horizon.rs`). A fold with such a
//! snapshot takes them all.
//!
//! Floors are kept in shared memory only: in a table they would be copied by a dump or a replica, for which they are
//! wrong.

use crate::owner::inbox_file;
use crate::process;
use crate::shared::Segment;

use super::waiting::{index, segment};

/// Runs that have a floor at a time: 140 kB.
const FLOORS: usize = 256;
/// A run that was folded more recently than this keeps its place from others, in microseconds. A guess.
const KEPT: i64 = 10_000_000;
/// Below every id.
const NONE: i64 = i64::MIN;

/// The floors of a database. Zero everywhere is none.
#[repr(C)]
pub struct Floors {
    /// The file of the table of which the ids are: truncating it begins a new one.
    file: u32,
    floors: [Floor; FLOORS],
}

#[repr(C)]
struct Floor {
    root: Id,
    run: Id,
    /// 0 if there is none.
    transaction: u32,
    id: i64,
    at: i64,
}

/// An id, which has at most 255 bytes.
#[repr(C)]
struct Id {
    length: u8,
    bytes: [u8; 255],
}

/// Returns the id behind which a statement that begins now and takes a snapshot of its own, as one that writes does, finds
/// all lists of a run.
pub fn floor(root: &str, run: &str) -> i64 {
    // A new snapshot sees what was committed before the floor was noted.
    known(root, run, |transaction| {
        !process::has_one_snapshot() || process::is_in_snapshot(transaction)
    })
}

/// Returns the id behind which the snapshot that is active, and any later one, shows all lists of a run.
pub fn floor_for_reader(root: &str, run: &str) -> i64 {
    known(root, run, process::is_in_snapshot)
}

fn known(root: &str, run: &str, counts: impl Fn(u32) -> bool) -> i64 {
    let find = |segment: &Segment| segment.with_floors(|floors| floors.get(root, run));
    match segment().and_then(find) {
        Some((file, id, transaction)) if counts(transaction) && inbox_file() == Some(file) => id,
        _ => NONE,
    }
}

/// Notes that a transaction that has committed left no row of these runs with an id up to this one.
pub fn raise(file: u32, id: i64, transaction: u32, runs: &[(String, String)]) {
    let Some(segment) = segment().filter(|_| id > 0 && transaction != 0 && !runs.is_empty()) else {
        return;
    };
    let now = process::now();
    segment.with_floors(|floors| {
        if floors.file != file {
            floors.forget();
            floors.file = file;
        }
        for (root, run) in runs {
            floors.raise(root, run, id, transaction, now);
        }
    });
}

/// Forgets all floors: ids begin anew.
pub fn forget_all() {
    if let Some(segment) = segment() {
        segment.with_floors(Floors::forget);
    }
}

impl Floors {
    fn forget(&mut self) {
        self.floors
            .iter_mut()
            .for_each(|floor| floor.transaction = 0);
    }

    /// Returns the file, the id and the transaction.
    fn get(&self, root: &str, run: &str) -> Option<(u32, i64, u32)> {
        let floor = &self.floors[index(run) % FLOORS];
        let known = floor.transaction != 0 && floor.is_of(root, run);
        known.then_some((self.file, floor.id, floor.transaction))
    }

    fn raise(&mut self, root: &str, run: &str, id: i64, transaction: u32, now: i64) {
        let floor = &mut self.floors[index(run) % FLOORS];
        if floor.transaction != 0 && floor.is_of(root, run) {
            floor.at = now;
            if id <= floor.id {
                return;
            }
        } else if floor.transaction != 0 && now.saturating_sub(floor.at) < KEPT {
            return;
        } else {
            floor.transaction = 0;
            if !floor.root.set(root) || !floor.run.set(run) {
                return;
            }
            floor.at = now;
        }
        (floor.id, floor.transaction) = (id, transaction);
    }
}

impl Floor {
    fn is_of(&self, root: &str, run: &str) -> bool {
        self.run.get() == run.as_bytes() && self.root.get() == root.as_bytes()
    }
}

impl Id {
    fn get(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Returns false if the text is too long for an id.
    fn set(&mut self, text: &str) -> bool {
        let Ok(length) = u8::try_from(text.len()) else {
            return false;
        };
        self.length = length;
        self.bytes[..text.len()].copy_from_slice(text.as_bytes());
        true
    }
}
