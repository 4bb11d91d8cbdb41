//! What tokens may use of their key's requests, streams and memory.
//!
//! Tokens are given to browsers. Whoever takes one out of a page must not be able to keep out the workers, which use the key itself,
//! nor all other pages. Tokens with the same subject and the same scopes are one here, as for idempotency keys.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use runmeta_client::Group;

use crate::limit::{Connections, LargeAnswers, Limits, Memory, Rate};

/// All tokens of a key together have the second part of its limits, and each of them the fourth.
const ALL: u32 = 2;
const ONE: u32 = 4;

/// Questions that a key may have under way at once, and batches, where other keys use the same connections: half of the four. A
/// token has one of the two that all tokens have. 60 changes at once of one token, each of 2 s, held up those of others by 19 s.
const OF_KEY: u32 = 2;

/// Tokens that are remembered, some 300 bytes each. Beyond, those that are not in use are forgotten: they may send all of their burst
/// again. A guess.
const MOST_TOKENS: usize = 10_000;

/// What the tokens of one key share.
pub(crate) struct Shares {
    /// Of one token.
    limits: Limits,
    all: Share,
    hasher: RandomState,
    each: Mutex<HashMap<u64, Arc<Share>>>,
}

/// What one token may use, or several together.
pub(crate) struct Share {
    pub(super) rate: Rate,
    pub(super) streams: Connections,
    pub(super) large: LargeAnswers,
    pub(super) memory: Memory,
    pub(super) group: Group,
}

impl Share {
    /// Makes the share of one of so many parts of a key.
    pub(super) fn new(limits: &Limits, memory: Memory, parts: u32) -> Share {
        Share {
            memory,
            group: Group::new((OF_KEY / parts).max(1) as usize),
            large: LargeAnswers::new(LargeAnswers::OF_KEY / parts as usize),
            rate: Rate::new(limits),
            streams: Connections::new(limits.connections_per_key),
        }
    }
}

impl Shares {
    /// Makes the shares of the tokens of a key that has these limits and this memory.
    pub(super) fn new(limits: &Limits, memory: &Memory) -> Shares {
        Shares {
            limits: limits.part(ONE),
            all: Share::new(&limits.part(ALL), memory.part(ALL as usize), ALL),
            hasher: RandomState::new(),
            each: Mutex::default(),
        }
    }

    /// Returns the share of all tokens.
    pub(super) fn all(&self) -> &Share {
        &self.all
    }

    /// Returns the share of the token with this identity.
    pub(super) fn of(&self, identity: &[&str]) -> Arc<Share> {
        let token = self.hasher.hash_one(identity);
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        if each.len() >= MOST_TOKENS && !each.contains_key(&token) {
            // A stream holds its caller, who holds the share.
            each.retain(|_, share| Arc::strong_count(share) > 1);
        }
        let share = each.entry(token);
        let new = || {
            let memory = self.all.memory.part((ONE / ALL) as usize);
            Arc::new(Share::new(&self.limits, memory, ONE))
        };
        share.or_insert_with(new).clone()
    }
}
