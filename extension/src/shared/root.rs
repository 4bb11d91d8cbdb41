//! The databases of this server that have or had a worker.
//!
//! Each session keeps the address of its database's entry, so that asking whether a worker lives is reading a flag.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

use pgrx::pg_sys;
use pgrx::prelude::*;

use super::lock::Lock;

/// Databases that can have a worker. Each has a process of its own, and Postgres starts 8 of these unless told otherwise.
const DATABASES: usize = 64;
/// The form of the root and of segments. A session that has loaded a newer library than the one that allocated them must not
/// touch them: until the server restarts, it works as if there was no worker.
const LAYOUT: u32 = 5;
/// `AddinShmemInitLock`, which guards the allocation: its place in Postgres' list of locks is the same in 15 to 18.
const ALLOCATION_LOCK: usize = 21;

thread_local! {
    static ROOT: Cell<Option<&'static Root>> = const { Cell::new(None) };
    /// There was no room for the root. It will not be asked for again.
    static FAILED: Cell<bool> = const { Cell::new(false) };
    static DATABASE: Cell<Option<&'static Database>> = const { Cell::new(None) };
}

/// Bytes of the root, of the 100 kB that Postgres keeps for whoever comes late. The same whatever the layout: Postgres
/// refuses a size that differs from the one that was allocated.
const SIZE: usize = 16 * 1024;
const _: () = assert!(size_of::<Root>() <= SIZE);

#[repr(C)]
struct Root {
    /// Stays the first field, whatever comes.
    layout: u32,
    lock: Lock,
    tranche: i32,
    databases: [Database; DATABASES],
}

/// A database. Zero everywhere is an entry that is free.
#[repr(C)]
#[derive(Default)]
pub struct Database {
    oid: AtomicU32,
    segment: AtomicU32,
    worker: AtomicI32,
    latch: AtomicUsize,
    alive: AtomicBool,
    launched_at: AtomicI64,
    unserved_since: AtomicI64,
    failed_starts: AtomicU32,
    dropping: AtomicBool,
    no_slot: AtomicBool,
    prepared: AtomicBool,
    owes_resync: AtomicBool,
}

/// Returns the entry of a database, which is made if there is none. `None` where there is no room for it.
pub fn database(oid: pg_sys::Oid) -> Option<&'static Database> {
    let known = DATABASE.get();
    if known.is_some_and(|database| database.oid.load(Relaxed) == oid.to_u32()) {
        return known;
    }
    let found = root()?.claim(oid);
    DATABASE.set(found);
    found
}

/// Takes a worker out of the entry of a database in which there is nothing to do for it, and frees the entry unless sessions have
/// a segment that an earlier worker made. Called by that worker when it ends.
pub fn release(database: &Database) {
    if let Some(root) = root() {
        let _held = root.lock.hold();
        database.deregister();
        if database.segment() == 0 {
            database.free();
        }
    }
}

/// Returns the tranche of our locks.
pub(super) fn tranche() -> Option<i32> {
    Some(root()?.tranche)
}

fn root() -> Option<&'static Root> {
    if ROOT.get().is_none() && !FAILED.replace(true) {
        let root = PgTryBuilder::new(|| Some(allocate()))
            .catch_others(|_| {
                // There is no room. The error is swallowed, and with it what the end of a transaction would do: nothing
                // of ours or of the caller's statement holds a lock of this kind here.
                // SAFETY: as after any error.
                unsafe { pg_sys::LWLockReleaseAll() };
                None
            })
            .execute();
        FAILED.set(root.is_none());
        ROOT.set(root);
    }
    ROOT.get().filter(|root| root.layout == LAYOUT)
}

fn allocate() -> &'static Root {
    let mut found = false;
    // SAFETY: the lock is Postgres' own for this. What is found was zeroed and initialized by the first process, which held
    // the lock until that was done. All fields are atomic or guarded, so a shared reference serves everybody.
    unsafe {
        let guard = &raw mut (*pg_sys::MainLWLockArray.add(ALLOCATION_LOCK)).lock;
        pg_sys::LWLockAcquire(guard, pg_sys::LWLockMode::LW_EXCLUSIVE);
        let root: *mut Root = pg_sys::ShmemInitStruct(c"runmeta".as_ptr(), SIZE, &mut found).cast();
        if !found {
            std::ptr::write_bytes(root, 0, 1);
            (*root).layout = LAYOUT;
            (*root).tranche = pg_sys::LWLockNewTrancheId();
            (*root).lock.initialize((*root).tranche);
        }
        pg_sys::LWLockRelease(guard);
        if (*root).layout == LAYOUT {
            pg_sys::LWLockRegisterTranche((*root).tranche, c"runmeta".as_ptr());
        }
        &*root
    }
}

