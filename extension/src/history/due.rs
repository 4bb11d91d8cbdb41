//! When each tracked number of each run was looked at last: what makes a write between two samples cheap.
//!
//! A small table without locks, in the memory that the sessions of the database share, or of the session where no worker has
//! made that. A sample that is rolled back stays noted, so that the next one is taken in its time. And it may forget: then a
//! number is looked at once more than was needed, and its stored history says that no sample is due.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::process;
use crate::shared;

/// Slots that one number may be in: a line of the processor's cache.
const WAYS: usize = 8;
/// 512 kB. Of 10,000 numbers of runs that work at the same time, practically none is pushed out; of 60,000 a third.
const SLOTS: usize = 64 * 1024;
/// Microseconds of a unit of time here. 32 bits of them are 13 years.
const TICK: i64 = 100_000;

thread_local! {
    static OWN: OnceCell<Vec<AtomicU64>> = const { OnceCell::new() };
}

/// The table. Zero everywhere is its beginning.
#[repr(C)]
pub struct Due {
    slots: [AtomicU64; SLOTS],
}

/// Returns true if a number, known by its hash, was not looked at in the last `every` microseconds.
pub fn is_due(hash: u64, every: i64, now: i64) -> bool {
    with_bucket(hash, |bucket| {
        let found = bucket.iter().map(|slot| slot.load(Relaxed));
        let mut found = found.filter(|slot| tag(*slot) == tag(hash));
        // More than so many ticks, so that as many have passed from beginning to end. A clock that was set back makes it many.
        found
            .next()
            .is_none_or(|slot| age(slot, now) > every / TICK)
    })
}

/// Notes that a number was looked at.
pub fn set_looked_at(hash: u64, at: i64) {
    with_bucket(hash, |bucket| {
        let oldest = |slot: &&AtomicU64| {
            let slot = slot.load(Relaxed);
            match tag(slot) == tag(hash) || slot == 0 {
                true => i64::MAX,
                false => age(slot, at),
            }
        };
        if let Some(slot) = bucket.iter().max_by_key(oldest) {
            slot.store(tag(hash) << 32 | u64::from(ticks(at)), Relaxed);
        }
    });
}

fn with_bucket<T>(hash: u64, use_it: impl FnOnce(&[AtomicU64]) -> T) -> T {
    let first = (hash as usize % (SLOTS / WAYS)) * WAYS;
    let bucket = first..first + WAYS;
    match shared::database(process::database()).and_then(shared::attached) {
        Some(segment) => use_it(&segment.due.slots[bucket]),
        None => OWN.with(|own| {
            let slots = own.get_or_init(|| (0..SLOTS).map(|_| AtomicU64::new(0)).collect());
            use_it(&slots[bucket])
        }),
    }
}

fn tag(slot: u64) -> u64 {
    slot >> 32
}

fn ticks(at: i64) -> u32 {
    (at / TICK) as u32
}

fn age(slot: u64, now: i64) -> i64 {
    ticks(now).wrapping_sub(slot as u32).into()
}
