//! What the sessions of one database share: the outbox, the counters of the inbox, and the worker's last failure.

#![allow(unsafe_code)]

use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};

use pgrx::pg_sys;

use super::lock::Lock;
use super::root::{Database, tranche};
use crate::history::Due;
use crate::inbox::floor::Floors;
use crate::inbox::waiting::Counters;
use crate::outbox::Ring;

/// Bytes of the text of a failure that are kept.
const FAILURE: usize = 400;

thread_local! {
    static ATTACHED: Cell<Option<(u32, &'static Segment)>> = const { Cell::new(None) };
}

/// The segment of a database. Zero everywhere is its beginning.
#[repr(C)]
pub struct Segment {
    database: pg_sys::Oid,
    lock: Lock,
    counting: AtomicBool,
    ready: AtomicBool,
    /// The worker has taken something out of the outbox that it has not announced yet.
    in_hand: AtomicBool,
    guarded: UnsafeCell<Guarded>,
    floors_lock: Lock,
    floors: UnsafeCell<Floors>,
    /// How much waits in the inbox.
    pub counters: Counters,
    /// When tracked numbers were looked at.
    pub due: Due,
}

/// What `lock` guards.
#[repr(C)]
struct Guarded {
    failure: [u8; FAILURE],
    failure_bytes: usize,
    failed_at: pg_sys::TimestampTz,
    ring: Ring,
}

// SAFETY: what is not atomic is behind a lock.
unsafe impl Sync for Segment {}

/// What went wrong last in the worker.
pub struct Failure {
    /// The message.
    pub message: String,
    /// When.
    pub at: pg_sys::TimestampTz,
}

/// Returns the segment of the database, once its worker has made it.
pub fn attached(database: &Database) -> Option<&'static Segment> {
    let handle = database.segment();
    if let Some((known, segment)) = ATTACHED.get()
        && known == handle
    {
        return Some(segment);
    }
    if handle == 0 {
        return None;
    }
    // SAFETY: the handle is that of a segment which its maker has pinned, so it is there until the server ends. The mapping
    // is pinned too, so the reference holds until this process ends.
    let segment = unsafe {
        let mut mapped = pg_sys::dsm_find_mapping(handle);
        if mapped.is_null() {
            mapped = pg_sys::dsm_attach(handle);
            if mapped.is_null() {
                return None;
            }
            pg_sys::dsm_pin_mapping(mapped);
        }
        &*pg_sys::dsm_segment_address(mapped).cast::<Segment>()
    };
    // SAFETY: a global of the backend.
    if segment.database != unsafe { pg_sys::MyDatabaseId } {
        return None;
    }
    ATTACHED.set(Some((handle, segment)));
    Some(segment)
}

/// Makes the segment of the database. Called by its worker, of which there is one.
pub fn create(database: &Database) -> Option<&'static Segment> {
    let tranche = tranche()?;
    // SAFETY: the segment has the size of what is put there, begins on a page, and is pinned: it outlives the process.
    let handle = unsafe {
        let mapped = pg_sys::dsm_create(size_of::<Segment>(), 0);
        let segment: *mut Segment = pg_sys::dsm_segment_address(mapped).cast();
        std::ptr::write_bytes(segment, 0, 1);
        (*segment).database = pg_sys::MyDatabaseId;
        (*segment).lock.initialize(tranche);
        (*segment).floors_lock.initialize(tranche);
        pg_sys::dsm_pin_mapping(mapped);
        pg_sys::dsm_pin_segment(mapped);
        pg_sys::dsm_segment_handle(mapped)
    };
    database.set_segment(handle);
    attached(database)
}

impl Segment {
    /// Returns true once lists are to be counted, though those that came before are not.
    pub fn is_counting(&self) -> bool {
        self.counting.load(Acquire)
    }

    /// Notes that lists are to be counted from now on.
    pub fn set_counting(&self) {
        self.counting.store(true, Release);
    }

    /// Returns true once the counters are complete.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Acquire)
    }

    /// Notes that the counters are complete.
    pub fn set_ready(&self) {
        self.ready.store(true, Release);
    }

    /// Puts entries into the outbox.
    pub fn push(&self, entries: &[u8]) {
        self.with(|guarded| guarded.ring.push(entries));
    }

    /// Makes everything that is to be announced one request to read all again, and to look through the inbox.
    pub fn lose(&self) {
        self.with(|guarded| guarded.ring.lose());
    }

    /// Takes all entries out of the outbox. True if some were lost.
    pub fn drain(&self) -> (Vec<u8>, bool) {
        // Allocated before the lock is held.
        let mut entries = Vec::with_capacity(self.with(|guarded| guarded.ring.len()) + 4096);
        let lost = self.with(|guarded| guarded.ring.drain(&mut entries));
        (entries, lost)
    }

    /// Returns the bytes of entries in the outbox.
    pub fn unannounced(&self) -> usize {
        self.with(|guarded| guarded.ring.len())
    }

    /// Notes whether the worker has something in hand that is not announced yet.
    pub fn set_in_hand(&self, in_hand: bool) {
        self.in_hand.store(in_hand, Release);
    }

    /// Returns true if a worker has ended with something in hand.
    pub fn is_in_hand(&self) -> bool {
        self.in_hand.load(Acquire)
    }

    /// Looks at the floors of runs, or sets some.
    pub fn with_floors<T>(&self, use_them: impl FnOnce(&mut Floors) -> T) -> T {
        let _held = self.floors_lock.hold();
        // SAFETY: the lock is held, and no closure that is given here comes back.
        use_them(unsafe { &mut *self.floors.get() })
    }

    /// Keeps what went wrong in the worker.
    pub fn set_failure(&self, message: &str) {
        let mut bytes = message.len().min(FAILURE);
        while !message.is_char_boundary(bytes) {
            bytes -= 1;
        }
        // SAFETY: no more than the clock.
        let now = unsafe { pg_sys::GetCurrentTimestamp() };
        self.with(|guarded| {
            guarded.failure[..bytes].copy_from_slice(&message.as_bytes()[..bytes]);
            guarded.failure_bytes = bytes;
            guarded.failed_at = now;
        });
    }

    /// Returns what went wrong last in the worker.
    pub fn failure(&self) -> Option<Failure> {
        let (message, at) = self.with(|guarded| {
            let bytes = guarded.failure_bytes.min(FAILURE);
            (guarded.failure[..bytes].to_vec(), guarded.failed_at)
        });
        (at != 0).then(|| Failure {
            message: String::from_utf8_lossy(&message).into_owned(),
            at,
        })
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Guarded) -> T) -> T {
        let _held = self.lock.hold();
        // SAFETY: the lock is held, and `use_it` cannot come back here: no closure above does.
        use_it(unsafe { &mut *self.guarded.get() })
    }
}
