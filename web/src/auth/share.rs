//! What tokens may use of their key's requests and streams.
//!
//! Tokens are given to browsers. Whoever takes one out of a page must not be able to keep out the workers, which use the key itself,
//! nor all other pages. Tokens with the same subject and the same scopes are one here, as for idempotency keys.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limit::{Connections, Limits, Rate};

/// All tokens of a key together have the second part of its limits, and each of them the fourth.
const ALL: u32 = 2;
const ONE: u32 = 4;

/// Tokens that are remembered, some 300 bytes each. Beyond, those that are not in use are forgotten: they may send all of their burst
/// again. A guess.
const MOST_TOKENS: usize = 10_000;

/// What the tokens of one key share.
pub(crate) struct Shares {
    limits: Limits,
    all: Share,
    hasher: RandomState,
    each: Mutex<HashMap<u64, Arc<Share>>>,
}

/// What one token may use, or several together.
pub(crate) struct Share {
    pub(super) rate: Rate,
    pub(super) streams: Connections,
}

impl Share {
    pub(super) fn new(limits: &Limits) -> Share {
        Share {
            rate: Rate::new(limits),
            streams: Connections::new(limits.connections_per_key),
        }
    }
}

impl Shares {
    pub(super) fn new(limits: &Limits) -> Shares {
        Shares {
            limits: limits.part(ONE),
            all: Share::new(&limits.part(ALL)),
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
        share
            .or_insert_with(|| Arc::new(Share::new(&self.limits)))
            .clone()
    }
}