impl Root {
    fn claim(&'static self, oid: pg_sys::Oid) -> Option<&'static Database> {
        let oid = oid.to_u32();
        let find = |wanted: u32| {
            let mut all = self.databases.iter();
            all.find(|database| database.oid.load(Relaxed) == wanted)
        };
        // SAFETY: a look at the backend's own state. A worker that starts has no transaction yet.
        let can_look = unsafe { pg_sys::IsTransactionState() };
        if can_look && find(oid).is_none() && find(0).is_none() {
            self.free_dropped();
        }
        let _held = self.lock.hold();
        find(oid).or_else(|| {
            let free = find(0)?;
            free.oid.store(oid, Relaxed);
            Some(free)
        })
    }

    /// Frees the entries of databases that were dropped.
    fn free_dropped(&self) {
        for database in &self.databases {
            let oid = database.oid.load(Relaxed);
            // SAFETY: a look at the catalog, for which a call of an SQL function has a transaction.
            let dropped = unsafe { pg_sys::get_database_name(oid.into()).is_null() };
            let _held = self.lock.hold();
            if dropped && database.worker() == 0 && database.oid.load(Relaxed) == oid {
                database.free();
            }
        }
    }
}

impl Database {
    /// Makes the entry free. Nobody is connected to its database any more.
    fn free(&self) {
        let handle = self.segment.swap(0, Relaxed);
        if handle != 0 {
            // SAFETY: the segment was pinned by whoever made it, and is so once.
            unsafe { pg_sys::dsm_unpin_segment(handle) };
        }
        self.launched_at.store(0, Relaxed);
        self.failed_starts.store(0, Relaxed);
        self.unserved_since.store(0, Relaxed);
        for flag in [
            &self.dropping,
            &self.no_slot,
            &self.prepared,
            &self.owes_resync,
        ] {
            flag.store(false, Relaxed);
        }
        self.oid.store(0, Release);
    }

    /// Returns true while a worker serves the database.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Acquire)
    }

    /// Returns the process of the worker, 0 if there is none.
    pub fn worker(&self) -> i32 {
        self.worker.load(Relaxed)
    }

    /// Registers this process as the worker. False if there is one already.
    pub fn register(&self) -> bool {
        // SAFETY: this process' own number and latch, which is in shared memory.
        let (pid, latch) = unsafe { (pg_sys::MyProcPid, &raw mut (*pg_sys::MyProc).procLatch) };
        let registered = self.worker.compare_exchange(0, pid, Acquire, Relaxed);
        if registered.is_ok() {
            self.latch.store(latch as usize, Release);
        }
        registered.is_ok()
    }

    /// Notes that the worker serves the database from now on.
    pub fn set_alive(&self) {
        self.failed_starts.store(0, Relaxed);
        self.no_slot.store(false, Relaxed);
        self.alive.store(true, Release);
    }

    /// Notes that the worker ends.
    pub fn deregister(&self) {
        self.alive.store(false, Release);
        self.latch.store(0, Relaxed);
        self.worker.store(0, Release);
    }

    /// Wakes the worker.
    pub fn wake(&self) {
        let latch = self.latch.load(Acquire) as *mut pg_sys::Latch;
        if !latch.is_null() {
            // SAFETY: latches of processes stay where they are as long as the server runs. One that serves another process
            // by now wakes that for nothing.
            unsafe { pg_sys::SetLatch(latch) };
        }
    }

    /// Returns the handle of the segment, 0 if there is none.
    pub fn segment(&self) -> u32 {
        self.segment.load(Acquire)
    }

    /// Stores the handle of the segment.
    pub fn set_segment(&self, handle: u32) {
        self.segment.store(handle, Release);
    }

    /// Returns true for one caller in each of these intervals, in microseconds: the one that is to start a worker.
    pub fn may_launch(&self, now: i64, interval: i64) -> bool {
        let last = self.launched_at.load(Relaxed);
        now.saturating_sub(last) >= interval
            && self
                .launched_at
                .compare_exchange(last, now, Relaxed, Relaxed)
                .is_ok()
    }

    /// Notes that no process could be had for a worker. True if that is news.
    pub fn set_no_slot(&self) -> bool {
        !self.no_slot.swap(true, Relaxed)
    }

    /// Returns true if the last attempt to start a worker found no free process.
    pub fn has_no_slot(&self) -> bool {
        self.no_slot.load(Relaxed)
    }

    /// Counts a start, and returns how many before it came to nothing.
    pub fn count_start(&self) -> u32 {
        self.failed_starts.fetch_add(1, Relaxed)
    }

    /// Notes whether somebody is dropping the database, so that no worker starts in it.
    pub fn set_dropping(&self, dropping: bool) {
        self.dropping.store(dropping, Relaxed);
        if !dropping {
            self.failed_starts.store(0, Relaxed);
        }
    }

    /// Returns true if somebody was dropping the database when the worker ended.
    pub fn is_dropping(&self) -> bool {
        self.dropping.load(Relaxed)
    }

    /// Notes that something is to be announced, since this time in microseconds.
    pub fn set_unserved(&self, now: i64) {
        _ = self
            .unserved_since
            .compare_exchange(0, now, Relaxed, Relaxed);
    }

    /// Notes that the worker has taken what was to be announced.
    pub fn set_served(&self) {
        self.unserved_since.store(0, Relaxed);
    }

    /// Returns since when something is to be announced that the worker has not taken, 0 if nothing is.
    pub fn unserved_since(&self) -> i64 {
        self.unserved_since.load(Relaxed)
    }

    /// Sets whether a prepared transaction may have changes that are announced once it commits.
    pub fn set_prepared(&self, prepared: bool) {
        self.prepared.store(prepared, Relaxed);
    }

    /// Returns true if a prepared transaction may have changes that are announced once it commits.
    pub fn has_prepared(&self) -> bool {
        self.prepared.load(Relaxed)
    }

    /// Notes that changes were not announced, so that the next announcement has to tell listeners to read everything.
    pub fn owe_resync(&self) {
        self.owes_resync.store(true, Relaxed);
    }

    /// Returns true if a resync is owed.
    pub fn owes_resync(&self) -> bool {
        self.owes_resync.load(Relaxed)
    }

    /// Returns true if a resync is owed, which the caller pays.
    pub fn take_resync(&self) -> bool {
        self.owes_resync.swap(false, Relaxed)
    }
}
