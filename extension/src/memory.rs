//! The memory of a call: bounded by `runmeta.maximum_memory`, and past the bound an error.
//!
//! Rust ends the process when an allocation fails, and with it Postgres ends every session. So the allocator of this
//! library counts what it hands out, and the points at which a call can be cancelled compare the count with the bound.
//! Postgres' memory contexts were the other way: their allocator raises an error by jumping over Rust's frames, which
//! leaves borrows and locks behind, and what outlives a call (plans, changes to announce) would be freed with it.
//!
//! Between two of these points the count can at most triple: what grows there is a vector that doubles. So whenever the
//! count has grown by half, the next such growth is tried out: that much is allocated and freed at once. Where the
//! operating system refuses it (`ulimit -v`, a container's limit), the call ends with the same SQLSTATE as Postgres'
//! own "out of memory". Buffers whose size is known beforehand ask first, with [`admit`].
//!
//! Postgres' own memory (values that are read, arrays that are passed to a statement) is not counted. It is bounded by
//! the slices of a flush, and its allocator raises errors.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::settings;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that the library has from the allocator now.
static USED: AtomicUsize = AtomicUsize::new(0);
/// What was in use when the outermost call began: that of earlier calls of the transaction.
static BEFORE: AtomicUsize = AtomicUsize::new(0);
/// The count at which [`check`] has to look closer. No call runs: never.
static LOOK: AtomicUsize = AtomicUsize::new(usize::MAX);
/// Calls that run: a trigger may call a function of ours while another one runs.
static DEPTH: AtomicUsize = AtomicUsize::new(0);

/// Growth that is not worth trying out, as glibc has it from the process' heap. A guess.
const STEP: usize = 1024 * 1024;
/// A call that used more than this gives what is free back to the operating system: glibc keeps up to 64 MB.
const TRIM: usize = 8 * 1024 * 1024;

/// The system's allocator, and a count.
struct Counting;

impl Counting {
    // A backend has one thread, so a load and a store do; a locked addition would cost 5 ns more.
    fn add(bytes: usize) {
        USED.store(USED.load(Relaxed).wrapping_add(bytes), Relaxed);
    }

    fn subtract(bytes: usize) {
        USED.store(USED.load(Relaxed).wrapping_sub(bytes), Relaxed);
    }
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::add(layout.size());
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Counting::add(layout.size());
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Counting::subtract(layout.size());
        Counting::add(size);
        // SAFETY: the caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Counting::subtract(layout.size());
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// A call whose memory is counted, until it is dropped.
pub struct Call {
    _private: (),
}

/// Begins to count the memory of a call. A call inside of another one counts as part of that one.
pub fn begin() -> Call {
    if DEPTH.fetch_add(1, Relaxed) == 0 {
        let used = USED.load(Relaxed);
        BEFORE.store(used, Relaxed);
        LOOK.store(used.saturating_add(STEP), Relaxed);
    }
    Call { _private: () }
}

impl Drop for Call {
    fn drop(&mut self) {
        if DEPTH.fetch_sub(1, Relaxed) == 1 {
            let most = LOOK.swap(usize::MAX, Relaxed);
            if most.saturating_sub(BEFORE.load(Relaxed)) > TRIM {
                give_back();
            }
        }
    }
}

/// Raises an error if the call has used too much. Called wherever a call can be cancelled.
#[inline]
pub fn check() {
    if USED.load(Relaxed) > LOOK.load(Relaxed) {
        look();
    }
}

/// Raises an error unless the call may have this many bytes more at once.
pub fn admit(bytes: usize) {
    let limit = settings::maximum_memory();
    if own().saturating_add(bytes) > limit {
        past_the_bound(limit);
    }
    if bytes > STEP {
        try_out(bytes);
    }
}

/// Makes room in a buffer for more bytes, as [`admit`] allows.
pub fn reserve(buffer: &mut Vec<u8>, bytes: usize) {
    if buffer.capacity() - buffer.len() >= bytes {
        return;
    }
    // Not twice as much, as a vector grows by itself: 40 MB of JSONB may be written within 64 MB.
    let more = match buffer.capacity() {
        small @ ..STEP => small.max(64),
        large => large / 4,
    };
    let bytes = bytes.max(more);
    admit(bytes);
    if buffer.try_reserve_exact(bytes).is_err() {
        exhausted(bytes);
    }
}

#[cold]
fn look() {
    let (own, limit) = (own(), settings::maximum_memory());
    if own > limit {
        past_the_bound(limit);
    }
    let growth = (own / 2).max(STEP);
    try_out(2 * (own + growth) + STEP);
    LOOK.store(USED.load(Relaxed) + growth, Relaxed);
}

fn own() -> usize {
    USED.load(Relaxed).saturating_sub(BEFORE.load(Relaxed))
}

/// Raises an error where so many bytes cannot be had at once.
fn try_out(bytes: usize) {
    let Ok(layout) = Layout::array::<u8>(bytes) else {
        exhausted(bytes);
    };
    // SAFETY: the layout is not empty, since each caller asks for more than a step; what was handed out is freed.
    let had = unsafe {
        // The compiler would leave out an allocation that nobody uses, and take it for granted.
        let pointer = std::hint::black_box(System.alloc(layout));
        if !pointer.is_null() {
            System.dealloc(pointer, layout);
        }
        !pointer.is_null()
    };
    if !had {
        exhausted(bytes);
    }
}

#[cold]
fn past_the_bound(limit: usize) -> ! {
    crate::refusal::Refusal::TooMuchMemory { limit }.raise()
}

#[cold]
fn exhausted(bytes: usize) -> ! {
    crate::refusal::Refusal::OutOfMemory { bytes }.raise()
}

/// Gives free memory back to the operating system. Where another C library is used, it has its own ways.
fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> std::ffi::c_int;
        }
        // SAFETY: may be called at any time.
        unsafe { malloc_trim(0) };
    }
}
