//! What readers of one topic share: the newest edition of each run.
//!
//! Where the budget has no room for that, and in rooms that are past a number of them, each reader has its own, and gets states whole.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runmeta_client::{Snapshot, Watch};

use super::Edition;
use crate::budget::Budget;

/// Runs of which a room keeps the newest edition. A guess: of a larger set, those that changed last change next, and a run that
/// was forgotten is sent whole.
const MOST_RUNS: usize = 1_000;

/// One is made by [`Rooms`](super::Rooms) for each topic that is watched.
#[derive(Debug)]
pub(super) struct Room {
    is_of_one_run: bool,
    /// What its readers watch.
    watch: Watch,
    /// False if it keeps nothing.
    keeps: bool,
    budget: Budget,
    numbers: AtomicU64,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    by_run: HashMap<Arc<str>, Arc<Place>>,
    /// The same runs, in the order in which they came.
    order: VecDeque<Arc<str>>,
}

/// The newest edition of a run. It is locked while the next one is made: others who want that one wait, and readers of other runs
/// do not.
type Place = Mutex<Option<Arc<Edition>>>;

impl Room {
    pub(super) fn new(is_of_one_run: bool, watch: Watch, keeps: bool, budget: Budget) -> Room {
        Room {
            is_of_one_run,
            watch,
            keeps,
            budget,
            numbers: AtomicU64::new(1),
            places: Mutex::default(),
        }
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(super) fn keeps(&self) -> bool {
        self.keeps
    }

    /// Returns the edition of a state, and makes it if this reader is the first to have it.
    pub(super) fn edition(&self, snapshot: &Snapshot) -> Arc<Edition> {
        let has_id = self.is_of_one_run;
        if !self.keeps {
            let number = self.numbers.fetch_add(1, Relaxed);
            return Arc::new(Edition::passing(number, snapshot, has_id, &self.budget));
        }
        let place = self.place(snapshot.id());
        let mut newest = lock(&place);
        if let Some(edition) = &*newest
            && edition.snapshot().is_same(snapshot)
        {
            return edition.clone();
        }
        let number = self.numbers.fetch_add(1, Relaxed);
        let before = newest.as_deref();
        let edition = Edition::new(number, snapshot, before, has_id, &self.budget);
        let edition = Arc::new(edition);
        *newest = edition.may_be_kept().then(|| edition.clone());
        edition
    }

    fn place(&self, run: &str) -> Arc<Place> {
        let mut places = lock(&self.places);
        if let Some(place) = places.by_run.get(run) {
            return place.clone();
        }
        if places.order.len() >= MOST_RUNS
            && let Some(first) = places.order.pop_front()
        {
            places.by_run.remove(&first);
        }
        let (run, place) = (Arc::<str>::from(run), Arc::<Place>::default());
        places.order.push_back(run.clone());
        places.by_run.insert(run, place.clone());
        place
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
